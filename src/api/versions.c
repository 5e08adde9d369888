/* versions: CreateProjectVersion, DescribeProjectVersions, StartProjectVersion, StopProjectVersion,
   DeleteProjectVersion (spec B.1.3, B.6). */
#include "api/versions.h"

#include "api/handlers.h"
#include "api/hold.h"
#include "api/page.h"
#include "api/reach.h"
#include "api/render.h"

enum { UNITS_MOST = 1024 }; /* a queue is made for all of them, and threads for the least */

/* --- what CopyProjectVersion does alike --------------------------------------------------------------------------- */

struct span version_arn_to_be(const struct call *call, struct span project_arn, struct span name)
{
    struct span project = project_arn;
    while (project.len > 0 && project.ptr[project.len - 1] != '/')
        project.len--;
    return arena_printf(call->arena, SPAN_FMT "version/" SPAN_FMT "/*", SPAN_ARG(project), SPAN_ARG(name));
}

/* ".../project/NAME/NUMBER" -> NAME */
static struct span project_name_of(struct span project_arn)
{
    struct span rest = project_arn;
    span_cut(&rest, '/');
    return span_cut(&rest, '/');
}

bool version_output_may(const struct call *call, const struct in_output_config *output, struct span project_arn,
                        struct span name, struct err *err)
{
    const struct version version = { .project = project_name_of(project_arn),
                                     .name = name,
                                     .output_prefix = output->s3_key_prefix };
    if (!output->s3_bucket.ptr)
        return fail(err, E_INVALID, "OutputConfig needs an S3Bucket.");
    return reach_allowed(call, "s3:PutObject", output->s3_bucket,
                         version_output_key(call->arena, &version, VERSION_EVALUATION), err);
}

struct version_quotas version_quotas_now(const struct call *call)
{
    const struct limits limits = limits_box_get(call->api->limits);
    return (struct version_quotas){ .versions = limits.project_versions,
                                    .trainings = limits.trainings,
                                    .running = limits.running_versions,
                                    .units = limits.inference_units };
}

void version_answer_arn(struct json_writer *w, struct span arn)
{
    json_open_object(w);
    render_text(w, "ProjectVersionArn", arn);
    json_close_object(w);
}

/* --- create ------------------------------------------------------------------------------------------------------- */

unsigned needs_create_project_version(const struct call *call, struct call_need *ret_needs)
{
    const struct in_create_project_version *in = call->input;
    struct span version = version_arn_to_be(call, in->project_arn, in->version_name);
    ret_needs[0] =
        (struct call_need){ .action = "rekognition:CreateProjectVersion", .resource = in->project_arn, .named = true };
    ret_needs[1] = (struct call_need){ .action = "rekognition:CreateProjectVersion", .resource = version };
    ret_needs[2] = (struct call_need){ .action = "rekognition:TagResource", .resource = version };
    for (unsigned i = 0; i < 3; i++)
        tags_to_need(call, &in->tags, &ret_needs[i]);
    return in->tags.count > 0 ? 3 : 2;
}

/* The manifests of one side, each of which the caller may read. */
static bool take_side(const struct call *call, const struct model_list *given, const char *what,
                      struct version_side *ret_side, struct err *err)
{
    CHECK(given->count <= MODEL_ITEMS_KEPT); /* take_data has counted them */
    struct in_asset *const *assets = given->items;
    struct version_asset *taken = arena_alloc(call->arena, (given->count + 1) * sizeof *taken);
    for (size_t i = 0; i < given->count; i++) {
        const struct in_ground_truth_manifest *manifest = assets[i]->ground_truth_manifest;
        const struct in_s3_object *object = manifest ? manifest->s3_object : NULL;
        if (!object || !object->bucket.ptr || !object->name.ptr)
            return fail(err, E_INVALID,
                        "Each of the Assets of %s needs a GroundTruthManifest with an S3Object that has Bucket and "
                        "Name.",
                        what);
        if (!reach_allowed(call, "s3:GetObject", object->bucket, object->name, err))
            return false;
        taken[i] = (struct version_asset){ object->bucket, object->name, object->version };
    }
    *ret_side = (struct version_side){ taken, given->count };
    return true;
}

