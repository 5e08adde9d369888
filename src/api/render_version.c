/* render_version: a ProjectVersionDescription (spec B.6, E.2); see render.h for the contract. */
#include "api/render.h"

static void render_object(struct json_writer *w, const char *wrapper, struct span bucket, struct span key,
                          struct span version)
{
    if (wrapper) {
        json_key(w, wrapper);
        json_open_object(w);
    }
    json_key(w, "S3Object");
    json_open_object(w);
    render_text(w, "Bucket", bucket);
    render_text(w, "Name", key);
    if (version.len > 0)
        render_text(w, "Version", version);
    json_close_object(w);
    if (wrapper)
        json_close_object(w);
}

static void render_output(struct json_writer *w, struct arena *arena, const char *wrapper,
                          const struct version *version, enum version_output output)
{
    render_object(w, wrapper, version->output_bucket, version_output_key(arena, version, output), SPAN_NONE);
}

/* Of the service's own example, in each of the three modes (spec B.6). */
static void render_input(struct json_writer *w, const struct version *version, bool testing)
{
    const struct version_side *side = testing ? &version->test : &version->train;
    json_key(w, "Input");
    json_open_object(w);
    if (version->mode != VERSION_OF_DATASETS) {
        json_key(w, "Assets");
        json_open_array(w);
        for (size_t i = 0; i < side->count; i++) {
            json_open_object(w);
            render_object(w, "GroundTruthManifest", side->assets[i].bucket, side->assets[i].key,
                          side->assets[i].version);
            json_close_object(w);
        }
        json_close_array(w);
    }
    if (testing) {
        json_key(w, "AutoCreate");
        json_add_bool(w, version->mode == VERSION_OF_SPLIT_MANIFESTS);
    }
    json_close_object(w);
}

static void render_assets(struct json_writer *w, struct arena *arena, const char *key, const struct version *version,
                          enum version_output output, bool with_auto_create)
{
    if (!(version->outputs & output))
        return;
    json_key(w, key);
    json_open_object(w);
    json_key(w, "Assets");
    json_open_array(w);
    json_open_object(w);
    render_output(w, arena, "GroundTruthManifest", version, output);
    json_close_object(w);
    json_close_array(w);
    if (with_auto_create) {
        json_key(w, "AutoCreate");
        json_add_bool(w, version->mode == VERSION_OF_SPLIT_MANIFESTS);
    }
    json_close_object(w);
}

static void render_data(struct json_writer *w, struct arena *arena, const struct version *version)
{
    json_key(w, "TrainingDataResult");
    json_open_object(w);
    render_input(w, version, false);
    render_assets(w, arena, "Output", version, VERSION_TRAINING_TRUTH, false);
    render_assets(w, arena, "Validation", version, VERSION_TRAINING_VALIDATION, false);
    json_close_object(w);
    json_key(w, "TestingDataResult");
    json_open_object(w);
    render_input(w, version, true);
    render_assets(w, arena, "Output", version, VERSION_TESTING_TRUTH, true);
    render_assets(w, arena, "Validation", version, VERSION_TESTING_VALIDATION, false);
    json_close_object(w);
}

static void render_results(struct json_writer *w, struct arena *arena, const struct version *version)
{
    if (version->outputs & VERSION_EVALUATION) {
        json_key(w, "EvaluationResult");
        json_open_object(w);
        json_key(w, "F1Score");
        json_add_float(w, version->f1);
        render_output(w, arena, "Summary", version, VERSION_EVALUATION);
        json_close_object(w);
    }
    if (version->outputs & VERSION_MANIFEST_SUMMARY)
        render_output(w, arena, "ManifestSummary", version, VERSION_MANIFEST_SUMMARY);
}

void render_version(struct json_writer *w, struct arena *arena, const struct version *version)
{
    json_open_object(w);
    render_text(w, "ProjectVersionArn", version->arn);
    render_time(w, "CreationTimestamp", version->created_ms);
    if (version->min_units)
        render_count(w, "MinInferenceUnits", version->min_units);
    render_text(w, "Status", span_str(version_status_name(version->status)));
    render_text(w, "StatusMessage", version->message);
    if (version->billable_s)
        render_count(w, "BillableTrainingTimeInSeconds", version->billable_s);
    if (version->ended_ms)
        render_time(w, "TrainingEndTimestamp", version->ended_ms);
    json_key(w, "OutputConfig");
    json_open_object(w);
    render_text(w, "S3Bucket", version->output_bucket);
    render_text(w, "S3KeyPrefix", version->output_prefix);
    json_close_object(w);
    render_data(w, arena, version);
    render_results(w, arena, version);
    if (version->kms_key.len)
        render_text(w, "KmsKeyId", version->kms_key);
    if (version->max_units)
        render_count(w, "MaxInferenceUnits", version->max_units);
    if (version->source_arn.len)
        render_text(w, "SourceProjectVersionArn", version->source_arn);
    if (version->description.len)
        render_text(w, "VersionDescription", version->description);
    render_text(w, "Feature", SPAN_LIT("CUSTOM_LABELS"));
    json_close_object(w);
}
