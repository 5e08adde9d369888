/* jobs: the work that is promised and not yet done; a training can be cancelled. */
#include "base/clock.h"
#include "cli/admin.h"
#include "json/json_writer.h"
#include "store/job.h"

static void add_json(struct buf *out, const struct job_row *row)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "id");
    json_add_int(&w, row->id);
    json_key(&w, "kind");
    json_add_string(&w, span_str(job_kind_name(row->kind)));
    json_key(&w, "phase");
    json_add_string(&w, span_str(job_phase_name(row->phase)));
    json_key(&w, row->kind < JOB_TRAIN ? "dataset" : "version");
    json_add_string(&w, row->arn);
    json_key(&w, "running");
    json_add_bool(&w, row->running);
    json_key(&w, "failures");
    json_add_int(&w, row->failures);
    json_key(&w, "cursor");
    json_add_int(&w, row->cursor);
    json_key(&w, "created");
    json_add_time_ms(&w, row->created_ms);
    json_close_object(&w);
    json_writer_end(&w);
    buf_add_char(out, '\n');
}

static void add_line(struct buf *out, const struct job_row *row)
{
    char created[25];
    clock_extended_iso(row->created_ms, created);
    buf_addf(out, "%lld  %s  %-15s  %-9s  %-7s  %lld failures  " SPAN_FMT "\n", (long long)row->id, created,
             job_kind_name(row->kind), job_phase_name(row->phase), row->running ? "running" : "waiting",
             (long long)row->failures, SPAN_ARG(row->arn));
}

static bool cancel(const struct admin *admin, const char *number, struct buf *out, struct err *err)
{
    uint64_t id;
    if (!span_to_u64(span_str(number), INT64_MAX, &id))
        return fail(err, E_CONFIG, "`%s` is not the number of a job; `placard jobs` lists them", number);
    if (!job_cancel(admin->store, (int64_t)id, err))
        return false;
    if (admin->job_cancelled)
        admin->job_cancelled(admin->ctx, (int64_t)id);
    buf_addf(out, "job %llu will be given up, unless it is done first\n", (unsigned long long)id);
    return true;
}

bool admin_jobs(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                struct err *err)
{
    bool json = false;
    const struct flag flags[] = { { "--json", &json, NULL } };
    struct arena arena;
    struct job_row *rows;
    size_t count;
    (void)input;
    if (!command_flags(flags, COUNT_OF(flags), &argc, argv, err))
        return false;
    if (argc == 2 && !json && span_is(span_str(argv[0]), "cancel"))
        return cancel(admin, argv[1], out, err);
    if (argc > 1 || (argc == 1 && !span_is(span_str(argv[0]), "list")))
        return fail(err, E_CONFIG, "there are only `jobs list` and `jobs cancel NUMBER`");
    arena_init(&arena);
    bool done = job_list(admin->store, &arena, &rows, &count, err);
    for (size_t i = 0; done && i < count; i++) {
        if (json)
            add_json(out, &rows[i]);
        else
            add_line(out, &rows[i]);
    }
    arena_free(&arena);
    return done;
}

static enum status run(int argc, const char **argv)
{
    return admin_command(&command_jobs, SPAN_NONE, argc, argv);
}

const struct command command_jobs = {
    .name = "jobs",
    .summary = "show the work that is promised and not yet done; cancel a training",
    .help =
        "Usage: placard jobs [list] [--json] [--data DIR] [--config FILE]\n"
        "       placard jobs cancel NUMBER [--data DIR] [--config FILE]\n\n"
        "One line a job, oldest first, at most 1,000: number, when it was promised, kind, phase, whether it runs,\n"
        "how often it failed, and the dataset or model version. With --json one JSON object a line.\n\n"
        "cancel ends a training (kind `train`), waiting or under way: its version becomes TRAINING_FAILED and says\n"
        "that it was cancelled. Other jobs cannot be cancelled.\n\n"
        "Example:\n"
        "  placard jobs --data placard-data\n",
    .run = run,
};
