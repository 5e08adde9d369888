/*
 * conf: the configuration, one table.
 *
 * A row of the table names a setting once; from the name follow the flag (`--pool-queue N`), the variable
 * (PLACARD_POOL_QUEUE) and the line of the file (`pool-queue = N`), and the table prints, checks and documents itself.
 * A flag goes before a variable, a variable before the file, the file before the default; a list or a set of pairs is
 * replaced, respectively merged key by key, by the stronger source.
 *
 *     struct conf conf;
 *     conf_init(&conf);
 *     conf_take_flags(&conf, NULL, &argc, argv, &err)   what is left in argv is the caller's
 *     conf_load(&conf, environ, &err)
 *     … conf.listen … conf_reload(&conf, &notes, &err) on SIGHUP …
 *     conf_free(&conf);
 *
 * Texts belong to the conf and live until conf_reload or conf_free. One thread at a time. Errors are E_CONFIG and name
 * the flag, the variable, or the file and line. What a value means beyond its own form (is this address a loopback
 * one?) is checked by who uses it.
 */
#ifndef PLACARD_BASE_CONF_H
#define PLACARD_BASE_CONF_H

#include "base/buf.h"
#include "base/err.h"

enum conf_kind {
    CONF_TEXT,   /* char * */
    CONF_CHOICE, /* unsigned, the place in choices */
    CONF_NUMBER, /* uint64_t, decimal */
    CONF_BYTES,  /* uint64_t, decimal with an optional KiB, MiB or GiB */
    CONF_LIST,   /* struct conf_list; separated by commas, or given again */
    CONF_PAIRS   /* struct conf_list of KEY=VALUE; likewise; in the file also `name.KEY = VALUE` */
};

enum conf_source { CONF_DEFAULT, CONF_FILE, CONF_ENVIRONMENT, CONF_FLAG };

enum conf_auth { CONF_AUTH_SIGV4, CONF_AUTH_NONE };
enum conf_log_format { CONF_LOG_LOGFMT, CONF_LOG_JSON };
enum conf_seccomp { CONF_SECCOMP_REFUSE, CONF_SECCOMP_KILL, CONF_SECCOMP_OFF };
enum conf_limits { CONF_LIMITS_AWS, CONF_LIMITS_NONE };

struct conf_list {
    char **items;
    size_t count;
};

/* The values; conf.c's table has one row for each, in this order. */
struct conf_values {
    char *data;
    char *listen;
    char *account;
    char *region;
    unsigned partition; /* place in "aws", "aws-cn", "aws-us-gov" */
    char *store;        /* empty: sqlite:DATA/placard.db */
    struct conf_list roles;
    char *objects; /* empty: dir:DATA/buckets */
    char *models;  /* empty: DATA/models */
    uint64_t models_cache_bytes;
    char *backbones; /* empty: DATA/backbones */
    char *backbone;  /* the id of one of them */
    uint64_t training_threads;
    uint64_t features_bytes;
    uint64_t detect_queue;
    uint64_t detect_idle_ms;
    unsigned auth;
    unsigned seccomp; /* enum conf_seccomp */
    char *tls_certificate;
    char *tls_key;
    struct conf_list cors_origin;
    uint64_t clock_skew_ms;
    unsigned log_level; /* enum log_level */
    unsigned log_format;
    uint64_t http_threads;
    uint64_t connections;
    uint64_t connections_per_address;
    uint64_t head_bytes;
    uint64_t body_bytes;
    uint64_t bodies_bytes;
    uint64_t bodies_per_address_bytes;
    uint64_t request_ms;
    uint64_t idle_ms;
    uint64_t drain_ms;
    uint64_t pool_threads;
    uint64_t pool_queue;
    uint64_t store_readers;
    uint64_t job_threads;
    uint64_t parser_threads;
    uint64_t training_jobs;
    uint64_t hold_ms;
    uint64_t held_calls;
    struct conf_list rate;
    unsigned limits;
    struct conf_list limit;
};

struct conf_row {
    const char *name;
    enum conf_kind kind;
    size_t at; /* offset in struct conf_values */
    const char *fallback;
    uint64_t min, max;          /* of a number */
    const char *const *choices; /* of a choice, NULL at the end */
    bool reload;                /* SIGHUP takes a new value */
    const char *metavar;
    const char *help;
};

#define CONF_ROWS 45
extern const struct conf_row conf_rows[CONF_ROWS];

struct conf {
    struct conf_values values;
    enum conf_source sources[CONF_ROWS];
    struct conf_list flags;       /* NAME=VALUE as given, kept for conf_reload */
    struct conf_list environment; /* likewise, without the PLACARD_ of others */
    char *file;                   /* of --config or PLACARD_CONFIG; NULL: none */
};

void conf_init(struct conf *conf);
void conf_free(struct conf *conf);

/*
 * Takes `--config` and the flags of the table out of argv[0 .. *argc), up to a `--`; what it does not know stays, in
 * order. `only` (NULL-terminated, NULL: all) names the rows to look for. Both `--name value` and `--name=value`.
 */
bool conf_take_flags(struct conf *conf, const char *const *only, int *argc, const char **argv,
                     struct err *err) MUST_CHECK;

/*
 * Resolves everything. Variables that begin with PLACARD_ and are no row's are left alone: orchestrators set such ones
 * for a service of that name. An unknown key in the file is an error with its line and the nearest name.
 */
bool conf_load(struct conf *conf, const char *const *environment, struct err *err) MUST_CHECK;

/*
 * Reads the file anew. Rows that reload take their new values; a changed row that does not is named in ret_notes, a
 * sentence a line, and keeps its value. On failure nothing changes.
 */
bool conf_reload(struct conf *conf, struct buf *ret_notes, struct err *err) MUST_CHECK;

/* All values as a file that reads back the same, each with where it came from. */
void conf_print(const struct conf *conf, struct buf *ret_text);

/* The flags, their meaning and defaults, for --help. */
void conf_help(struct buf *ret_text);

/* The value of KEY among CONF_PAIRS (the last one given), or NULL. */
const char *conf_pair(const struct conf_list *pairs, const char *key);

/* The word for a choice's place: conf_choice_name("auth", CONF_AUTH_NONE) is "none". */
const char *conf_choice_name(const char *row_name, unsigned place);

/* "no flag --lisen; did you mean --listen?": the sentence for a flag that nobody knows. Always false. */
bool conf_unknown_flag(const char *flag, struct err *err);

#endif
