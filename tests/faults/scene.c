/* scene: see scene.h for the contract. */
#define _GNU_SOURCE /* nftw */
#include "scene.h"

#include "scene_versions.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/entry.h"
#include "store/fsck.h"
#include "store/job.h"
#include "store/project.h"

enum { ENTRIES = 12, PATH_ROOM = 128, TEXT_MAX = 1 << 20, SETTLE_TRIES = 30000 };

#define ACCOUNT SPAN_LIT("123456789012")
#define REGION SPAN_LIT("us-east-1")

static void add_image(struct buf *out, const char *bucket, int number, const char *label)
{
    buf_addf(out,
             "{\"source-ref\":\"s3://%s/%d.png\",\"kind\":1,\"kind-metadata\":{\"confidence\":1,\"class-name\":\"%s\","
             "\"human-annotated\":\"yes\",\"creation-date\":\"2026-01-01T00:00:00\","
             "\"type\":\"groundtruth/image-classification\"}}\n",
             bucket, number, label);
}

static void add_images(struct buf *out, int from, int to)
{
    for (int i = from; i < to; i++)
        add_image(out, "images", i, i % 2 ? "cap" : "hat");
}

/* --- the scenes ----------------------------------------------------------------------------------------------------
 */

static bool create_from(struct set *set, enum dataset_type type, const char *key, const struct object_info *info,
                        struct span *ret_arn, struct err *err)
{
    struct dataset_manifest manifest = { SPAN_LIT("bucket"), span_str(key), SPAN_NONE, span_str(info->etag),
                                         info->bytes };
    struct dataset_new wish = { .project_arn = set->empty, .type = type, .manifest = &manifest };
    return dataset_create(set->store, &set->arena, &wish, ret_arn, err);
}

static bool create_project(struct set *set, struct err *err)
{
    struct tag tag = { SPAN_LIT("team"), SPAN_LIT("north") };
    struct span arn;
    return project_create(set->store, &set->arena, ACCOUNT, REGION, SPAN_LIT("fresh"), &tag, 1, &arn, err);
}

static bool delete_project(struct set *set, struct err *err)
{
    return project_delete(set->store, set->empty, err);
}

static bool add_tags(struct set *set, struct err *err)
{
    struct tag tags[2] = { { SPAN_LIT("team"), SPAN_LIT("south") }, { SPAN_LIT("more"), SPAN_LIT("1") } };
    return tag_add(set->store, set->full, tags, 2, err);
}

static bool remove_tags(struct set *set, struct err *err)
{
    struct span keys[2] = { SPAN_LIT("team"), SPAN_LIT("colour") };
    return tag_remove(set->store, set->plain, keys, 2, err);
}

static bool create_empty(struct set *set, struct err *err)
{
    struct dataset_new wish = { .project_arn = set->empty, .type = DATASET_TEST };
    struct span arn;
    return dataset_create(set->store, &set->arena, &wish, &arn, err);
}

static bool create_manifest(struct set *set, struct err *err)
{
    struct span arn;
    return create_from(set, DATASET_TRAIN, "good", &set->good, &arn, err);
}

static bool create_refused(struct set *set, struct err *err)
{
    struct span arn;
    return create_from(set, DATASET_TRAIN, "bad", &set->bad, &arn, err);
}

static bool create_copy(struct set *set, struct err *err)
{
    struct dataset_new wish = { .project_arn = set->empty, .type = DATASET_TRAIN, .source_arn = set->full };
    struct span arn;
    return dataset_create(set->store, &set->arena, &wish, &arn, err);
}

static bool update_with(struct set *set, bool good, struct err *err)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    add_image(&text, "images", 2, "beret");
    add_image(&text, "images", 100, "beret");
    add_image(&text, "images", 101, "cap");
    buf_add_str(&text, "{\"source-ref\":\"s3://images/3.png\"}\n{\"source-ref\":\"s3://images/102.png\"}\n");
    buf_add_str(&text, good ? "{}\n" : "{\"source-ref\":\"s3://elsewhere/1.png\"}\n");
    bool done = dataset_update(set->store, set->full, buf_span(&text), err);
    buf_free(&text);
    return done;
}