/* Both sides or neither; the testing one may be left to be split off (spec B.6). */
static bool take_data(const struct call *call, struct version_new *wish, struct err *err)
{
    const struct in_create_project_version *in = call->input;
    const struct in_training_data *train = in->training_data;
    const struct in_testing_data *test = in->testing_data;
    if (!train && !test)
        return true;
    if (!train || !test)
        return fail(err, E_INVALID, "TrainingData and TestingData belong together: give both or neither.");
    bool split = test->auto_create.value;
    if (train->assets.count != 1)
        return fail(err, E_INVALID, "TrainingData names one manifest in its Assets, not %zu.", train->assets.count);
    if (split && test->assets.count > 0)
        return fail(err, E_INVALID, "TestingData has either Assets or AutoCreate, not both.");
    if (!split && test->assets.count != 1)
        return fail(err, E_INVALID, "TestingData names one manifest in its Assets, not %zu, or sets AutoCreate.",
                    test->assets.count);
    wish->mode = split ? VERSION_OF_SPLIT_MANIFESTS : VERSION_OF_MANIFESTS;
    return take_side(call, &train->assets, "TrainingData", &wish->train, err) &&
           take_side(call, &test->assets, "TestingData", &wish->test, err);
}

bool create_project_version(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_create_project_version *in = call->input;
    struct version_new wish = {
        .project_arn = in->project_arn,
        .name = in->version_name,
        .output_bucket = in->output_config->s3_bucket,
        .output_prefix = in->output_config->s3_key_prefix,
        .kms_key = in->kms_key_id,
        .description = in->version_description,
        .mode = VERSION_OF_DATASETS,
        .tags = tags_to_store(call, &in->tags),
        .tag_count = in->tags.count,
        .quotas = version_quotas_now(call),
    };
    struct span arn;
    if (in->feature_config && in->feature_config->content_moderation)
        return fail(err, E_INVALID,
                    "FeatureConfig.ContentModeration is for projects of the feature CONTENT_MODERATION "
                    "only.");
    if (!version_output_may(call, in->output_config, in->project_arn, in->version_name, err) ||
        !take_data(call, &wish, err) || !version_create(call->api->store, call->arena, &wish, &arn, err))
        return false;
    version_answer_arn(w, arn);
    return true;
}

/* --- describe ----------------------------------------------------------------------------------------------------- */

/* A call that looks again and again, and what it has seen last. */
struct looking {
    struct held held; /* first: the hold's pointer is ours */
    struct call *call;
    struct page_scope scope;
    struct version_query query;
    struct version *versions;
    size_t count;
    bool more;
    int64_t project_id;
};

static bool look(struct looking *looking, struct err *err)
{
    struct call *call = looking->call;
    return version_list(call->api->store, call->arena, &looking->query, &looking->versions, &looking->count,
                        &looking->project_id, &looking->more, err);
}

/* A waiter has something to hear: all are where they go, or one has failed. */
static bool is_news(const struct looking *looking)
{
    bool moving = false;
    for (size_t i = 0; i < looking->count; i++) {
        enum version_status status = looking->versions[i].status;
        if (status == VERSION_TRAINING_FAILED || status == VERSION_FAILED)
            return true;
        moving = moving || status == VERSION_TRAINING_IN_PROGRESS || status == VERSION_STARTING;
    }
    return !moving;
}

static void render_versions(const struct looking *looking, struct json_writer *w)
{
    struct call *call = looking->call;
    json_open_object(w);
    json_key(w, "ProjectVersionDescriptions");
    json_open_array(w);
    for (size_t i = 0; i < looking->count; i++)
        render_version(w, call->arena, &looking->versions[i]);
    json_close_array(w);
    if (looking->more)
        render_text(w, "NextToken", page_token(call, &looking->scope, looking->versions[looking->count - 1].id));
    json_close_object(w);
}

