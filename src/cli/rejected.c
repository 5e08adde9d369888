/* rejected: `placard rejected`, which fetches the report of api/report.h page by page. */
#include <stdio.h>

#include "api/report.h"
#include "cli/admin.h"

static bool number_of(const char *text, const char *flag, uint64_t max, uint64_t *ret_value, struct err *err)
{
    return !text || span_to_u64(span_str(text), max, ret_value) ||
           fail(err, E_CONFIG, "%s: `%s` is not a number up to %llu", flag, text, (unsigned long long)max);
}

/* One page: `rejected ARN [--after LINE] [--limit N]`. Its first line is where to go on; the command takes it off. */
bool admin_rejected(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                    struct err *err)
{
    const char *after_text = NULL, *limit_text = NULL;
    const struct flag flags[] = { { "--after", NULL, &after_text }, { "--limit", NULL, &limit_text } };
    uint64_t after = 0, limit = REPORT_PAGE_MAX;
    int64_t next;
    struct buf report;
    (void)input;
    if (!command_flags(flags, COUNT_OF(flags), &argc, argv, err) ||
        !number_of(after_text, "--after", INT64_MAX, &after, err) ||
        !number_of(limit_text, "--limit", REPORT_PAGE_MAX, &limit, err))
        return false;
    if (argc != 1)
        return fail(err, E_CONFIG, "say `rejected DATASET-ARN`");
    buf_init(&report, ADMIN_ANSWER_MAX);
    bool done = report_page(admin->store, span_str(argv[0]), (int64_t)after, (unsigned)limit, &report, &next, err);
    if (done) {
        buf_addf(out, "%lld\n", (long long)next);
        buf_add(out, buf_span(&report));
    }
    buf_free(&report);
    return done;
}

/* One page to standard output; *ret_next 0 at the end. */
static enum status print_page(const struct conf *conf, const char *arn, uint64_t after, uint64_t *ret_next)
{
    struct admin_answer answer;
    struct err err;
    char after_text[24];
    const char *words[] = { "rejected", "--after", after_text, "--", arn };
    enum status status;
    snprintf(after_text, sizeof after_text, "%llu", (unsigned long long)after);
    admin_answer_init(&answer);
    bool done = admin_ask(conf, SPAN_NONE, COUNT_OF(words), words, &answer, &err);
    struct span rest = buf_span(&answer.out);
    if (done && answer.status != STATUS_DONE)
        done = fail(&err, answer.status == STATUS_USAGE ? E_CONFIG : E_INTERNAL, "%s", buf_cstr(&answer.problem));
    if (done && !span_to_u64(span_cut(&rest, '\n'), INT64_MAX, ret_next))
        done = fail(&err, E_INTERNAL, "the server's answer is not a report");
    status = done ? command_print(&command_rejected, rest) : command_failed(&command_rejected, &err);
    admin_answer_free(&answer);
    return status;
}

static enum status run(int argc, const char **argv)
{
    static const char *const only[] = { "data", NULL };
    struct conf conf;
    struct err err;
    bool done = command_conf(&conf, only, &argc, argv, &err) && command_flags(NULL, 0, &argc, argv, &err);
    if (done && argc != 1)
        done = fail(&err, E_CONFIG, "say `placard rejected DATASET-ARN`");
    enum status status = STATUS_DONE;
    uint64_t next = 0;
    if (!done)
        status = command_failed(&command_rejected, &err);
    else
        do
            status = print_page(&conf, argv[0], next, &next);
        while (status == STATUS_DONE && next > 0);
    conf_free(&conf);
    return status;
}

const struct command command_rejected = {
    .name = "rejected",
    .summary = "show the manifest lines that a dataset's last create or update dropped",
    .help =
        "Usage: placard rejected DATASET-ARN [--data DIR] [--config FILE]\n\n"
        "One JSON object a line: the line number in the manifest (or in the changes of an update), the code of the\n"
        "reason, and the value at fault. Amazon drops such lines without a word.\n\n"
        "Example:\n"
        "  placard rejected arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1690476084535\n",
    .run = run,
};