static bool update(struct set *set, struct err *err)
{
    return update_with(set, true, err);
}

static bool update_refused(struct set *set, struct err *err)
{
    return update_with(set, false, err);
}

static bool distribute(struct set *set, struct err *err)
{
    return dataset_distribute(set->store, set->test, set->train, err);
}

static bool delete_dataset(struct set *set, struct err *err)
{
    return dataset_delete(set->store, set->full, err);
}

const struct scene scenes[] = {
    { .name = "CreateProject", .act = create_project },
    { .name = "DeleteProject", .act = delete_project },
    { .name = "TagResource", .act = add_tags },
    { .name = "UntagResource", .act = remove_tags },
    { .name = "PutProjectPolicy", .act = scene_put_policy },
    { .name = "DeleteProjectPolicy", .act = scene_delete_policy },
    { .name = "CreateDataset, empty", .act = create_empty, .has_job = true },
    { .name = "CreateDataset from a manifest", .act = create_manifest, .has_job = true },
    { .name = "CreateDataset from a manifest that is refused", .act = create_refused, .has_job = true },
    { .name = "CreateDataset from a dataset", .act = create_copy, .has_job = true },
    { .name = "UpdateDatasetEntries", .act = update, .has_job = true },
    { .name = "UpdateDatasetEntries that is refused", .act = update_refused, .has_job = true },
    { .name = "DistributeDatasetEntries", .act = distribute, .has_job = true },
    { .name = "DeleteDataset", .act = delete_dataset, .has_job = true, .insists = true },
    { .name = "CreateProjectVersion", .act = scene_create_version, .has_job = true },
    { .name = "CopyProjectVersion", .act = scene_copy_version, .has_job = true },
    { .name = "StartProjectVersion", .act = scene_start_version, .has_job = true },
    { .name = "StopProjectVersion", .act = scene_stop_version, .has_job = true, .insists = true, .runs = true },
    { .name = "DeleteProjectVersion", .act = scene_delete_version, .has_job = true, .insists = true },
};
const size_t scene_count = COUNT_OF(scenes);

/* --- the stock -----------------------------------------------------------------------------------------------------
 */

static void path_in(const struct set *set, const char *name, char ret_path[PATH_ROOM])
{
    int len = snprintf(ret_path, PATH_ROOM, "%s/%s", set->folder, name);
    CHECK(len > 0 && len < PATH_ROOM);
}

static void copy_file(const struct set *set, const char *from, const char *to)
{
    char path[PATH_ROOM];
    struct stat st;
    path_in(set, from, path);
    int in = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(in >= 0 && fstat(in, &st) == 0);
    path_in(set, to, path);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(out >= 0 && sendfile(out, in, NULL, (size_t)st.st_size) == st.st_size);
    close(in);
    close(out);
}

static void remove_file(const struct set *set, const char *name)
{
    char path[PATH_ROOM];
    path_in(set, name, path);
    remove(path);
}

void set_enter(struct set *set, bool again)
{
    char place[PATH_ROOM + 8];
    struct err err;
    if (!again) {
        copy_file(set, set->runs ? "running.db" : "stock.db", "placard.db");
        remove_file(set, "placard.db-wal");
        remove_file(set, "placard.db-shm");
    }
    snprintf(place, sizeof place, "sqlite:%s/placard.db", set->folder);
    struct store_options options = { span_str(place), "aws", 2, true };
    CHECK(store_open(&options, &set->store, &err));
    snprintf(place, sizeof place, "dir:%s/buckets", set->folder);
    CHECK(object_store_open(span_str(place), &set->objects, &err));
    struct runner_options running = {
        .store = set->store,
        .objects = set->objects,
        .limits = &set->limits,
        .threads = 1,
        .parsers = 1,
        .trainings = 1,
        .models = &scene_models,
    };
    CHECK(runner_start(&running, &set->runner, &err));
    if (set->runs)
        CHECK(set_settles(set)); /* what ran is started again */
}

void set_leave(struct set *set)
{
    runner_stop(set->runner);
    store_close(set->store);
    object_store_close(set->objects);
}

