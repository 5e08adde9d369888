/*
 * command: what a subcommand is, and the few things they share.
 *
 * A file of this room is one subcommand: its contract, one const entry, its function. main.c lists the entries, answers
 * --help and turns what `run` returns into the exit status. The command's name is not part of its argv.
 */
#ifndef PLACARD_CLI_COMMAND_H
#define PLACARD_CLI_COMMAND_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"

enum status {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,     /* asked rightly, and it could not be done or is not so */
    STATUS_USAGE = 2,      /* asked wrongly: a flag, an argument, the configuration */
    STATUS_UNREACHED = 255 /* `call` alone: no server answered */
};

struct command {
    const char *name;
    const char *summary; /* one line of `placard --help` */
    const char *help;    /* usage, flags, examples */
    void (*more_help)(struct buf *ret_text);
    enum status (*run)(int argc, const char **argv);
};

extern const struct command command_serve;
extern const struct command command_keys;
extern const struct command command_buckets;
extern const struct command command_jobs;
extern const struct command command_rejected;
extern const struct command command_fsck;
extern const struct command command_backup;
extern const struct command command_restore;
extern const struct command command_migrate_store;
extern const struct command command_check_config;
extern const struct command command_print_config;
extern const struct command command_dump_model;
extern const struct command command_backbone;
extern const struct command command_train;
extern const struct command command_call;
extern const struct command command_version;

/* "placard keys: <err's sentence>" on standard error. E_CONFIG is STATUS_USAGE, everything else STATUS_FAILED. */
enum status command_failed(const struct command *command, const struct err *err);

/* Everything to standard output; STATUS_FAILED when that cannot be written. */
enum status command_print(const struct command *command, struct span text);

/* A flag that is not the configuration's: `--json` (text NULL) or `--user NAME`. */
struct flag {
    const char *name; /* with its dashes */
    bool *ret_seen;
    const char **ret_text;
};

/*
 * Takes flags out of argv, leaving arguments in order and dropping one `--`. E_CONFIG for a flag in none of the rows,
 * with the nearest name, for one given twice, and for one without its value.
 */
bool command_flags(const struct flag *flags, size_t count, int *argc, const char **argv, struct err *err) MUST_CHECK;

/* The place of argv[0] among a command's second words, as in `keys create`; -1 and E_CONFIG with them all otherwise. */
int command_verb(const char *const *verbs, size_t count, int argc, const char **argv, struct err *err);

/* An empty conf filled from the flags in argv (`only`: those rows; NULL: all), the environment and the file. */
bool command_conf(struct conf *conf, const char *const *only, int *argc, const char **argv, struct err *err) MUST_CHECK;

#endif
