/*
 * judge: the rules of spec D.4 and D.6 over what scan found.
 *
 * First come the checks that stop all others, on every attribute of the line. If one of them fails, the rest is still
 * worked out, because labels of the other attributes count, but it reports nothing.
 */
#include "manifest/list.h"
#include "manifest/reader.h"

enum { SCALED_SIDE_PX = 1280, FAR_PX = 1 << 30 };

static manifest_codes bit(enum manifest_code code)
{
    return (manifest_codes)1 << code;
}

static void blame_metadata(struct manifest_reader *reader, struct attribute *attribute, enum manifest_code code)
{
    if (attribute->metadata_object)
        attribute->metadata_faults |= bit(code);
    else
        attribute->entry_faults |= bit(code);
    reader->faulty = true;
}

static void blame_value(struct manifest_reader *reader, struct attribute *attribute, enum manifest_code code)
{
    if (attribute->value_object)
        attribute->value_faults |= bit(code);
    else
        attribute->entry_faults |= bit(code);
    reader->faulty = true;
}

static void blame_entry(struct manifest_reader *reader, enum manifest_code code)
{
    reader->entry_faults |= bit(code);
    reader->faulty = true;
}

/* A class-map's ids by number of entry: in `names`, and which of equal ones wins in the entries. */
static void index_class_map(struct manifest_reader *reader, const struct attribute *attribute)
{
    struct class_entry *classes = reader->classes + attribute->class_from;
    names_clear(&reader->names);
    for (uint32_t i = 0; i < attribute->class_count; i++)
        names_add(&reader->names, classes[i].id);
    names_seal(&reader->names);
    for (uint32_t i = 0; i < attribute->class_count; i++)
        classes[i].wins = names_find(&reader->names, classes[i].id, NAMES_LAST) == i;
}

/* A value that is no string matters only where no later entry has its id. */
static bool classes_are_named(struct manifest_reader *reader, const struct attribute *attribute)
{
    if (!attribute->class_unnamed)
        return true;
    index_class_map(reader, attribute);
    for (uint32_t i = 0; i < attribute->class_count; i++) {
        const struct class_entry *entry = &reader->classes[attribute->class_from + i];
        if (entry->wins && !entry->name.ptr)
            return false;
    }
    return true;
}

static bool metadata_is_well_formed(struct manifest_reader *reader, const struct attribute *attribute)
{
    if (!attribute->metadata_object || !attribute->metadata_common)
        return false;
    switch (attribute->use) {
    case USE_IMAGE:
        return attribute->confident && attribute->has_class_name;
    case USE_BOXES:
        return attribute->has_objects && attribute->has_class_map && classes_are_named(reader, attribute);
    case USE_UNSUPPORTED:
        return true;
    case USE_MISSING:
        break;
    }
    return false;
}

static bool value_is_well_formed(const struct manifest_reader *reader, const struct attribute *attribute)
{
    if (attribute->use == USE_IMAGE)
        return attribute->value_whole;
    if (attribute->use == USE_UNSUPPORTED)
        return true; /* nobody knows its form */
    if (!attribute->value_object || !attribute->has_image_size || !attribute->has_annotations)
        return false;
    for (uint32_t i = 0; i < attribute->box_count; i++)
        if (!reader->boxes[attribute->box_from + i].complete)
            return false;
    return true;
}

