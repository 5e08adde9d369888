/* tags: TagResource, UntagResource, ListTagsForResource (spec B.8), and tags given at creation. */
#include "api/handlers.h"
#include "api/render.h"
#include "store/tag.h"

const struct tag *tags_to_store(const struct call *call, const struct model_list *pairs)
{
    const struct model_pair *given = pairs->items;
    struct tag *tags = arena_alloc(call->arena, (pairs->count + 1) * sizeof *tags);
    for (size_t i = 0; i < pairs->count; i++)
        tags[i] = (struct tag){ given[i].key, given[i].value };
    return tags;
}

void tags_to_need(const struct call *call, const struct model_list *pairs, struct call_need *need)
{
    const struct model_pair *given = pairs->items;
    struct policy_tag *tags = arena_alloc(call->arena, (pairs->count + 1) * sizeof *tags);
    for (size_t i = 0; i < pairs->count; i++)
        tags[i] = (struct policy_tag){ given[i].key, given[i].value };
    need->request_tags = tags;
    need->request_tag_count = pairs->count;
}

unsigned needs_tag_resource(const struct call *call, struct call_need *ret_needs)
{
    const struct in_tag_resource *in = call->input;
    ret_needs[0] =
        (struct call_need){ .action = "rekognition:TagResource", .resource = in->resource_arn, .named = true };
    tags_to_need(call, &in->tags, &ret_needs[0]);
    return 1;
}

unsigned needs_untag_resource(const struct call *call, struct call_need *ret_needs)
{
    const struct in_untag_resource *in = call->input;
    ret_needs[0] = (struct call_need){ .action = "rekognition:UntagResource",
                                       .resource = in->resource_arn,
                                       .named = true,
                                       .tag_keys = in->tag_keys.items,
                                       .tag_key_count = in->tag_keys.count };
    return 1;
}

bool tag_resource(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_tag_resource *in = call->input;
    return tag_add(call->api->store, in->resource_arn, tags_to_store(call, &in->tags), in->tags.count, err) &&
           render_nothing(w);
}

bool untag_resource(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_untag_resource *in = call->input;
    return tag_remove(call->api->store, in->resource_arn, in->tag_keys.items, in->tag_keys.count, err) &&
           render_nothing(w);
}

bool list_tags_for_resource(struct call *call, struct json_writer *w, struct err *err)
{
    const struct in_list_tags_for_resource *in = call->input;
    struct tag *tags;
    size_t count;
    if (!tag_list(call->api->store, call->arena, in->resource_arn, &tags, &count, err))
        return false;
    json_open_object(w);
    json_key(w, "Tags");
    json_open_object(w);
    for (size_t i = 0; i < count; i++) {
        json_key_span(w, tags[i].key);
        json_add_string(w, tags[i].value);
    }
    json_close_object(w);
    json_close_object(w);
    return true;
}
