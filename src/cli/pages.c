/* pages: see pages.h for the contract. */
#include "cli/pages.h"

#include "base/log.h"

static const char plain_text[] = "text/plain; charset=utf-8";
static const char prometheus_text[] = "text/plain; version=0.0.4; charset=utf-8";

static void answer_health(void *ctx, struct buf *out, unsigned *ret_status, const char **ret_type)
{
    (void)ctx;
    buf_add_str(out, "ok\n");
    *ret_status = 200;
    *ret_type = plain_text;
}

/* Any bucket will do: that it is not there is an answer, too. */
static bool ask_objects(struct object_store *objects, struct err *err)
{
    const struct object_name name = { .bucket = SPAN_LIT("placard-readyz"), .key = SPAN_LIT("readyz") };
    struct object_info info;
    return !objects || object_stat(objects, name, &info, err) || err->code == E_OBJECT || err->code == E_OBJECT_DENIED;
}

/* The cause is for the log: the page can be read by anybody. */
static void answer_readiness(void *ctx, struct buf *out, unsigned *ret_status, const char **ret_type)
{
    struct pages *pages = ctx;
    struct err err = { E_OK, "" };
    const char *problem = NULL;
    if (!store_ping(pages->store, &err))
        problem = "The store cannot be written. The server's log says why.";
    else if (!ask_objects(pages->objects, &err))
        problem = "The object store cannot be read. The server's log says why.";
    if (problem)
        log_line(LOG_WARN, "not ready", LOG_S("problem", problem), LOG_S("why", err.text));
    buf_addf(out, "%s\n", problem ? problem : "ready");
    *ret_status = problem ? 503 : 200;
    *ret_type = plain_text;
}

static void add_seconds(struct buf *out, const char *name, uint64_t us)
{
    buf_addf(out, "%s %llu.%06llu\n", name, (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
}

static void add_store_waits(struct buf *out, struct store_waits waits)
{
    uint64_t count = 0;
    buf_add_str(out, "# HELP placard_store_api_wait_seconds Time that writing calls waited for the one writer.\n"
                     "# TYPE placard_store_api_wait_seconds histogram\n");
    for (unsigned b = 0; b < STORE_WAIT_BOUNDS; b++) {
        count += waits.within[b];
        buf_addf(out, "placard_store_api_wait_seconds_bucket{le=\"%g\"} %llu\n", (double)store_wait_bounds_us[b] / 1e6,
                 (unsigned long long)count);
    }
    count += waits.within[STORE_WAIT_BOUNDS];
    buf_addf(out, "placard_store_api_wait_seconds_bucket{le=\"+Inf\"} %llu\n", (unsigned long long)count);
    add_seconds(out, "placard_store_api_wait_seconds_sum", waits.sum_us);
    buf_addf(out, "placard_store_api_wait_seconds_count %llu\n", (unsigned long long)count);
    buf_add_str(out, "# HELP placard_store_api_wait_seconds_max The longest of them since the start.\n"
                     "# TYPE placard_store_api_wait_seconds_max gauge\n");
    add_seconds(out, "placard_store_api_wait_seconds_max", waits.max_us);
}

static void answer_metrics(void *ctx, struct buf *out, unsigned *ret_status, const char **ret_type)
{
    struct pages *pages = ctx;
    buf_add_str(out, "# HELP placard_build_info Always 1; the label says which program this is.\n"
                     "# TYPE placard_build_info gauge\n"
                     "placard_build_info{version=\"" PLACARD_VERSION "\"} 1\n");
    gate_metrics(pages->gate, out);
    runner_metrics(pages->runner, out);
    workshop_metrics(pages->workshop, out);
    add_store_waits(out, store_api_waits(pages->store));
    *ret_status = 200;
    *ret_type = prometheus_text;
}

void pages_list(struct pages *pages, struct gate_page ret_list[PAGES])
{
    ret_list[0] = (struct gate_page){ .path = "/healthz", .answer = answer_health, .ctx = pages };
    ret_list[1] = (struct gate_page){ .path = "/readyz", .slow = true, .answer = answer_readiness, .ctx = pages };
    /* slow: the number of pending jobs is read from the store */
    ret_list[2] = (struct gate_page){ .path = "/metrics", .slow = true, .answer = answer_metrics, .ctx = pages };
}
