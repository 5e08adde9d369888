/*
 * Fuzz target for api/decode: the first byte chooses an operation's shape ('A' the first, and so on), the rest is the
 * body. What is accepted obeys the model; what is refused says why; both take memory in proportion to the body.
 */
#include "api/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct model_shape *const shapes[] = {
    &shape_create_project_request,
    &shape_describe_projects_request,
    &shape_delete_project_request,
    &shape_create_dataset_request,
    &shape_describe_dataset_request,
    &shape_list_dataset_entries_request,
    &shape_list_dataset_labels_request,
    &shape_update_dataset_entries_request,
    &shape_distribute_dataset_entries_request,
    &shape_delete_dataset_request,
    &shape_tag_resource_request,
    &shape_untag_resource_request,
    &shape_list_tags_for_resource_request,
};

static void hold_count(const struct model_shape *shape, int64_t count)
{
    CHECK(shape->min == MODEL_NO_BOUND || count >= shape->min);
    CHECK(shape->max == MODEL_NO_BOUND || count <= shape->max);
}

static void hold_bytes(const struct model_shape *shape, struct span value)
{
    int64_t count = (int64_t)value.len;
    if (shape->kind == MODEL_STRING)
        for (size_t i = 0; i < value.len; i++)
            count -= ((uint8_t)value.ptr[i] & 0xc0) == 0x80;
    CHECK(value.ptr);
    hold_count(shape, count);
    CHECK(!shape->pattern || model_pattern_matches(shape->pattern, value));
}

static void hold_members(const struct model_shape *shape, const char *at);

static void hold_list(const struct model_shape *shape, const struct model_list *list)
{
    hold_count(shape, (int64_t)list->count);
    for (size_t i = 0; i < list->count; i++) {
        if (shape->kind == MODEL_MAP) {
            const struct model_pair *pairs = list->items;
            hold_bytes(shape->key, pairs[i].key);
            hold_bytes(shape->item, pairs[i].value);
            for (size_t other = 0; other < i; other++)
                CHECK(!span_eq(pairs[i].key, pairs[other].key));
        } else if (shape->item->kind == MODEL_STRUCT) {
            hold_members(shape->item, ((void *const *)list->items)[i]);
        } else if (shape->item->kind == MODEL_ENUM) {
            CHECK(((const int *)list->items)[i] >= 0);
        } else {
            hold_bytes(shape->item, ((const struct span *)list->items)[i]);
        }
    }
}

/* Whether the value is there; if so it obeys its shape. */
static bool hold_value(const struct model_shape *shape, const void *slot)
{
    switch (shape->kind) {
    case MODEL_STRING:
    case MODEL_BLOB:
        if (!((const struct span *)slot)->ptr)
            return false;
        hold_bytes(shape, *(const struct span *)slot);
        return true;
    case MODEL_ENUM:
        CHECK(*(const int *)slot >= MODEL_ABSENT && *(const int *)slot < 2);
        return *(const int *)slot != MODEL_ABSENT;
    case MODEL_INTEGER:
        if (!((const struct model_integer *)slot)->given)
            return false;
        hold_count(shape, ((const struct model_integer *)slot)->value);
        return true;
    case MODEL_BOOLEAN:
        return ((const struct model_boolean *)slot)->given;
    case MODEL_LIST:
    case MODEL_MAP:
        if (!((const struct model_list *)slot)->given)
            return false;
        hold_list(shape, slot);
        return true;
    default:
        if (!*(void *const *)slot)
            return false;
        hold_members(shape, *(void *const *)slot);
        return true;
    }
}

static void hold_members(const struct model_shape *shape, const char *at)
{
    CHECK(at);
    for (size_t i = 0; i < shape->member_count; i++) {
        bool there = hold_value(shape->members[i].shape, at + shape->members[i].at);
        CHECK(there || !shape->members[i].required);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct err err = { .code = E_OK };
    struct span message = SPAN_NONE;
    void *input = NULL;
    if (size == 0)
        return 0;
    const struct model_shape *shape = shapes[(uint8_t)(data[0] - 'A') % COUNT_OF(shapes)];
    arena_init(&arena);
    if (decode_request(shape, span_of(data + 1, size - 1), &arena, &input, &message, &err)) {
        hold_members(shape, input);
    } else {
        CHECK(!input && (err.code == E_SERIALIZATION || err.code == E_VALIDATION));
        CHECK(err.code == E_SERIALIZATION || (message.len > 0 && message.ptr[0] >= '1' && message.ptr[0] <= '9'));
    }
    CHECK(arena_used(&arena) < 1024 * 1024 + 16 * size);
    arena_free(&arena);
    return 0;
}
