/*
 * object_tool: one object store operation per run, for the tests of this folder.
 *
 *     object_tool PLACE make BUCKET
 *     object_tool PLACE put BUCKET KEY                            the content from standard input
 *     object_tool PLACE remove BUCKET KEY
 *     object_tool PLACE stat BUCKET KEY [VERSION]                 prints `BYTES ETAG`
 *     object_tool PLACE get BUCKET KEY OFFSET ETAG [VERSION [ROOM [PAUSE_MS]]]   the content to standard output, read
 *                                                                 ROOM bytes at a time with one pause after the first
 *
 * A failure is told on standard error as `CODE sentence`, after what the store logs, and makes the exit status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "object/object.h"

enum { CONTENT_MAX = 512 << 20 };

static struct span argument(int argc, char **argv, int at)
{
    return at < argc ? span_str(argv[at]) : SPAN_NONE;
}

static uint64_t number(int argc, char **argv, int at, uint64_t otherwise)
{
    uint64_t value;
    return span_to_u64(argument(argc, argv, at), INT64_MAX, &value) ? value : otherwise;
}

static bool put(struct object_store *store, struct object_name name, struct err *err)
{
    struct buf content;
    char some[65536];
    ssize_t got;
    buf_init(&content, CONTENT_MAX);
    while ((got = read(STDIN_FILENO, some, sizeof some)) > 0)
        buf_add(&content, span_of(some, (size_t)got));
    CHECK(got == 0 && !content.overflow);
    bool done = object_put(store, name, buf_span(&content), err);
    buf_free(&content);
    return done;
}

static bool stat_object(struct object_store *store, struct object_name name, struct err *err)
{
    struct object_info info;
    if (!object_stat(store, name, &info, err))
        return false;
    printf("%llu %s\n", (unsigned long long)info.bytes, info.etag);
    return true;
}

static bool get(struct object_store *store, struct object_name name, int argc, char **argv, struct err *err)
{
    struct object_reader *reader;
    size_t got, room = number(argc, argv, 8, 65536);
    uint64_t pause_ms = number(argc, argv, 9, 0);
    if (!object_open(store, name, number(argc, argv, 5, 0), argument(argc, argv, 6), &reader, err))
        return false;
    char *some = mem_alloc(room);
    bool done;
    while ((done = object_read(reader, some, room, &got, err)) && got > 0) {
        fwrite(some, 1, got, stdout);
        nanosleep(&(struct timespec){ (time_t)(pause_ms / 1000), (long)(pause_ms % 1000) * 1000000 }, NULL);
        pause_ms = 0;
    }
    free(some);
    object_close(reader);
    return done;
}

int main(int argc, char **argv)
{
    struct object_store *store;
    struct err err = { 0 };
    struct span what = argument(argc, argv, 2);
    struct object_name name = { .bucket = argument(argc, argv, 3), .key = argument(argc, argv, 4) };
    bool done = object_store_open(argument(argc, argv, 1), &store, &err);
    if (done) {
        if (span_is(what, "make")) {
            done = object_bucket_make(store, name.bucket, &err);
        } else if (span_is(what, "put")) {
            done = put(store, name, &err);
        } else if (span_is(what, "remove")) {
            done = object_remove(store, name, &err);
        } else if (span_is(what, "stat")) {
            name.version = argument(argc, argv, 5);
            done = stat_object(store, name, &err);
        } else {
            CHECK(span_is(what, "get"));
            name.version = argument(argc, argv, 7);
            done = get(store, name, argc, argv, &err);
        }
        object_store_close(store);
    }
    if (!done)
        fprintf(stderr, "%s %s\n", err_name(err.code), err.text);
    return done && fflush(stdout) == 0 ? 0 : 1;
}
