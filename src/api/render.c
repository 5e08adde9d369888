/* render: see render.h for the contract. */
#include "api/render.h"

void render_text(struct json_writer *w, const char *key, struct span text)
{
    json_key(w, key);
    json_add_string(w, text);
}

void render_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
    json_key(w, key);
    json_add_time_ms(w, wall_ms);
}

void render_count(struct json_writer *w, const char *key, int64_t count)
{
    json_key(w, key);
    json_add_int(w, count);
}

bool render_nothing(struct json_writer *w)
{
    json_open_object(w);
    json_close_object(w);
    return true;
}

static void render_status(struct json_writer *w, const struct dataset_view *view)
{
    render_text(w, "Status", span_str(dataset_status_name(view->status)));
    render_text(w, "StatusMessage", view->message);
    render_text(w, "StatusMessageCode", span_str(dataset_message_code_name(view->message_code)));
}

void render_description(struct json_writer *w, const struct dataset_view *view)
{
    json_open_object(w);
    render_time(w, "CreationTimestamp", view->created_ms);
    render_time(w, "LastUpdatedTimestamp", view->updated_ms);
    render_status(w, view);
    json_key(w, "DatasetStats");
    json_open_object(w);
    render_count(w, "LabeledEntries", view->stats.labeled);
    render_count(w, "TotalEntries", view->stats.total);
    render_count(w, "TotalLabels", view->stats.labels);
    render_count(w, "ErrorEntries", view->stats.errors);
    json_close_object(w);
    json_close_object(w);
}

void render_metadata(struct json_writer *w, const struct dataset_view *view)
{
    json_open_object(w);
    render_time(w, "CreationTimestamp", view->created_ms);
    render_text(w, "DatasetType", span_str(dataset_type_name(view->type)));
    render_text(w, "DatasetArn", view->arn);
    render_status(w, view);
    json_close_object(w);
}
