/*
 * scan: what stands in a line, by JSON's structure alone. No rule is applied here; of members of one name the last
 * counts, and keys of the server are noticed where the server could have put them.
 */
#include <math.h>

#include "manifest/list.h"
#include "manifest/reader.h"

enum key {
    KEY_UNKNOWN,
    KEY_SERVER,
    KEY_TOP,
    KEY_LEFT,
    KEY_WIDTH,
    KEY_HEIGHT,
    KEY_DEPTH,
    KEY_CLASS_ID,
    KEY_TYPE,
    KEY_OBJECTS,
    KEY_JOB_NAME,
    KEY_CLASS_MAP,
    KEY_CLASS_NAME,
    KEY_CONFIDENCE,
    KEY_IMAGE_SIZE,
    KEY_ANNOTATIONS,
    KEY_CREATION_DATE,
    KEY_HUMAN_ANNOTATED,
    KEY_COUNT
};

/* The known members of an object. */
struct found {
    uint32_t set; /* bit `1u << key` */
    struct json value[KEY_COUNT];
};

static inline bool same(struct span key, const char *text)
{
    return memcmp(key.ptr, text, strlen(text)) == 0;
}

static enum key key_of(struct span key)
{
    switch (key.len) {
    case 3:
        return same(key, "top") ? KEY_TOP : KEY_UNKNOWN;
    case 4:
        return same(key, "left") ? KEY_LEFT : same(key, "type") ? KEY_TYPE : KEY_UNKNOWN;
    case 5:
        return same(key, "width") ? KEY_WIDTH : same(key, "depth") ? KEY_DEPTH : KEY_UNKNOWN;
    case 6:
        return same(key, "height") ? KEY_HEIGHT : same(key, "errors") ? KEY_SERVER : KEY_UNKNOWN;
    case 7:
        return same(key, "objects") ? KEY_OBJECTS : KEY_UNKNOWN;
    case 8:
        if (same(key, "class_id"))
            return KEY_CLASS_ID;
        return same(key, "job-name") ? KEY_JOB_NAME : same(key, "warnings") ? KEY_SERVER : KEY_UNKNOWN;
    case 9:
        return same(key, "class-map") ? KEY_CLASS_MAP : same(key, "cl-errors") ? KEY_SERVER : KEY_UNKNOWN;
    case 10:
        if (same(key, "class-name"))
            return KEY_CLASS_NAME;
        return same(key, "confidence") ? KEY_CONFIDENCE : same(key, "image_size") ? KEY_IMAGE_SIZE : KEY_UNKNOWN;
    case 11:
        if (same(key, "annotations"))
            return KEY_ANNOTATIONS;
        return same(key, "cl-metadata") || same(key, "cl-warnings") ? KEY_SERVER : KEY_UNKNOWN;
    case 13:
        return same(key, "creation-date") ? KEY_CREATION_DATE : KEY_UNKNOWN;
    case 15:
        return same(key, "human-annotated") ? KEY_HUMAN_ANNOTATED : KEY_UNKNOWN;
    default:
        return KEY_UNKNOWN;
    }
}

bool is_server_key(struct span key)
{
    return key_of(key) == KEY_SERVER;
}

static void find_keys(struct json object, struct found *found)
{
    found->set = 0;
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        enum key key = key_of(it.key);
        found->set |= 1u << key;
        found->value[key] = it.value;
    }
}

static bool has(const struct found *found, enum key key)
{
    return found->set & 1u << key;
}

static bool has_kind(const struct found *found, enum key key, enum json_kind kind)
{
    return has(found, key) && json_kind(found->value[key]) == kind;
}

/* A number without a fraction; one beyond 64 bits becomes the extreme on its side. */
static bool whole_number(struct json value, int64_t *ret_number)
{
    enum json_kind kind = json_kind(value);
    if (kind == JSON_INTEGER) {
        if (!json_to_i64(value, ret_number))
            *ret_number = INT64_MAX;
        return true;
    }
    if (kind != JSON_DOUBLE)
        return false;
    double number = json_to_double(value);
    if (number != trunc(number))
        return false;
    if (number >= 0x1p63)
        *ret_number = INT64_MAX;
    else if (number < -0x1p63)
        *ret_number = INT64_MIN;
    else
        *ret_number = (int64_t)number;
    return true;
}

static bool has_whole(const struct found *found, enum key key, int64_t *ret_number)
{
    return has(found, key) && whole_number(found->value[key], ret_number);
}

static bool is_filled_string(struct json value)
{
    return json_kind(value) == JSON_STRING && json_string(value).len > 0;
}

