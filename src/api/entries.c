/* entries: ListDatasetEntries, ListDatasetLabels, UpdateDatasetEntries (spec B.4, B.5). */
#include "store/entry.h"
#include "api/handlers.h"
#include "api/page.h"
#include "api/render.h"

static struct span flag_filter(struct model_boolean flag)
{
    return !flag.given ? SPAN_NONE : flag.value ? SPAN_LIT("true") : SPAN_LIT("false");
}

bool list_dataset_entries(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_list_dataset_entries *in = call->input;
    const struct entry_filter filter = {
        .labels = in->contains_labels.items,
        .label_count = in->contains_labels.count,
        .labeled_only = in->labeled.given && in->labeled.value,
        .unlabeled_only = in->labeled.given && !in->labeled.value,
        .errors_only = in->has_errors.given && in->has_errors.value, /* false asks for all (spec H.2) */
        .source_contains = in->source_ref_contains,
    };
    const struct span filters[] = { page_filter(call, &in->contains_labels), flag_filter(in->labeled),
                                    filter.errors_only ? SPAN_LIT("true") : SPAN_NONE, in->source_ref_contains };
    const struct page_scope scope = { "ListDatasetEntries", in->dataset_arn, filters, COUNT_OF(filters) };
    struct entry_page page;
    int64_t from;
    if (!page_begin(call, &scope, in->next_token, &from, err) ||
        !entry_list(call->api->store, call->arena, in->dataset_arn, &filter, from, page_size(in->max_results), &page,
                    err))
        return false;
    json_open_object(w);
    json_key(w, "DatasetEntries");
    json_open_array(w);
    for (size_t i = 0; i < page.count; i++)
        json_add_string(w, page.lines[i]);
    json_close_array(w);
    if (page.more)
        render_text(w, "NextToken", page_token(call, &scope, page.next_seq));
    json_close_object(w);
    return true;
}

static void render_label(struct json_writer *w, const struct label_row *label)
{
    json_open_object(w);
    render_text(w, "LabelName", label->name);
    json_key(w, "LabelStats");
    json_open_object(w);
    render_count(w, "EntryCount", label->entries);
    if (label->boxed_entries > 0) /* absent for labels of whole images (spec B.4) */
        render_count(w, "BoundingBoxCount", label->boxed_entries);
    json_close_object(w);
    json_close_object(w);
}

bool list_dataset_labels(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_list_dataset_labels *in = call->input;
    const struct page_scope scope = { "ListDatasetLabels", in->dataset_arn, NULL, 0 };
    struct label_row *labels;
    size_t count;
    int64_t from;
    bool more;
    if (!page_begin(call, &scope, in->next_token, &from, err) ||
        !label_list(call->api->store, call->arena, in->dataset_arn, from, page_size(in->max_results), &labels, &count,
                    &more, err))
        return false;
    json_open_object(w);
    json_key(w, "DatasetLabelDescriptions");
    json_open_array(w);
    for (size_t i = 0; i < count; i++)
        render_label(w, &labels[i]);
    json_close_array(w);
    if (more)
        render_text(w, "NextToken", page_token(call, &scope, labels[count - 1].id + 1));
    json_close_object(w);
    return true;
}

bool update_dataset_entries(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_update_dataset_entries *in = call->input;
    return dataset_update(call->api->store, in->dataset_arn, in->changes->ground_truth, err) && render_nothing(w);
}
