/* admin: see admin.h for the contract. The table of commands, and where one runs. */
#include "cli/admin.h"

#include <stdio.h>
#include <time.h>

enum { TRIES = 50, BETWEEN_TRIES_MS = 100, PROBLEM_MAX = 4096, PLACE_MAX = 8192 };

static const struct {
    const char *name;
    admin_function *run;
} functions[] = {
    { "keys", admin_keys },
    { "buckets", admin_buckets },
    { "jobs", admin_jobs },
    { "rejected", admin_rejected },
};

void admin_answer_init(struct admin_answer *answer)
{
    answer->status = STATUS_FAILED;
    buf_init(&answer->out, ADMIN_ANSWER_MAX);
    buf_init(&answer->problem, PROBLEM_MAX);
}

void admin_answer_free(struct admin_answer *answer)
{
    buf_free(&answer->out);
    buf_free(&answer->problem);
}

static admin_function *function_named(struct span name)
{
    for (unsigned i = 0; i < COUNT_OF(functions); i++)
        if (span_is(name, functions[i].name))
            return functions[i].run;
    return NULL;
}

void admin_run(const struct admin *admin, struct span input, int argc, const char **argv, struct admin_answer *answer)
{
    struct err err;
    admin_function *run = argc > 0 ? function_named(span_str(argv[0])) : NULL;
    bool done = run ? run(admin, input, argc - 1, argv + 1, &answer->out, &err)
                    : fail(&err, E_CONFIG, "the server knows no such command; is it of another version?");
    if (done && answer->out.overflow)
        done = fail(&err, E_TOO_LARGE, "the answer is too long");
    answer->status = done ? STATUS_DONE : err.code == E_CONFIG ? STATUS_USAGE : STATUS_FAILED;
    if (!done) {
        buf_clear(&answer->out);
        buf_add_str(&answer->problem, err.text);
    }
}

/* Opens the store under the lock that the caller holds and runs the command here. */
static bool run_here(const struct home *home, const struct conf_values *values, struct span input, int argc,
                     const char **argv, struct admin_answer *answer, struct err *err)
{
    struct buf place;
    struct store *store = NULL;
    buf_init(&place, PLACE_MAX);
    home_store_place(home, values, &place);
    const struct store_options options = { .place = buf_span(&place),
                                           .partition = conf_choice_name("partition", values->partition),
                                           .readers = 1,
                                           .create = true };
    bool done = store_open(&options, &store, err);
    if (done) {
        const struct admin admin = { .store = store, .account = values->account, .root_id = "" };
        admin_run(&admin, input, argc, argv, answer);
        store_close(store);
    }
    buf_free(&place);
    return done;
}

/* A server that is just starting or ending holds the lock and does not listen: wait for either to change. */
static bool ask_somewhere(struct home *home, const struct conf_values *values, struct span input, int argc,
                          const char **argv, struct admin_answer *answer, struct err *err)
{
    const struct timespec pause = { .tv_nsec = BETWEEN_TRIES_MS * 1000000L };
    for (unsigned tries = 0;; tries++) {
        bool asked;
        if (!admin_socket_ask(home, input, argc, argv, answer, &asked, err))
            return false;
        if (asked)
            return true;
        if (home_lock(home, values, err))
            return run_here(home, values, input, argc, argv, answer, err);
        if (err->code != E_IN_USE || tries == TRIES)
            return false;
        nanosleep(&pause, NULL);
    }
}

bool admin_ask(const struct conf *conf, struct span input, int argc, const char **argv, struct admin_answer *answer,
               struct err *err)
{
    struct home home;
    if (!home_open(conf->values.data, false, &home, err))
        return false;
    bool done = ask_somewhere(&home, &conf->values, input, argc, argv, answer, err);
    home_close(&home);
    return done;
}

enum status admin_command(const struct command *command, struct span input, int argc, const char **argv)
{
    static const char *const only[] = { "data", NULL };
    const char *words[ADMIN_WORDS_MAX];
    struct conf conf;
    struct err err;
    struct admin_answer answer;
    enum status status;
    admin_answer_init(&answer);
    bool done = command_conf(&conf, only, &argc, argv, &err);
    if (done && argc + 1 > ADMIN_WORDS_MAX)
        done = fail(&err, E_CONFIG, "that is too many words");
    if (done) {
        words[0] = command->name;
        memcpy(words + 1, argv, (size_t)argc * sizeof *argv);
        done = admin_ask(&conf, input, argc + 1, words, &answer, &err);
    }
    if (!done) {
        status = command_failed(command, &err);
    } else {
        status = answer.status;
        if (answer.problem.len > 0)
            fprintf(stderr, "placard %s: %s\n", command->name, buf_cstr(&answer.problem));
        if (command_print(command, buf_span(&answer.out)) != STATUS_DONE)
            status = STATUS_FAILED;
    }
    conf_free(&conf);
    admin_answer_free(&answer);
    return status;
}