bool set_settles(struct set *set)
{
    runner_wake(set->runner);
    for (int tries = 0; tries < SETTLE_TRIES; tries++) {
        int64_t jobs;
        struct err err;
        /* the writer's turn behind the job's last commit: by then it is known in memory too */
        if (job_count(set->store, &jobs, &err) && jobs == 0)
            return store_ping(set->store, &err);
        usleep(1000);
    }
    return false;
}

static void put_manifest(struct set *set, const char *key, struct span content, struct object_info *ret_info)
{
    struct object_name name = { SPAN_LIT("bucket"), span_str(key), SPAN_NONE };
    struct err err;
    CHECK(object_put(set->objects, name, content, &err) && object_stat(set->objects, name, ret_info, &err));
}

static void put_manifests(struct set *set)
{
    struct buf text;
    struct err err;
    buf_init(&text, TEXT_MAX);
    CHECK(object_bucket_make(set->objects, SPAN_LIT("bucket"), &err));
    add_images(&text, 0, ENTRIES);
    add_image(&text, "images", 1, "late"); /* a repeated one, which is taken out again */
    buf_add_str(&text, "{}\n");
    put_manifest(set, "good", buf_span(&text), &set->good);
    add_image(&text, "elsewhere", 1, "cap");
    put_manifest(set, "bad", buf_span(&text), &set->bad);
    buf_free(&text);
}

static struct span make_project(struct set *set, const char *name)
{
    struct tag tag = { SPAN_LIT("team"), SPAN_LIT("north") };
    struct span arn;
    struct err err;
    CHECK(project_create(set->store, &set->arena, ACCOUNT, REGION, span_str(name), &tag, 1, &arn, &err));
    return arn;
}

static struct span make_dataset(struct set *set, struct span project, enum dataset_type type, bool full)
{
    struct dataset_manifest manifest = { SPAN_LIT("bucket"), SPAN_LIT("good"), SPAN_NONE, span_str(set->good.etag),
                                         set->good.bytes };
    struct dataset_new wish = { .project_arn = project, .type = type, .manifest = full ? &manifest : NULL };
    struct span arn;
    struct err err;
    CHECK(dataset_create(set->store, &set->arena, &wish, &arn, &err) && set_settles(set));
    return arn;
}

