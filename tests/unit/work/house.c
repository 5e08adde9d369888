/* house: see house.h for the contract. */
#define _GNU_SOURCE /* nftw */
#include "house.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void start(struct house *house)
{
    char place[128];
    snprintf(place, sizeof place, "sqlite:%s/placard.db", house->folder);
    struct store_options options = { span_str(place), "aws", 4, true };
    CHECK(store_open(&options, &house->store, &house->err));
    snprintf(place, sizeof place, "dir:%s/buckets", house->folder);
    CHECK(object_store_open(span_str(place), &house->objects, &house->err));
    struct runner_options running = { house->store, house->objects, &house->limits, 2, 2, RUNNER_RETRY_MS };
    CHECK(runner_start(&running, &house->runner, &house->err));
}

static void stop(struct house *house)
{
    runner_stop(house->runner);
    store_close(house->store);
    object_store_close(house->objects);
}

void house_open(struct house *house)
{
    *house = (struct house){ .folder = "/tmp/placard-work-XXXXXX" };
    CHECK(mkdtemp(house->folder));
    char buckets[128];
    snprintf(buckets, sizeof buckets, "%s/buckets", house->folder);
    CHECK(mkdir(buckets, 0700) == 0);
    snprintf(buckets, sizeof buckets, "%s/buckets/bucket", house->folder);
    CHECK(mkdir(buckets, 0700) == 0);
    struct limits limits = limits_default();
    limits_box_init(&house->limits, &limits);
    arena_init(&house->arena);
    start(house);
    CHECK(project_create(house->store, &house->arena, SPAN_LIT("123456789012"), SPAN_LIT("us-east-1"), SPAN_LIT("p"),
                         NULL, 0, &house->project, &house->err));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void house_close(struct house *house)
{
    stop(house);
    arena_free(&house->arena);
    CHECK(nftw(house->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

void house_restart(struct house *house)
{
    stop(house);
    start(house);
}

void house_manifest(struct house *house, const char *key, struct span content)
{
    struct object_name name = { SPAN_LIT("bucket"), span_str(key), SPAN_NONE };
    CHECK(object_put(house->objects, name, content, &house->err));
}

struct dataset_view house_describe(struct house *house, struct span arn)
{
    struct dataset_view view;
    CHECK(dataset_describe(house->store, &house->arena, arn, &view, &house->err));
    return view;
}

struct dataset_view house_wait(struct house *house, struct span arn)
{
    for (int tries = 0; tries < 6000; tries++) {
        struct dataset_view view = house_describe(house, arn);
        if (view.status != DATASET_CREATE_IN_PROGRESS && view.status != DATASET_UPDATE_IN_PROGRESS)
            return view;
        usleep(10000);
    }
    CHECK(!"the dataset settles within a minute");
    abort();
}

struct span house_create(struct house *house, enum dataset_type type, const char *key)
{
    struct object_name name = { SPAN_LIT("bucket"), span_str(key), SPAN_NONE };
    struct object_info info;
    CHECK(object_stat(house->objects, name, &info, &house->err));
    struct dataset_manifest manifest = { name.bucket, name.key, SPAN_NONE, span_str(info.etag), info.bytes };
    struct dataset_new wish = { .project_arn = house->project, .type = type, .manifest = &manifest };
    struct span arn;
    CHECK(dataset_create(house->store, &house->arena, &wish, &arn, &house->err));
    runner_wake(house->runner);
    return arn;
}

struct span *house_entries(struct house *house, struct span arn, size_t *ret_count)
{
    struct entry_filter all = { 0 };
    size_t room = 1024, count = 0;
    struct span *lines = arena_alloc(&house->arena, room * sizeof *lines);
    int64_t from = 0;
    for (;;) {
        struct entry_page page;
        CHECK(entry_list(house->store, &house->arena, arn, &all, from, 100, &page, &house->err));
        for (size_t i = 0; i < page.count; i++) {
            if (count == room) {
                struct span *grown = arena_alloc(&house->arena, room * 2 * sizeof *grown);
                memcpy(grown, lines, count * sizeof *grown);
                lines = grown;
                room *= 2;
            }
            lines[count++] = page.lines[i];
        }
        if (!page.more)
            break;
        CHECK(page.next_seq > from);
        from = page.next_seq;
    }
    *ret_count = count;
    return lines;
}
