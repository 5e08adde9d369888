/* server: see server.h for the contract. */
#include "cli/server.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/hold.h"
#include "api/operation.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/admin.h"
#include "cli/backbone_folder.h"
#include "cli/confine.h"
#include "cli/pages.h"
#include "cli/pulse.h"
#include "cli/ring.h"
#include "cli/settings.h"
#include "store/job.h"
#include "work/workshop.h"

enum {
    PLACE_MAX = 8192,
    NOTES_MAX = 65536,
    DESCRIPTORS_BESIDE_CONNECTIONS = 300,
    CONNECTIONS_SHARE = 4, /* of few descriptors so many parts are kept for connections: one */
    POOL_THREADS_LEAST = 4,
    MALLOC_ARENAS = 4,
    TRIM_BYTES = 1024 * 1024
};

/* In the order in which they are made; a member that is NULL has not been. */
struct server {
    struct conf *conf;
    struct settings settings;
    uint32_t connections;
    bool home_is_open;
    struct home home;
    struct root_key root;
    struct buf objects_place;
    struct store *store;
    struct ring ring;
    struct object_store *objects;
    struct rates *rates;
    struct limits_box limits;
    struct pool *pool;
    struct hold *hold;
    struct buf backbones; /* their folder */
    struct workshop *workshop;
    const struct models *models; /* the workshop's */
    struct runner *runner;
    struct auth_options auth;
    struct pages pages;
    struct gate_page page_list[PAGES];
    struct gate *gate;
    struct http_listener *listener;
    struct admin admin;
    struct admin_server *admin_server;
    struct pulse *pulse;
};

/* --- start ------------------------------------------------------------------------------------------------------- */

/*
 * Every connection takes a descriptor, and most systems begin with 1,024 of them. Where even the hard limit is too low,
 * fewer connections are taken than wished for: the database, the buckets and the jobs need descriptors too, and a
 * client that is turned away is better off than one whose call fails half way.
 */
static uint32_t connections_to_take(uint64_t wished)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        limit.rlim_cur >= wished + DESCRIPTORS_BESIDE_CONNECTIONS)
        return (uint32_t)wished;
    uint64_t taken = limit.rlim_cur / CONNECTIONS_SHARE;
    if (limit.rlim_cur > DESCRIPTORS_BESIDE_CONNECTIONS && limit.rlim_cur - DESCRIPTORS_BESIDE_CONNECTIONS > taken)
        taken = limit.rlim_cur - DESCRIPTORS_BESIDE_CONNECTIONS;
    taken = taken < 1 ? 1 : taken > wished ? wished : taken;
    log_line(LOG_WARN, "the limit of open files is too low for that many connections; fewer are taken",
             LOG_N("open-files", limit.rlim_cur), LOG_N("wished", wished), LOG_N("connections", taken));
    return (uint32_t)taken;
}

/* Threads that each keep an arena of freed memory would be most of an idle server's size. */
static void bound_memory(void)
{
    mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
}

static bool open_data(struct server *server, struct err *err)
{
    const struct conf_values *values = &server->conf->values;
    struct buf place;
    if (!home_open(values->data, true, &server->home, err))
        return false;
    server->home_is_open = true;
    if (!home_lock(&server->home, values, err))
        return false;
    buf_init(&place, PLACE_MAX);
    home_store_place(&server->home, values, &place);
    const struct store_options options = { .place = buf_span(&place),
                                           .partition = conf_choice_name("partition", values->partition),
                                           .readers = (unsigned)values->store_readers,
                                           .create = true };
    struct err why;
    bool done = store_open(&options, &server->store, &why);
    if (!done) {
        struct buf shown;
        buf_init(&shown, PLACE_MAX);
        db_show_place(buf_span(&place), &shown);
        fail(err, why.code, "the store %s cannot be opened: %s", buf_cstr(&shown), why.text);
        buf_free(&shown);
    }
    buf_free(&place);
    if (!done || !ring_root_key(&server->home, server->store, values->region, &server->root, err) ||
        !ring_open(&server->ring, server->store, &server->root, values->account, err))
        return false;
    home_objects_place(&server->home, values, &server->objects_place);
    return object_store_open(buf_span(&server->objects_place), &server->objects, err);
}

static unsigned pool_threads(const struct conf_values *values)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (values->pool_threads > 0)
        return (unsigned)values->pool_threads;
    return cores < POOL_THREADS_LEAST ? POOL_THREADS_LEAST : (unsigned)cores;
}