void set_make(struct set *set)
{
    *set = (struct set){ .folder = "/dev/shm/placard-faults-XXXXXX" }; /* in memory: thousands of syncs cost nothing */
    if (!mkdtemp(set->folder)) {
        *set = (struct set){ .folder = "/tmp/placard-faults-XXXXXX" };
        CHECK(mkdtemp(set->folder));
    }
    struct limits limits = limits_default();
    struct err err;
    limits_box_init(&set->limits, &limits);
    arena_init(&set->arena);
    set_enter(set, true);
    put_manifests(set);
    set->plain = make_project(set, "plain");
    set->full = make_dataset(set, set->plain, DATASET_TRAIN, true);
    set->empty = make_project(set, "empty");
    set->pair = make_project(set, "pair");
    set->train = make_dataset(set, set->pair, DATASET_TRAIN, true);
    set->test = make_dataset(set, set->pair, DATASET_TEST, false);
    set->models = make_project(set, "models");
    scene_make_version(set);
    set_leave(set);
    copy_file(set, "placard.db", "stock.db");
    set_enter(set, true);
    CHECK(scene_start_version(set, &err) && set_settles(set));
    set_leave(set);
    copy_file(set, "placard.db", "running.db");
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void set_remove(struct set *set)
{
    arena_free(&set->arena);
    CHECK(nftw(set->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

/* --- what can be seen ----------------------------------------------------------------------------------------------
 */

static void digest_tags(struct set *set, struct arena *arena, struct span arn, struct buf *out)
{
    struct tag *tags;
    size_t count;
    struct err err;
    CHECK(tag_list(set->store, arena, arn, &tags, &count, &err));
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "  tag " SPAN_FMT "=" SPAN_FMT "\n", SPAN_ARG(tags[i].key), SPAN_ARG(tags[i].value));
}

static void digest_content(struct set *set, struct arena *arena, const struct dataset_view *dataset, struct buf *out)
{
    struct entry_filter all = { 0 };
    struct entry_page page;
    struct label_row *labels;
    size_t label_count;
    bool more;
    struct err err;
    if (dataset->status == DATASET_CREATE_FAILED) {
        CHECK(!entry_list(set->store, arena, dataset->arn, &all, 0, 100, &page, &err) && err.code == E_NOT_READY);
        return;
    }
    CHECK(entry_list(set->store, arena, dataset->arn, &all, 0, 100, &page, &err) && !page.more);
    CHECK(label_list(set->store, arena, dataset->arn, 0, 100, &labels, &label_count, &more, &err));
    CHECK((int64_t)page.count == dataset->stats.total && (int64_t)label_count == dataset->stats.labels);
    for (size_t i = 0; i < page.count; i++)
        buf_addf(out, "  " SPAN_FMT "\n", SPAN_ARG(page.lines[i]));
    for (size_t i = 0; i < label_count; i++)
        buf_addf(out, "  label " SPAN_FMT " %lld %lld\n", SPAN_ARG(labels[i].name), (long long)labels[i].entries,
                 (long long)labels[i].boxed_entries);
}

static void digest_dataset(struct set *set, struct arena *arena, const struct dataset_view *dataset, bool statuses,
                           struct buf *out)
{
    struct rejected_row *rejected;
    size_t count;
    struct err err;
    if (!statuses && dataset->stats.total == 0)
        return;
    buf_addf(out, " %s %lld/%lld/%lld/%lld\n", dataset_type_name(dataset->type), (long long)dataset->stats.total,
             (long long)dataset->stats.labeled, (long long)dataset->stats.labels, (long long)dataset->stats.errors);
    digest_content(set, arena, dataset, out);
    if (!statuses)
        return;
    buf_addf(out, "  %s %s " SPAN_FMT "\n", dataset_status_name(dataset->status),
             dataset_message_code_name(dataset->message_code), SPAN_ARG(dataset->message));
    digest_tags(set, arena, dataset->arn, out);
    CHECK(rejected_list(set->store, arena, dataset->arn, 0, 100, &rejected, &count, &err));
    for (size_t i = 0; i < count; i++)
        buf_addf(out, "  rejected %lld " SPAN_FMT "\n", (long long)rejected[i].line, SPAN_ARG(rejected[i].code));
}

void set_digest(struct set *set, bool statuses, struct buf *out)
{
    struct project_query query = { .account = ACCOUNT, .region = REGION, .limit = 100 };
    struct project *projects;
    struct arena arena;
    size_t count;
    bool more;
    struct err err;
    arena_init(&arena);
    CHECK(project_list(set->store, &arena, &query, &projects, &count, &more, &err));
    for (size_t i = 0; i < count; i++) {
        buf_addf(out, "project " SPAN_FMT "\n", SPAN_ARG(projects[i].name));
        if (statuses)
            digest_tags(set, &arena, projects[i].arn, out);
        for (unsigned d = 0; d < projects[i].dataset_count; d++) {
            struct dataset_view known;
            CHECK(dataset_describe(set->store, &arena, projects[i].datasets[d].arn, &known, &err));
            CHECK(known.status == projects[i].datasets[d].status); /* memory and database say the same */
            digest_dataset(set, &arena, &known, statuses, out);
        }
        if (statuses)
            scene_digest_versions(set, &arena, projects[i].arn, out);
    }
    arena_free(&arena);
}

static void say(void *ctx, bool fault, struct span subject, const char *sentence)
{
    (void)ctx;
    fprintf(stderr, "%s " SPAN_FMT ": %s\n", fault ? "WRONG" : "note", SPAN_ARG(subject), sentence);
}

bool set_agrees(const struct set *set)
{
    char place[PATH_ROOM + 8];
    struct limits limits = limits_default();
    struct manifest_limits line_limits = limits_of_line(&limits);
    struct fsck_counts counts;
    struct err err;
    snprintf(place, sizeof place, "sqlite:%s/placard.db", set->folder);
    struct fsck_options options = { .place = span_str(place), .limits = &line_limits, .limit_count = 1, .say = say };
    return fsck_run(&options, &counts, &err) && counts.faults == 0 && counts.notes == 0;
}