static bool is_decimal(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

static void scan_class_map(struct manifest_reader *reader, struct attribute *attribute, struct json map)
{
    attribute->has_class_map = true;
    for (struct json_iter it = json_iter(map); json_next(&it);) {
        bool named = json_kind(it.value) == JSON_STRING;
        attribute->has_class_map &= is_decimal(it.key);
        attribute->class_unnamed |= !named;
        reader->classes = list_room(reader->classes, &reader->class_room, reader->class_count, sizeof *reader->classes);
        reader->classes[reader->class_count++] =
            (struct class_entry){ .id = it.key, .name = named ? json_string(it.value) : SPAN_NONE };
    }
    attribute->class_count = reader->class_count - attribute->class_from;
}

static void scan_objects(struct attribute *attribute, struct json objects)
{
    attribute->has_objects = true;
    attribute->objects_confident = true;
    for (struct json_iter it = json_iter(objects); json_next(&it);) {
        bool confident = false;
        if (json_kind(it.value) == JSON_OBJECT) {
            struct found found;
            find_keys(it.value, &found);
            confident = has_kind(&found, KEY_CONFIDENCE, JSON_INTEGER) || has_kind(&found, KEY_CONFIDENCE, JSON_DOUBLE);
        }
        attribute->objects_confident &= confident;
        attribute->object_count++;
    }
}

static enum use_case use_case_of(const struct found *found)
{
    if (!has_kind(found, KEY_TYPE, JSON_STRING))
        return USE_MISSING;
    struct span type = json_string(found->value[KEY_TYPE]);
    if (span_eq(type, SPAN_LIT("groundtruth/object-detection")))
        return USE_BOXES;
    if (span_eq(type, SPAN_LIT("groundtruth/image-classification")))
        return USE_IMAGE;
    return USE_UNSUPPORTED;
}

static void scan_metadata(struct manifest_reader *reader, struct attribute *attribute, struct json metadata)
{
    attribute->metadata_object = json_kind(metadata) == JSON_OBJECT;
    if (!attribute->metadata_object)
        return;
    struct found found;
    find_keys(metadata, &found);
    attribute->metadata_stale = has(&found, KEY_SERVER);
    attribute->use = use_case_of(&found);
    if (has_kind(&found, KEY_HUMAN_ANNOTATED, JSON_STRING) && has(&found, KEY_CREATION_DATE)) {
        struct span human = json_string(found.value[KEY_HUMAN_ANNOTATED]);
        attribute->metadata_common = (span_eq(human, SPAN_LIT("yes")) || span_eq(human, SPAN_LIT("no"))) &&
                                     is_filled_string(found.value[KEY_CREATION_DATE]) &&
                                     (!has(&found, KEY_JOB_NAME) || has_kind(&found, KEY_JOB_NAME, JSON_STRING));
    }
    if (has_kind(&found, KEY_CONFIDENCE, JSON_INTEGER) || has_kind(&found, KEY_CONFIDENCE, JSON_DOUBLE)) {
        double confidence = json_to_double(found.value[KEY_CONFIDENCE]);
        attribute->confident = confidence >= 0 && confidence <= 1;
    }
    if (has_kind(&found, KEY_CLASS_NAME, JSON_STRING)) {
        attribute->has_class_name = true;
        attribute->class_name = json_string(found.value[KEY_CLASS_NAME]);
    }
    attribute->class_from = reader->class_count;
    if (has_kind(&found, KEY_OBJECTS, JSON_ARRAY))
        scan_objects(attribute, found.value[KEY_OBJECTS]);
    if (has_kind(&found, KEY_CLASS_MAP, JSON_OBJECT))
        scan_class_map(reader, attribute, found.value[KEY_CLASS_MAP]);
}

static void scan_box(struct manifest_reader *reader, struct attribute *attribute, struct json annotation)
{
    static const enum key keys[BOX_FIELDS] = { [BOX_CLASS_ID] = KEY_CLASS_ID,
                                               [BOX_TOP] = KEY_TOP,
                                               [BOX_LEFT] = KEY_LEFT,
                                               [BOX_WIDTH] = KEY_WIDTH,
                                               [BOX_HEIGHT] = KEY_HEIGHT };
    reader->boxes = list_room(reader->boxes, &reader->box_room, reader->box_count, sizeof *reader->boxes);
    struct box *box = &reader->boxes[reader->box_count++];
    *box = (struct box){ .complete = json_kind(annotation) == JSON_OBJECT };
    if (!box->complete)
        return;
    struct found found;
    find_keys(annotation, &found);
    for (int i = 0; i < BOX_FIELDS; i++)
        box->complete &= has_whole(&found, keys[i], &box->field[i]);
    attribute->value_stale |= has(&found, KEY_SERVER);
}

static void scan_image_size(struct attribute *attribute, struct json sizes)
{
    struct json_iter it = json_iter(sizes);
    if (json_count(sizes) != 1 || !json_next(&it) || json_kind(it.value) != JSON_OBJECT)
        return;
    struct found found;
    int64_t depth;
    find_keys(it.value, &found);
    attribute->has_image_size = has_whole(&found, KEY_WIDTH, &attribute->image_width) &&
                                has_whole(&found, KEY_HEIGHT, &attribute->image_height) &&
                                has_whole(&found, KEY_DEPTH, &depth);
}

static void scan_value(struct manifest_reader *reader, struct attribute *attribute, struct json value)
{
    int64_t number;
    attribute->box_from = reader->box_count;
    attribute->value_whole = whole_number(value, &number);
    attribute->value_object = json_kind(value) == JSON_OBJECT;
    if (!attribute->value_object)
        return;
    struct found found;
    find_keys(value, &found);
    attribute->value_stale = has(&found, KEY_SERVER);
    if (has_kind(&found, KEY_IMAGE_SIZE, JSON_ARRAY))
        scan_image_size(attribute, found.value[KEY_IMAGE_SIZE]);
    if (has_kind(&found, KEY_ANNOTATIONS, JSON_ARRAY)) {
        attribute->has_annotations = true;
        attribute->annotations = found.value[KEY_ANNOTATIONS];
        for (struct json_iter it = json_iter(attribute->annotations); json_next(&it);)
            scan_box(reader, attribute, it.value);
        attribute->box_count = reader->box_count - attribute->box_from;
    }
}

void scan_members(struct manifest_reader *reader, struct json entry)
{
    reader->member_count = 0;
    reader->stale = false;
    reader->other_members = false;
    names_clear(&reader->names);
    for (struct json_iter it = json_iter(entry); json_next(&it);) {
        bool server = is_server_key(it.key);
        reader->stale |= server;
        reader->other_members |= !server && !span_eq(it.key, SPAN_LIT("source-ref"));
        reader->members =
            list_room(reader->members, &reader->member_room, reader->member_count, sizeof *reader->members);
        reader->members[reader->member_count++] = (struct member){ .key = it.key,
                                                                   .value = it.value,
                                                                   .role = server ? ROLE_SERVER : ROLE_OTHER,
                                                                   .stem = NAMES_NONE,
                                                                   .metadata = NAMES_NONE };
        names_add(&reader->names, it.key);
    }
    names_seal(&reader->names);
    reader->source_ref = names_find(&reader->names, SPAN_LIT("source-ref"), NAMES_LAST);
}

/* Joins K and K-metadata, the last of each name. Neither the server's keys nor source-ref are anybody's K. */
static void pair_members(struct manifest_reader *reader)
{
    static const struct span suffix = { "-metadata", 9 };
    for (uint32_t i = 0; i < reader->member_count; i++) {
        struct member *metadata = &reader->members[i];
        if (metadata->role == ROLE_SERVER || !span_ends(metadata->key, suffix) ||
            names_find(&reader->names, metadata->key, NAMES_LAST) != i)
            continue;
        struct span name = span_first(metadata->key, metadata->key.len - suffix.len);
        uint32_t stem = names_find(&reader->names, name, NAMES_LAST);
        if (stem == NAMES_NONE || stem == reader->source_ref || reader->members[stem].role == ROLE_SERVER)
            continue;
        metadata->stem = stem;
        reader->members[stem].metadata = i;
    }
}

void scan_attributes(struct manifest_reader *reader)
{
    reader->attribute_count = reader->box_count = reader->class_count = 0;
    pair_members(reader);
    for (uint32_t i = 0; i < reader->member_count; i++) {
        struct member *value = &reader->members[i];
        /* What is the metadata of another attribute is not an attribute itself, whatever else is there. */
        if (value->metadata == NAMES_NONE || value->stem != NAMES_NONE)
            continue;
        struct member *metadata = &reader->members[value->metadata];
        reader->attributes =
            list_room(reader->attributes, &reader->attribute_room, reader->attribute_count, sizeof *reader->attributes);
        struct attribute *attribute = &reader->attributes[reader->attribute_count];
        *attribute = (struct attribute){ .name = value->key, .metadata_name = metadata->key };
        value->role = ROLE_VALUE;
        metadata->role = ROLE_METADATA;
        value->attribute = metadata->attribute = reader->attribute_count++;
        scan_metadata(reader, attribute, metadata->value);
        scan_value(reader, attribute, value->value);
        reader->stale |= attribute->metadata_stale || attribute->value_stale;
    }
}
