/* porch: see porch.h for the contract. */
#define _GNU_SOURCE /* nftw */
#include "porch.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/operation.h"
#include "aws/sigv4.h"
#include "base/clock.h"
#include "store/job.h"
#include "store/project.h"
#include "work/runner.h"

#define SECRET "secret-of-the-porch"
#define POLICY                                                                                                         \
    "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\","                                        \
    "\"Condition\":{\"StringEquals\":{\"aws:ResourceTag/team\":\"north\"}}}}"

static void hold(void *ctx, struct buf *out, unsigned *ret_status, const char **ret_type)
{
    struct porch *porch = ctx;
    (void)ret_type;
    pthread_mutex_lock(&porch->lock);
    porch->holding++;
    pthread_cond_broadcast(&porch->changed);
    while (!porch->released)
        pthread_cond_wait(&porch->changed, &porch->lock);
    pthread_mutex_unlock(&porch->lock);
    buf_add_str(out, "held");
    *ret_status = 200;
}

void porch_wait_held(struct porch *porch)
{
    pthread_mutex_lock(&porch->lock);
    while (porch->holding == 0)
        pthread_cond_wait(&porch->changed, &porch->lock);
    pthread_mutex_unlock(&porch->lock);
}

void porch_release(struct porch *porch)
{
    pthread_mutex_lock(&porch->lock);
    porch->released = true;
    pthread_cond_broadcast(&porch->changed);
    pthread_mutex_unlock(&porch->lock);
}

static void make_dataset(struct porch *porch)
{
    struct err err;
    struct span project;
    struct limits limits = limits_default();
    struct limits_box box;
    struct runner *runner;
    struct dataset_view view;
    const struct tag tag = { SPAN_LIT("team"), SPAN_LIT("north") };
    limits_box_init(&box, &limits);
    CHECK(project_create(porch->store, &porch->arena, SPAN_LIT(PORCH_ACCOUNT), SPAN_LIT(PORCH_REGION), SPAN_LIT("p"),
                         NULL, 0, &project, &err));
    const struct dataset_new wish = { .project_arn = project, .tags = &tag, .tag_count = 1 };
    CHECK(dataset_create(porch->store, &porch->arena, &wish, &porch->dataset, &err));
    const struct runner_options options = { porch->store, porch->objects, &box, 1, 1 };
    CHECK(runner_start(&options, &runner, &err));
    runner_wake(runner);
    do {
        usleep(1000);
        CHECK(dataset_describe(porch->store, &porch->arena, porch->dataset, &view, &err));
    } while (view.status == DATASET_CREATE_IN_PROGRESS);
    runner_stop(runner);
    CHECK(view.status == DATASET_CREATE_COMPLETE);
}

static void open_rows(struct porch *porch)
{
    struct err err;
    struct keyring *ring;
    const struct key_row keys[] = {
        { .id = SPAN_LIT(PORCH_ROOT), .secret = SPAN_LIT(SECRET), .account = SPAN_LIT(PORCH_ACCOUNT) },
        { .id = SPAN_LIT(PORCH_USER),
          .secret = SPAN_LIT(SECRET),
          .account = SPAN_LIT(PORCH_ACCOUNT),
          .user = SPAN_LIT("ann"),
          .policy = SPAN_LIT(POLICY) },
    };
    struct span place = arena_printf(&porch->arena, "sqlite:%s/placard.db", porch->folder);
    const struct store_options options = { .place = place, .partition = "aws", .readers = 2, .create = true };
    CHECK(store_open(&options, &porch->store, &err));
    CHECK(object_store_open(arena_printf(&porch->arena, "dir:%s/buckets", porch->folder), &porch->objects, &err));
    CHECK(keyring_build(SPAN_LIT("aws"), keys, COUNT_OF(keys), NULL, 0, &ring, &err));
    porch->keys = keyring_slot_new(ring);
    porch->rates = rates_new(operation_names, OPERATIONS);
    CHECK(pool_start(1, 1, &porch->pool, &err));
}