/* What trains and serves models. */
static void start_workshop(struct server *server)
{
    const struct conf_values *values = &server->conf->values;
    backbone_folder(values, &server->backbones);
    const struct workshop_options options = { .store = server->store,
                                              .objects_place = buf_span(&server->objects_place),
                                              .default_account = span_str(values->account),
                                              .shelf = { .data = server->home.path,
                                                         .objects = server->objects,
                                                         .bucket = span_str(server->settings.models_bucket),
                                                         .prefix = span_str(server->settings.models_prefix),
                                                         .cache_bytes = (int64_t)values->models_cache_bytes },
                                              .backbones = buf_cstr(&server->backbones),
                                              .backbone = values->backbone,
                                              .features_bytes = (int64_t)values->features_bytes,
                                              .training_threads = (int64_t)values->training_threads,
                                              .detect_queue = (unsigned)values->detect_queue,
                                              .detect_idle_ms = (int64_t)values->detect_idle_ms,
                                              .log_json = values->log_format == CONF_LOG_JSON,
                                              .log_level = values->log_level };
    server->workshop = workshop_new(&options);
    server->models = workshop_models(server->workshop);
}

static unsigned lanes_off(unsigned roles)
{
    return (roles & ROLE_INGEST ? 0 : 1u << JOB_LANE_DATASETS) | (roles & ROLE_TRAIN ? 0 : 1u << JOB_LANE_TRAINING) |
           (roles & ROLE_DETECT ? 0 : 1u << JOB_LANE_MODELS);
}

static bool start_work(struct server *server, struct err *err)
{
    const struct conf_values *values = &server->conf->values;
    server->rates = rates_new(operation_names, OPERATIONS);
    if (!rates_configure(server->rates, &values->rate, err))
        return false;
    limits_box_init(&server->limits, &server->settings.limits);
    start_workshop(server);
    const struct runner_options options = { .store = server->store,
                                            .objects = server->objects,
                                            .limits = &server->limits,
                                            .threads = (unsigned)values->job_threads,
                                            .parsers = (unsigned)values->parser_threads,
                                            .trainings = (unsigned)values->training_jobs,
                                            .retry_ms = RUNNER_RETRY_MS,
                                            .models = server->models,
                                            .lanes_off = lanes_off(server->settings.roles) };
    if (!pool_start(pool_threads(values), (unsigned)values->pool_queue, &server->pool, err))
        return false;
    uint64_t most = values->held_calls < values->connections / 4 ? values->held_calls : values->connections / 4;
    server->hold = hold_new(server->pool, (unsigned)most, (int64_t)values->hold_ms);
    store_watch(server->store, hold_changed, server->hold);
    return runner_start(&options, &server->runner, err);
}

static void wake_runner(void *ctx)
{
    runner_wake(ctx);
}

static void make_gate(struct server *server)
{
    const struct conf_values *values = &server->conf->values;
    struct span partition = span_str(store_partition(server->store)), account = span_str(values->account);
    server->auth = (struct auth_options){ .service = SPAN_LIT("rekognition"),
                                          .skew_ms = (int64_t)values->clock_skew_ms,
                                          .none = values->auth == CONF_AUTH_NONE,
                                          .partition = partition,
                                          .account = account,
                                          .region = span_str(values->region) };
    bool directory = span_starts(buf_span(&server->objects_place), SPAN_LIT("dir:"));
    server->pages = (struct pages){ .store = server->store,
                                    /* a service elsewhere that fails is not for this server's probe to repeat */
                                    .objects = directory ? server->objects : NULL,
                                    .runner = server->runner,
                                    .workshop = server->workshop };
    pages_list(&server->pages, server->page_list);
    const struct gate_options options = {
        .api = { .store = server->store,
                 .objects = server->objects,
                 .partition = partition,
                 .default_account = account,
                 .models_bucket = span_str(server->settings.models_bucket),
                 .models_prefix = span_str(server->settings.models_prefix),
                 .limits = &server->limits,
                 .models = server->models,
                 .hold = server->hold },
        .auth = &server->auth,
        .keys = server->ring.slot,
        .rates = server->rates,
        .pool = server->pool,
        .pages = server->page_list,
        .page_count = PAGES,
        .pages_only = !(server->settings.roles & ROLE_API),
        .cors_origins = &values->cors_origin,
        .connections = server->connections,
        .wake = wake_runner,
        .wake_ctx = server->runner,
    };
    server->gate = gate_new(&options);
    server->pages.gate = server->gate;
}

