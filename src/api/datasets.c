/* datasets: CreateDataset, DescribeDataset, DeleteDataset, DistributeDatasetEntries (spec B.1.2, B.3, C). */
#include "api/handlers.h"
#include "api/reach.h"
#include "api/render.h"
#include "store/project.h"

static struct span copied_from(const struct in_create_dataset *in)
{
    return in->dataset_source ? in->dataset_source->dataset_arn : SPAN_NONE;
}

/* The dataset yet to be made, as policies may name it: PROJECT/dataset/train/ *, without the project's number. */
static struct span arn_to_be(const struct call *call, const struct in_create_dataset *in)
{
    struct span project = in->project_arn;
    while (project.len > 0 && project.ptr[project.len - 1] != '/')
        project.len--;
    return arena_printf(call->arena, SPAN_FMT "dataset/%s/*", SPAN_ARG(project),
                        in->dataset_type == MODEL_TYPE_TRAIN ? "train" : "test");
}

unsigned needs_create_dataset(const struct call *call, struct call_need *ret_needs)
{
    const struct in_create_dataset *in = call->input;
    unsigned count = 0;
    ret_needs[count] =
        (struct call_need){ .action = "rekognition:CreateDataset", .resource = in->project_arn, .named = true };
    tags_to_need(call, &in->tags, &ret_needs[count++]);
    if (copied_from(in).ptr)
        ret_needs[count++] = (struct call_need){ .action = "rekognition:ListDatasetEntries",
                                                 .resource = copied_from(in),
                                                 .named = true };
    if (in->tags.count > 0) {
        ret_needs[count] = (struct call_need){ .action = "rekognition:TagResource", .resource = arn_to_be(call, in) };
        tags_to_need(call, &in->tags, &ret_needs[count++]);
    }
    return count;
}

/* Looks at the manifest where it lies; what is found there when the job reads it must be the same. */
static bool find_manifest(const struct call *call, const struct in_ground_truth_manifest *wish,
                          struct dataset_manifest *ret_manifest, struct err *err)
{
    const struct in_s3_object *object = wish->s3_object;
    struct object_info info;
    if (!object || !object->bucket.ptr || !object->name.ptr)
        return fail(err, E_INVALID, "GroundTruthManifest needs an S3Object with Bucket and Name.");
    if (!reach_read(call, object->bucket, object->name, err))
        return false;
    const struct object_name name = { object->bucket, object->name, object->version };
    if (!object_stat(call->api->objects, name, &info, err))
        return false;
    *ret_manifest = (struct dataset_manifest){ .bucket = object->bucket,
                                               .key = object->name,
                                               .version = object->version,
                                               .etag = arena_copy(call->arena, span_str(info.etag)),
                                               .bytes = info.bytes };
    return true;
}

bool create_dataset(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_create_dataset *in = call->input;
    const struct in_dataset_source *source = in->dataset_source;
    struct dataset_manifest manifest;
    struct dataset_new wish = {
        .project_arn = in->project_arn,
        .type = in->dataset_type == MODEL_TYPE_TRAIN ? DATASET_TRAIN : DATASET_TEST,
        .source_arn = copied_from(in),
        .tags = tags_to_store(call, &in->tags),
        .tag_count = in->tags.count,
    };
    struct span arn;
    if (source && !source->ground_truth_manifest == !source->dataset_arn.ptr)
        return fail(err, E_INVALID,
                    "DatasetSource names either a GroundTruthManifest or a DatasetArn; leave it out for an empty "
                    "dataset.");
    if (source && source->ground_truth_manifest) {
        if (!project_find(call->api->store, in->project_arn, err) ||
            !find_manifest(call, source->ground_truth_manifest, &manifest, err))
            return false;
        wish.manifest = &manifest;
    }
    if (!dataset_create(call->api->store, call->arena, &wish, &arn, err))
        return false;
    json_open_object(w);
    render_text(w, "DatasetArn", arn);
    json_close_object(w);
    return true;
}

bool describe_dataset(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_dataset *in = call->input;
    struct dataset_view view;
    if (!dataset_describe(call->api->store, call->arena, in->dataset_arn, &view, err))
        return false;
    json_open_object(w);
    json_key(w, "DatasetDescription");
    render_description(w, &view);
    json_close_object(w);
    return true;
}

bool delete_dataset(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_dataset *in = call->input;
    return dataset_delete(call->api->store, in->dataset_arn, err) && render_nothing(w);
}

/* The model says that there are two. */
static struct span nth_arn(const struct call *call, unsigned place)
{
    const struct in_distribute_dataset_entries *in = call->input;
    struct in_distribute_dataset *const *datasets = in->datasets.items;
    CHECK(place < in->datasets.count);
    return datasets[place]->arn;
}

unsigned needs_distribute_dataset_entries(const struct call *call, struct call_need *ret_needs)
{
    for (unsigned i = 0; i < 2; i++)
        ret_needs[i] = (struct call_need){ .action = "rekognition:DistributeDatasetEntries",
                                           .resource = nth_arn(call, i),
                                           .named = true };
    return 2;
}

bool distribute_dataset_entries(struct call *call, struct json_writer *w, struct err *err)
{
    return dataset_distribute(call->api->store, nth_arn(call, 0), nth_arn(call, 1), err) && render_nothing(w);
}
