/* fsck: recounts the database and compares it with its counters. */
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/home.h"
#include "cli/recount.h"
#include "cli/settings.h"

enum { PLACE_MAX = 8192 };

static void say(void *ctx, bool fault, struct span subject, const char *sentence)
{
    const bool *notes = ctx;
    if (fault || *notes)
        printf("%s " SPAN_FMT ": %s\n", fault ? "WRONG" : "note ", SPAN_ARG(subject), sentence);
}

void recount_print(const struct fsck_counts *counts)
{
    printf(
        "%lld projects, %lld datasets, %lld versions, %lld blocks, %lld entries, %lld labels, %lld refs, %lld jobs: ",
        (long long)counts->projects, (long long)counts->datasets, (long long)counts->versions,
        (long long)counts->blocks, (long long)counts->entries, (long long)counts->labels, (long long)counts->refs,
        (long long)counts->jobs);
    if (counts->faults == 0)
        printf("all agrees\n");
    else
        printf("%lld disagreements\n", (long long)counts->faults);
}

/* A file that is not there would be made by looking for it. */
static bool check_there(const struct home *home, const struct conf_values *values, struct err *err)
{
    if (values->store[0] || faccessat(home->folder, "placard.db", F_OK, 0) == 0)
        return true;
    return fail(err, E_CONFIG, "there is no database in %s", home->path);
}

bool recount(const struct conf_values *values, struct span place, bool notes, struct fsck_counts *ret_counts,
             struct err *err)
{
    const struct limits aws = limits_default(), none = limits_none();
    struct limits configured;
    if (!settings_limits(values, &configured, err))
        return false;
    const struct manifest_limits limits[] = { limits_of_line(&configured), limits_of_line(&none),
                                              limits_of_line(&aws) };
    const struct fsck_options options = {
        .place = place, .limits = limits, .limit_count = COUNT_OF(limits), .say = say, .ctx = &notes
    };
    return fsck_run(&options, ret_counts, err);
}

static bool check_all(const struct conf *conf, struct fsck_counts *ret_counts, struct err *err)
{
    struct home home;
    struct buf place;
    if (!home_open(conf->values.data, false, &home, err))
        return false;
    buf_init(&place, PLACE_MAX);
    home_store_place(&home, &conf->values, &place);
    bool done =
        check_there(&home, &conf->values, err) && recount(&conf->values, buf_span(&place), true, ret_counts, err);
    buf_free(&place);
    home_close(&home);
    return done;
}

static enum status run(int argc, const char **argv)
{
    static const char *const only[] = { "data", "store", RECOUNT_SETTINGS, NULL };
    struct conf conf;
    struct fsck_counts counts;
    struct err err;
    bool done = command_conf(&conf, only, &argc, argv, &err) && command_flags(NULL, 0, &argc, argv, &err);
    if (done && argc > 0)
        done = fail(&err, E_CONFIG, "`%s` is not expected here", argv[0]);
    done = done && check_all(&conf, &counts, &err);
    conf_free(&conf);
    if (!done)
        return command_failed(&command_fsck, &err);
    recount_print(&counts);
    return fflush(stdout) == 0 && counts.faults == 0 ? STATUS_DONE : STATUS_FAILED;
}

const struct command command_fsck = {
    .name = "fsck",
    .summary = "recount everything in the database and compare",
    .help =
        "Usage: placard fsck [--data DIR] [--config FILE] [--store PLACE] [--limits SET] [--limit KEY=VALUE]…\n\n"
        "Reads one snapshot, also beside a running server: every block, every line, the counters, labels and refs of\n"
        "every dataset, and rows that belong to nothing. A line WRONG is a disagreement; a note is something that a\n"
        "pending job explains. Exits 0 only when all agrees. Entries read under limits other than the default ones\n"
        "need those limits here too.\n\n"
        "Example:\n"
        "  placard fsck --data placard-data\n",
    .run = run,
};