static bool start_listener(struct server *server, struct err *err)
{
    const struct conf_values *values = &server->conf->values;
    const struct http_options options = {
        .host = server->settings.host,
        .port = server->settings.port,
        .threads = (unsigned)values->http_threads,
        .head_bytes = (uint32_t)values->head_bytes,
        .body_bytes = (uint32_t)values->body_bytes,
        .request_ms = (uint32_t)values->request_ms,
        .idle_ms = (uint32_t)values->idle_ms,
        .connections = server->connections,
        .connections_per_address = (uint32_t)values->connections_per_address,
        .bodies_bytes = values->bodies_bytes,
        .bodies_per_address_bytes = values->bodies_per_address_bytes,
        .id_header = "x-amzn-RequestId",
        .tls_certificate = values->tls_certificate[0] ? values->tls_certificate : NULL,
        .tls_key = values->tls_key[0] ? values->tls_key : NULL,
    };
    const struct http_handler handler = gate_handler(server->gate);
    if (!http_start(&options, &handler, &server->listener, err))
        return false;
    gate_listens(server->gate, server->listener);
    return true;
}

static void cancel_job(void *ctx, int64_t job_id)
{
    struct server *server = ctx;
    runner_cancel(server->runner, job_id);
}

static bool renew_keys(void *ctx, struct err *err)
{
    struct server *server = ctx;
    return ring_renew(&server->ring, err);
}

/* Another server has changed some; a call that is held may have been waiting for it. */
static bool versions_changed(void *ctx, struct err *err)
{
    struct server *server = ctx;
    hold_changed(server->hold, HOLD_ANY_PROJECT);
    return server->models->follow(server->models->ctx, server->settings.roles & ROLE_DETECT, err);
}

static void start_pulse(struct server *server)
{
    const struct pulse_options options = {
        .store = server->store, .keys_changed = renew_keys, .versions_changed = versions_changed, .ctx = server
    };
    if (store_is_shared(server->store))
        server->pulse = pulse_start(&options);
}

static bool start_admin(struct server *server, struct err *err)
{
    server->admin = (struct admin){ .store = server->store,
                                    .account = server->conf->values.account,
                                    .root_id = server->root.id,
                                    .keys_changed = renew_keys,
                                    .job_cancelled = cancel_job,
                                    .ctx = server };
    return admin_server_start(&server->home, &server->admin, &server->admin_server, err);
}

/* Takes down what has been made. */
static void take_down(struct server *server)
{
    pulse_stop(server->pulse);
    if (server->hold)
        hold_end(server->hold); /* a call that is held would be waited for by http_stop */
    if (server->listener)
        http_stop(server->listener, (uint32_t)server->conf->values.drain_ms);
    if (server->pool)
        pool_stop(server->pool);
    runner_stop(server->runner);
    if (server->hold) {
        store_watch(server->store, NULL, NULL);
        hold_free(server->hold);
    }
    workshop_free(server->workshop);
    admin_server_stop(server->admin_server);
    if (server->gate)
        gate_free(server->gate);
    if (server->rates)
        rates_free(server->rates);
    if (server->objects)
        object_store_close(server->objects);
    ring_close(&server->ring);
    store_close(server->store);
    if (server->home_is_open)
        home_close(&server->home);
    explicit_bzero(&server->root, sizeof server->root);
    buf_free(&server->objects_place);
    buf_free(&server->backbones);
    free(server);
}

static void log_start_line(const struct server *server)
{
    const struct conf_values *values = &server->conf->values;
    const char *given = getenv("PLACARD_ACCESS_KEY_ID");
    struct buf credentials;
    buf_init(&credentials, PLACE_MAX);
    if (given && given[0])
        buf_add_str(&credentials, "PLACARD_ACCESS_KEY_ID");
    else
        buf_addf(&credentials, "%s/credentials", server->home.path);
    log_line(LOG_INFO, "placard is serving", LOG_S("version", PLACARD_VERSION), LOG_S("data", server->home.path),
             LOG_S("account", values->account), LOG_S("seccomp", conf_choice_name("seccomp", values->seccomp)),
             LOG_T("credentials", buf_span(&credentials)), LOG_N("pid", getpid()));
    if (values->auth == CONF_AUTH_NONE)
        log_line(LOG_WARN, "auth is none: every process of this machine may do everything");
    if (span_starts(span_str(values->store), SPAN_LIT("postgres")) && (!values->objects[0] || !values->models[0]))
        log_line(LOG_WARN, "other servers of this store will not find what is kept in this one's data directory",
                 LOG_S("set", values->objects[0]  ? "models"
                              : values->models[0] ? "objects"
                                                  : "objects, models"));
    buf_free(&credentials);
}

