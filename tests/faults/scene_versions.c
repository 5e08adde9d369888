/* scene_versions: see scene_versions.h. */
#include "scene_versions.h"

#include "store/messages.h"
#include "store/project_policy.h"
#include "store/version.h"

#define DOCUMENT SPAN_LIT("{\"Statement\":{}}")

/* --- models that are none ----------------------------------------------------------------------------------------- */

static bool train(void *ctx, const struct models_training *training, struct arena *arena,
                  struct models_outcome *ret_outcome, struct err *err)
{
    (void)ctx, (void)arena, (void)err;
    if (!training->progress(training->progress_ctx, "head", 0.5))
        return fail(err, E_LOST_LEASE, "stopping");
    *ret_outcome = (struct models_outcome){ .trained = true, .f1 = 0.5f, .billable_seconds = 3, .outputs = 1 };
    return true;
}

static bool copy(void *ctx, const struct version *from, const struct version *to, const atomic_bool *stop,
                 unsigned *ret_outputs, struct err *err)
{
    (void)ctx, (void)to, (void)stop, (void)err;
    *ret_outputs = from->outputs;
    return true;
}

static bool drop(void *ctx, const struct version *version, struct err *err)
{
    (void)ctx, (void)version, (void)err;
    return true;
}

static bool load(void *ctx, const struct version *version, struct err *err)
{
    (void)ctx, (void)version, (void)err;
    return true;
}

static void unload(void *ctx, int64_t version_id)
{
    (void)ctx, (void)version_id;
}

const struct models scene_models = { .train = train, .copy = copy, .drop = drop, .load = load, .unload = unload };

/* --- the scenes --------------------------------------------------------------------------------------------------- */

static bool put_policy(struct set *set, const char *name, struct err *err)
{
    struct span revision;
    return project_policy_put(set->store, &set->arena, set->models, span_str(name), SPAN_NONE, DOCUMENT, 0, &revision,
                              err);
}

bool scene_put_policy(struct set *set, struct err *err)
{
    return put_policy(set, "fresh", err);
}

bool scene_delete_policy(struct set *set, struct err *err)
{
    return project_policy_delete(set->store, set->models, SPAN_LIT("kept"), SPAN_NONE, err);
}

static bool create(struct set *set, const char *name, struct span *ret_arn, struct err *err)
{
    const struct version_asset asset = { SPAN_LIT("bucket"), SPAN_LIT("good"), SPAN_NONE };
    struct tag tag = { SPAN_LIT("team"), SPAN_LIT("north") };
    const struct version_new wish = {
        .project_arn = set->models,
        .name = span_str(name),
        .output_bucket = SPAN_LIT("bucket"),
        .output_prefix = SPAN_LIT("out"),
        .mode = VERSION_OF_MANIFESTS,
        .train = { &asset, 1 },
        .test = { &asset, 1 },
        .tags = &tag,
        .tag_count = 1,
    };
    return version_create(set->store, &set->arena, &wish, ret_arn, err);
}

bool scene_create_version(struct set *set, struct err *err)
{
    struct span arn;
    return create(set, "fresh", &arn, err);
}

bool scene_copy_version(struct set *set, struct err *err)
{
    struct tag tag = { SPAN_LIT("team"), SPAN_LIT("south") };
    const struct version_copy wish = {
        .source_project_arn = set->models,
        .source_arn = set->trained,
        .project_arn = set->empty,
        .name = SPAN_LIT("copy"),
        .output_bucket = SPAN_LIT("bucket"),
        .output_prefix = SPAN_LIT("out"),
        .tags = &tag,
        .tag_count = 1,
    };
    struct span arn;
    return version_copy(set->store, &set->arena, &wish, &arn, err);
}

bool scene_start_version(struct set *set, struct err *err)
{
    const struct version_quotas quotas = { 0 };
    return version_start(set->store, set->trained, 1, 2, &quotas, err);
}

bool scene_stop_version(struct set *set, struct err *err)
{
    return version_stop(set->store, set->trained, err);
}

bool scene_delete_version(struct set *set, struct err *err)
{
    return version_delete(set->store, set->trained, err);
}

void scene_make_version(struct set *set)
{
    struct err err;
    CHECK(put_policy(set, "kept", &err) && create(set, "trained", &set->trained, &err) && set_settles(set));
}

/* --- what can be seen --------------------------------------------------------------------------------------------- */

static void digest_policies(struct set *set, struct arena *arena, struct span project_arn, struct buf *out)
{
    struct project_policy *policies;
    size_t count;
    bool more;
    struct err err;
    CHECK(project_policy_list(set->store, arena, project_arn, 0, 100, &policies, &count, &more, &err) && !more);
    for (size_t i = 0; i < count; i++)
        buf_addf(out, " policy " SPAN_FMT " " SPAN_FMT "\n", SPAN_ARG(policies[i].name),
                 SPAN_ARG(policies[i].document));
}

void scene_digest_versions(struct set *set, struct arena *arena, struct span project_arn, struct buf *out)
{
    const struct version_query query = { .project_arn = project_arn, .limit = 100 };
    struct version *versions;
    int64_t project_id;
    size_t count;
    bool more;
    struct err err;
    digest_policies(set, arena, project_arn, out);
    CHECK(version_list(set->store, arena, &query, &versions, &count, &project_id, &more, &err) && !more);
    for (size_t i = 0; i < count; i++) {
        const struct version *version = &versions[i];
        bool given_up =
            span_is(version->message, MESSAGE_SERVICE_ERROR) || span_is(version->message, MESSAGE_START_FAILED);
        struct tag *tags;
        size_t tag_count;
        buf_addf(out, " version " SPAN_FMT " %s " SPAN_FMT "%s f1 %.2f %lld s outputs %u\n", SPAN_ARG(version->name),
                 version_status_name(version->status), SPAN_ARG(version->message), given_up ? " SERVICE_ERROR" : "",
                 (double)version->f1, (long long)version->billable_s, version->outputs);
        CHECK(tag_list(set->store, arena, version->arn, &tags, &tag_count, &err));
        for (size_t t = 0; t < tag_count; t++)
            buf_addf(out, "  tag " SPAN_FMT "=" SPAN_FMT "\n", SPAN_ARG(tags[t].key), SPAN_ARG(tags[t].value));
    }
}