static struct span decimal(uint64_t number, char room[20])
{
    size_t at = 20;
    do {
        room[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return span_of(room + at, 20 - at);
}

/* Finds each box's class; false if one has none. An id beyond 64 bits was made extreme and is no id at all. */
static bool classes_are_mapped(struct manifest_reader *reader, const struct attribute *attribute)
{
    index_class_map(reader, attribute);
    for (uint32_t i = 0; i < attribute->box_count; i++) {
        struct box *box = &reader->boxes[attribute->box_from + i];
        int64_t id = box->field[BOX_CLASS_ID];
        if (id < 0 || id == INT64_MAX)
            return false;
        char room[20];
        uint32_t found = names_find(&reader->names, decimal((uint64_t)id, room), NAMES_LAST);
        if (found == NAMES_NONE)
            return false;
        box->class_at = attribute->class_from + found;
    }
    return true;
}

/* The checks that stop further ones, in the order in which each makes sense of the next. */
static void judge_form(struct manifest_reader *reader, struct attribute *attribute)
{
    bool boxes = attribute->use == USE_BOXES;
    if (!metadata_is_well_formed(reader, attribute)) {
        blame_metadata(reader, attribute, MANIFEST_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT);
    } else if (!value_is_well_formed(reader, attribute)) {
        blame_value(reader, attribute, MANIFEST_INVALID_LABEL_ATTRIBUTE_FORMAT);
    } else if (boxes && (attribute->object_count != attribute->box_count || !attribute->objects_confident)) {
        blame_metadata(reader, attribute, MANIFEST_MISSING_BOUNDING_BOX_CONFIDENCE);
    } else if (boxes && !classes_are_mapped(reader, attribute)) {
        blame_metadata(reader, attribute, MANIFEST_MISSING_CLASS_MAP_ID);
    } else {
        attribute->sound = true;
    }
}

/* Pixels as they enter sums and products: far values stay far, and overflow nothing. */
static int64_t near(int64_t px)
{
    return px > FAR_PX ? FAR_PX : px < -FAR_PX ? -FAR_PX : px;
}

static enum manifest_code judge_box(const struct attribute *attribute, const struct box *box)
{
    int64_t top = near(box->field[BOX_TOP]), left = near(box->field[BOX_LEFT]);
    int64_t width = near(box->field[BOX_WIDTH]), height = near(box->field[BOX_HEIGHT]);
    int64_t image_width = near(attribute->image_width), image_height = near(attribute->image_height);
    if (top < 0 || left < 0 || width < 0 || height < 0 || left + width > image_width || top + height > image_height)
        return MANIFEST_INVALID_BOUNDING_BOX;
    int64_t side = image_width > image_height ? image_width : image_height;
    int64_t one_px = side > SCALED_SIDE_PX ? side : SCALED_SIDE_PX; /* in 1/1280 of a pixel of the image */
    if (width * SCALED_SIDE_PX <= one_px || height * SCALED_SIDE_PX <= one_px)
        return MANIFEST_BOUNDING_BOX_TOO_SMALL;
    return MANIFEST_OK;
}

/* False if all boxes, and there are some, are at fault. Classes of the others are marked. */
static bool judge_boxes(struct manifest_reader *reader, struct attribute *attribute, bool report)
{
    bool any = attribute->box_count == 0;
    for (uint32_t i = 0; i < attribute->box_count; i++) {
        struct box *box = &reader->boxes[attribute->box_from + i];
        enum manifest_code fault = judge_box(attribute, box);
        box->kept = fault == MANIFEST_OK;
        if (fault == MANIFEST_OK) {
            reader->classes[box->class_at].boxed = true;
            any = true;
        } else if (report) {
            box->fault = fault;
            attribute->box_faults = true;
            reader->faulty = true;
        }
    }
    return any;
}

static bool side_conforms(const struct manifest_reader *reader, int64_t px)
{
    const struct manifest_limits *limits = &reader->limits;
    return px >= 1 && px >= limits->side_min_px && (limits->side_max_px == 0 || px <= limits->side_max_px);
}

static bool name_length_is_valid(const struct manifest_reader *reader, struct span name)
{
    uint32_t limit = reader->limits.label_chars;
    return name.len > 0 && (limit == 0 || name.len <= limit || utf8_chars(name) <= limit);
}

static bool label_names_are_valid(const struct manifest_reader *reader, const struct attribute *attribute)
{
    if (attribute->use == USE_IMAGE)
        return name_length_is_valid(reader, attribute->class_name);
    for (uint32_t i = 0; i < attribute->class_count; i++) {
        const struct class_entry *entry = &reader->classes[attribute->class_from + i];
        if (entry->wins && !name_length_is_valid(reader, entry->name))
            return false;
    }
    return true;
}

/* What the checks over one line add up. */
struct tally {
    uint32_t boxes;
    uint32_t image_labels;
    bool report;
};

static void judge_box_attribute(struct manifest_reader *reader, struct attribute *attribute, struct tally *tally)
{
    uint32_t limit = reader->limits.boxes_per_line;
    manifest_codes faults = 0;
    if (limit != 0 && (attribute->box_count > limit || tally->boxes > limit - attribute->box_count))
        faults |= bit(MANIFEST_TOO_MANY_BOUNDING_BOXES);
    else
        tally->boxes += attribute->box_count;
    if (!side_conforms(reader, attribute->image_width) || !side_conforms(reader, attribute->image_height))
        faults |= bit(MANIFEST_INVALID_IMAGE_DIMENSION);
    if (!judge_boxes(reader, attribute, tally->report))
        faults |= bit(MANIFEST_NO_VALID_ANNOTATIONS);
    if (faults != 0) {
        attribute->usable = false;
        if (tally->report) {
            attribute->value_faults |= faults;
            reader->faulty = true;
        }
    }
}

/* The other checks, of an attribute that passed the first ones. */
static void judge_content(struct manifest_reader *reader, struct attribute *attribute, struct tally *tally)
{
    attribute->usable = true;
    enum manifest_code fault = MANIFEST_OK;
    if (attribute->use == USE_UNSUPPORTED)
        fault = MANIFEST_UNSUPPORTED_USE_CASE_TYPE;
    else if (!label_names_are_valid(reader, attribute))
        fault = MANIFEST_INVALID_LABEL_NAME_LENGTH;
    if (fault != MANIFEST_OK) {
        attribute->usable = false;
        if (tally->report)
            blame_metadata(reader, attribute, fault);
    }
    if (attribute->use == USE_BOXES)
        judge_box_attribute(reader, attribute, tally);
}

static void add_label(struct manifest_reader *reader, struct manifest_label label)
{
    reader->labels = list_room(reader->labels, &reader->label_room, reader->label_count, sizeof *reader->labels);
    reader->labels[reader->label_count++] = label;
}

static void gather_labels(struct manifest_reader *reader, const struct attribute *attribute, struct tally *tally)
{
    if (attribute->use == USE_IMAGE) {
        uint32_t limit = reader->limits.labels_per_line;
        if (limit != 0 && tally->image_labels >= limit) {
            if (tally->report)
                blame_entry(reader, MANIFEST_TOO_MANY_LABELS_IN_LINE);
            return;
        }
        tally->image_labels++;
        add_label(reader, (struct manifest_label){ .name = attribute->class_name, .used = true, .declared = true });
        return;
    }
    for (uint32_t i = 0; i < attribute->class_count; i++) {
        const struct class_entry *entry = &reader->classes[attribute->class_from + i];
        if (entry->wins)
            add_label(reader, (struct manifest_label){
                                  .name = entry->name, .used = entry->boxed, .boxed = entry->boxed, .declared = true });
    }
}

/* Each name once, where it was first seen. */
static void merge_labels(struct manifest_reader *reader)
{
    if (reader->label_count < 2)
        return;
    names_clear(&reader->names);
    for (uint32_t i = 0; i < reader->label_count; i++)
        names_add(&reader->names, reader->labels[i].name);
    names_seal(&reader->names);
    for (uint32_t i = 0; i < reader->label_count; i++) {
        struct manifest_label *first = &reader->labels[names_find(&reader->names, reader->labels[i].name, NAMES_FIRST)];
        first->used |= reader->labels[i].used;
        first->boxed |= reader->labels[i].boxed;
        first->declared |= reader->labels[i].declared;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reader->label_count; i++)
        if (names_find(&reader->names, reader->labels[i].name, NAMES_FIRST) == i)
            reader->labels[kept++] = reader->labels[i];
    reader->label_count = kept;
}

/* Whether the attribute says something about the image, be it right or wrong (spec C.1 and the example of D.6). */
static bool claims_label(const struct attribute *attribute)
{
    bool boxed = attribute->box_count > 0;
    bool named = attribute->has_class_name && attribute->class_name.len > 0;
    if (attribute->use == USE_IMAGE)
        return named;
    if (attribute->use == USE_BOXES)
        return boxed;
    return boxed || named;
}

bool judge_entry(struct manifest_reader *reader)
{
    bool labeled = false, usable = false;
    reader->faulty = false;
    reader->entry_faults = 0;
    reader->label_count = 0;
    if (reader->attribute_count == 0) {
        if (reader->other_members)
            blame_entry(reader, MANIFEST_NO_LABEL_ATTRIBUTES);
        return false;
    }
    for (uint32_t i = 0; i < reader->attribute_count; i++) {
        judge_form(reader, &reader->attributes[i]);
        labeled |= claims_label(&reader->attributes[i]);
    }
    struct tally tally = { .report = !reader->faulty };
    for (uint32_t i = 0; i < reader->attribute_count; i++) {
        struct attribute *attribute = &reader->attributes[i];
        if (!attribute->sound)
            continue;
        judge_content(reader, attribute, &tally);
        usable |= attribute->usable;
        if (attribute->usable)
            gather_labels(reader, attribute, &tally);
    }
    if (!usable && tally.report)
        blame_entry(reader, MANIFEST_NO_VALID_LABEL_ATTRIBUTES);
    merge_labels(reader);
    return labeled;
}