bool server_start(struct conf *conf, struct server **ret_server, struct err *err)
{
    struct server *server = mem_zero(1, sizeof *server);
    server->conf = conf;
    buf_init(&server->objects_place, PLACE_MAX);
    buf_init(&server->backbones, PLACE_MAX);
    bound_memory();
    bool done = settings_of(&conf->values, &server->settings, err);
    if (done) {
        server->connections = connections_to_take(conf->values.connections);
        done = open_data(server, err) && start_work(server, err);
    }
    if (done) {
        make_gate(server);
        done = start_listener(server, err) && start_admin(server, err) &&
               confine((enum conf_seccomp)conf->values.seccomp, err);
    }
    if (!done) {
        take_down(server);
        return false;
    }
    start_pulse(server);
    log_start_line(server);
    *ret_server = server;
    return true;
}

void server_url(const struct server *server, struct buf *ret_url)
{
    const char *host = server->settings.host;
    bool brackets = strchr(host, ':') != NULL;
    buf_addf(ret_url, "%s://%s%s%s:%u", server->conf->values.tls_certificate[0] ? "https" : "http", brackets ? "[" : "",
             host, brackets ? "]" : "", (unsigned)http_port(server->listener));
}

void server_stop(struct server *server)
{
    take_down(server);
}

/* --- reload ------------------------------------------------------------------------------------------------------ */

static void log_limits(const struct limits *before, const struct limits *now)
{
    for (size_t i = 0; i < limit_row_count; i++) {
        int64_t was = *(const int64_t *)((const char *)before + limit_rows[i].offset);
        int64_t is = *(const int64_t *)((const char *)now + limit_rows[i].offset);
        if (was != is)
            log_line(LOG_INFO, "a limit has changed (0: lifted)", LOG_S("limit", limit_rows[i].name), LOG_N("was", was),
                     LOG_N("is", is));
    }
}

/* The rates as one text, to compare and to log. */
static void join_rates(const struct conf_list *rates, struct buf *ret_text)
{
    for (size_t i = 0; i < rates->count; i++)
        buf_addf(ret_text, "%s%s", i > 0 ? "," : "", rates->items[i]);
}

static void log_notes(struct span notes)
{
    while (notes.len > 0) {
        struct span note = span_cut(&notes, '\n');
        if (note.len > 0)
            log_line(LOG_WARN, "reload", LOG_T("note", note));
    }
}

/* The new configuration; the rates go last, for they are checked as they are set. */
static bool take_configuration(struct server *server, struct buf *notes, struct err *err)
{
    struct limits limits;
    if (!conf_reload(server->conf, notes, err) || !settings_limits(&server->conf->values, &limits, err) ||
        !rates_configure(server->rates, &server->conf->values.rate, err))
        return false;
    const struct limits before = limits_box_get(&server->limits);
    limits_box_put(&server->limits, &limits);
    log_limits(&before, &limits);
    return true;
}

static void reload_configuration(struct server *server)
{
    struct buf notes, before, now;
    struct err err;
    buf_init(&notes, NOTES_MAX);
    buf_init(&before, NOTES_MAX);
    buf_init(&now, NOTES_MAX);
    join_rates(&server->conf->values.rate, &before);
    if (take_configuration(server, &notes, &err)) {
        log_notes(buf_span(&notes));
        join_rates(&server->conf->values.rate, &now);
        if (!span_eq(buf_span(&before), buf_span(&now)))
            log_line(LOG_INFO, "the rates have changed", LOG_T("rates", buf_span(&now)));
    } else {
        log_line(LOG_ERROR, "the configuration is refused; what was in force stays", LOG_S("why", err.text));
    }
    buf_free(&notes);
    buf_free(&before);
    buf_free(&now);
}

void server_reload(struct server *server)
{
    struct err err;
    log_line(LOG_INFO, "reloading");
    reload_configuration(server);
    if (!ring_renew(&server->ring, &err))
        log_line(LOG_ERROR, "the keys are refused; those in force stay", LOG_S("why", err.text));
    if (server->conf->values.tls_certificate[0]) {
        if (http_reload_tls(server->listener, &err))
            log_line(LOG_INFO, "the certificate has been read anew");
        else
            log_line(LOG_ERROR, "the certificate is refused; the one in force stays", LOG_S("why", err.text));
    }
    log_line(LOG_INFO, "reloaded");
}