void porch_open(struct porch *porch, uint32_t connections)
{
    struct err err;
    memset(porch, 0, sizeof *porch);
    pthread_mutex_init(&porch->lock, NULL);
    pthread_cond_init(&porch->changed, NULL);
    arena_init(&porch->arena);
    snprintf(porch->folder, sizeof porch->folder, "/tmp/placard-porch-XXXXXX");
    CHECK(mkdtemp(porch->folder));
    open_rows(porch);
    make_dataset(porch);
    porch->auth = (struct auth_options){ .service = SPAN_LIT("rekognition"),
                                         .skew_ms = 900000,
                                         .partition = SPAN_LIT("aws"),
                                         .account = SPAN_LIT(PORCH_ACCOUNT),
                                         .region = SPAN_LIT(PORCH_REGION) };
    struct gate_page *page = arena_alloc(&porch->arena, sizeof *page);
    *page = (struct gate_page){ .path = "/hold", .slow = true, .answer = hold, .ctx = porch };
    const struct gate_options options = {
        .api = { porch->store, porch->objects, SPAN_LIT("aws"), SPAN_LIT(PORCH_ACCOUNT) },
        .auth = &porch->auth,
        .keys = porch->keys,
        .rates = porch->rates,
        .pool = porch->pool,
        .pages = page,
        .page_count = 1,
        .connections = connections,
    };
    porch->gate = gate_new(&options);
    struct http_handler handler = gate_handler(porch->gate);
    struct http_options http = http_options_default;
    http.connections = connections;
    CHECK(http_start(&http, &handler, &porch->listener, &err));
    gate_listens(porch->gate, porch->listener);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void porch_close(struct porch *porch)
{
    http_stop(porch->listener, 5000);
    pool_stop(porch->pool);
    gate_free(porch->gate);
    rates_free(porch->rates);
    keyring_slot_free(porch->keys);
    object_store_close(porch->objects);
    store_close(porch->store);
    arena_free(&porch->arena);
    CHECK(nftw(porch->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

int porch_connect(const struct porch *porch)
{
    struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(http_port(porch->listener)) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(inet_pton(AF_INET, "127.0.0.1", &place.sin_addr) == 1);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&place, sizeof place) == 0);
    return fd;
}

static void send_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* closed: the test reads what the server said */
        bytes = span_from(bytes, (size_t)sent);
    }
}

void porch_send_text(int fd, const char *text)
{
    send_all(fd, span_str(text));
}

void porch_send(int fd, const char *key_id, const char *operation, struct span body)
{
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX], date[17];
    struct buf target, authorization, out;
    buf_init(&target, 256);
    buf_init(&authorization, 4096);
    buf_init(&out, body.len + 8192);
    sha256_of(body, digest);
    sha256_hex(digest, hex);
    clock_basic_iso(clock_wall_ms(), date);
    buf_addf(&target, "RekognitionService.%s", operation);
    const struct sigv4_header headers[] = {
        { SPAN_LIT("content-type"), SPAN_LIT("application/x-amz-json-1.1") },
        { SPAN_LIT("host"), SPAN_LIT("porch") },
        { SPAN_LIT("x-amz-date"), span_str(date) },
        { SPAN_LIT("x-amz-target"), buf_span(&target) },
    };
    const struct sigv4_request request = { .method = SPAN_LIT("POST"),
                                           .path = SPAN_LIT("/"),
                                           .headers = headers,
                                           .header_count = COUNT_OF(headers),
                                           .payload_hash = span_of(hex, sizeof hex) };
    const struct sigv4_credentials credentials = { span_str(key_id), SPAN_LIT(SECRET) };
    CHECK(sigv4_sign(&request, credentials, SPAN_LIT(PORCH_REGION), SPAN_LIT("rekognition"), span_str(date),
                     &authorization));
    buf_add_str(&out, "POST / HTTP/1.1\r\n");
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        buf_addf(&out, SPAN_FMT ": " SPAN_FMT "\r\n", SPAN_ARG(headers[i].name), SPAN_ARG(headers[i].value));
    buf_addf(&out, "authorization: %s\r\ncontent-length: %zu\r\n\r\n", buf_cstr(&authorization), body.len);
    buf_add(&out, body);
    send_all(fd, buf_span(&out));
    buf_free(&target);
    buf_free(&authorization);
    buf_free(&out);
}

unsigned porch_answer(struct porch *porch, int fd, struct span *ret_body)
{
    static const char length_name[] = "Content-Length: ";
    struct buf in;
    size_t head = 0, length = 0;
    unsigned status = 0;
    buf_init(&in, 1 << 20);
    while (head == 0 || in.len < head + length) {
        char c;
        if (recv(fd, &c, 1, 0) <= 0)
            break;
        buf_add_char(&in, c);
        if (head == 0 && span_ends(buf_span(&in), SPAN_LIT("\r\n\r\n"))) {
            head = in.len;
            const char *text = buf_cstr(&in), *at = strstr(text, length_name);
            status = (unsigned)strtoul(text + sizeof "HTTP/1.1", NULL, 10);
            length = at ? strtoul(at + sizeof length_name - 1, NULL, 10) : 0;
        }
    }
    *ret_body = arena_copy(&porch->arena, span_from(buf_span(&in), head));
    buf_free(&in);
    return status;
}

unsigned porch_ask(struct porch *porch, const char *key_id, const char *operation, struct span body,
                   struct span *ret_body)
{
    int fd = porch_connect(porch);
    porch_send(fd, key_id, operation, body);
    unsigned status = porch_answer(porch, fd, ret_body);
    close(fd);
    return status;
}
