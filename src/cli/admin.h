/*
 * admin: the commands on a data directory (keys, buckets, jobs, rejected), run inside the server that holds it, through
 * DATA/admin.sock, or by the command itself under the lock when no server runs. One function for each command, which
 * knows nothing of the place.
 *
 *     the user's side:   admin_ask(…)           the server's side:   admin_server_start … admin_server_stop
 *
 * An argv is at most ADMIN_REQUEST_MAX bytes, an answer ADMIN_ANSWER_MAX; what may be longer (rejected lines) is asked
 * for in pages.
 */
#ifndef PLACARD_CLI_ADMIN_H
#define PLACARD_CLI_ADMIN_H

#include "cli/command.h"
#include "cli/home.h"
#include "store/store.h"

#define ADMIN_REQUEST_MAX (256 * 1024)
#define ADMIN_ANSWER_MAX (16 * 1024 * 1024)
#define ADMIN_WORDS_MAX 64

/* What a command runs on. */
struct admin {
    struct store *store;
    const char *account;                              /* the default one */
    const char *root_id;                              /* the root key's id; empty where it is not known */
    bool (*keys_changed)(void *ctx, struct err *err); /* called after a change of keys or sessions; may be NULL */
    void (*job_cancelled)(void *ctx, int64_t job_id); /* called after a job was marked so; may be NULL */
    void *ctx;
};

/*
 * One command: argv without the command's name, `input` what the user's side read for it (a policy). Writes what goes
 * to standard output. E_CONFIG: asked wrongly.
 */
typedef bool admin_function(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                            struct err *err);

admin_function admin_keys;
admin_function admin_buckets;
admin_function admin_jobs;
admin_function admin_rejected;

struct admin_answer {
    enum status status;
    struct buf out;     /* for standard output */
    struct buf problem; /* for standard error: a sentence */
};
void admin_answer_init(struct admin_answer *answer);
void admin_answer_free(struct admin_answer *answer);

/* Runs argv[0] here. */
void admin_run(const struct admin *admin, struct span input, int argc, const char **argv, struct admin_answer *answer);

/* The whole of a command on the user's side: finds the place, asks, prints. `argv` is without the command's name. */
enum status admin_command(const struct command *command, struct span input, int argc, const char **argv);

/* The same without printing; the conf says which data directory. */
bool admin_ask(const struct conf *conf, struct span input, int argc, const char **argv, struct admin_answer *answer,
               struct err *err) MUST_CHECK;

/* --- DATA/admin.sock -------------------------------------------------------------------------------------------- */

struct admin_server;

/* Answers one caller after the other on its own thread. `admin` must outlive it. Needs the home's lock. */
bool admin_server_start(const struct home *home, const struct admin *admin, struct admin_server **ret_server,
                        struct err *err) MUST_CHECK;
void admin_server_stop(struct admin_server *server);

/* *ret_asked is false, and nothing happened, when no server listens. */
bool admin_socket_ask(const struct home *home, struct span input, int argc, const char **argv,
                      struct admin_answer *answer, bool *ret_asked, struct err *err) MUST_CHECK;

#endif