/* Looks until there is something to tell or nobody holds it any more. *ret_parked: it is not ours any more. */
static bool look_or_park(struct looking *looking, bool *ret_parked, struct err *err)
{
    struct hold *hold = looking->call->api->hold;
    enum hold_answer answer = HOLD_LOOK_AGAIN;
    while (answer == HOLD_LOOK_AGAIN) {
        uint64_t mark = hold_mark(hold);
        if (!look(looking, err))
            return false;
        answer = is_news(looking) ? HOLD_NO : hold_park(hold, &looking->held, looking->project_id, mark);
    }
    *ret_parked = answer == HOLD_PARKED;
    return true;
}

static void resume(struct held *held)
{
    enum { ANSWER_MAX = 64 * 1024 * 1024 }; /* a hundred descriptions are far below */
    struct looking *looking = (struct looking *)(void *)held;
    struct call *call = looking->call;
    struct err err;
    bool parked;
    if (!look_or_park(looking, &parked, &err)) {
        call_fail(call, &err);
        return;
    }
    if (parked)
        return;
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    struct json_writer w = json_writer_on(&body);
    render_versions(looking, &w);
    json_writer_end(&w);
    CHECK(!body.overflow);
    call_answer(call, buf_span(&body));
    buf_free(&body);
}

bool describe_project_versions(struct call *call, struct json_writer *w, bool *ret_later, struct err *err)
{
    const struct in_describe_project_versions *in = call->input;
    struct span *filter = arena_alloc(call->arena, sizeof *filter);
    struct looking *looking = arena_alloc(call->arena, sizeof *looking);
    *filter = page_filter(call, &in->version_names);
    *looking = (struct looking){
        .held = { .resume = resume },
        .call = call,
        .scope = { "DescribeProjectVersions", in->project_arn, filter, 1 },
        .query = { .project_arn = in->project_arn,
                   .names = in->version_names.items,
                   .name_count = in->version_names.count,
                   .limit = page_size(in->max_results) },
    };
    if (!page_begin(call, &looking->scope, in->next_token, &looking->query.before_id, err))
        return false;
    if (!call->waits) {
        if (!look(looking, err))
            return false;
    } else if (!look_or_park(looking, ret_later, err)) {
        return false;
    } else if (*ret_later) {
        return true;
    }
    render_versions(looking, w);
    return true;
}

/* --- start, stop, delete ------------------------------------------------------------------------------------------ */

static bool answer_status(struct json_writer *w, enum version_status status)
{
    json_open_object(w);
    render_text(w, "Status", span_str(version_status_name(status)));
    json_close_object(w);
    return true;
}

bool start_project_version(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_start_project_version *in = call->input;
    const struct version_quotas quotas = version_quotas_now(call);
    int64_t min = in->min_inference_units.value, max = in->max_inference_units.value;
    if (min > UNITS_MOST || max > UNITS_MOST)
        return fail(err, E_INVALID, "No model has more than %d inference units here.", UNITS_MOST);
    if (in->max_inference_units.given && max < min)
        return fail(err, E_INVALID, "MaxInferenceUnits is below MinInferenceUnits.");
    return version_start(call->api->store, in->project_version_arn, min, in->max_inference_units.given ? max : 0,
                         &quotas, err) &&
           answer_status(w, VERSION_STARTING);
}

bool stop_project_version(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_project_version *in = call->input;
    return version_stop(call->api->store, in->project_version_arn, err) && answer_status(w, VERSION_STOPPING);
}

bool delete_project_version(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_project_version *in = call->input;
    return version_delete(call->api->store, in->project_version_arn, err) && answer_status(w, VERSION_DELETING);
}
