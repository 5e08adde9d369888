/* training: see training.h for the contract. */
#include "manifest/training.h"

#include "json/json_writer.h"
#include "manifest/list.h"
#include "manifest/reader.h"

static void offer_label(struct manifest_reader *reader, struct span name)
{
    for (uint32_t i = 0; i < reader->offered_label_count; i++)
        if (span_eq(reader->offered_labels[i], name))
            return;
    reader->offered_labels = list_room(reader->offered_labels, &reader->offered_label_room, reader->offered_label_count,
                                       sizeof *reader->offered_labels);
    reader->offered_labels[reader->offered_label_count++] = name;
}

static void offer_boxes(struct manifest_reader *reader, const struct attribute *attribute)
{
    float width = (float)attribute->image_width, height = (float)attribute->image_height;
    for (uint32_t i = 0; i < attribute->box_count; i++) {
        const struct box *box = &reader->boxes[attribute->box_from + i];
        if (!box->kept)
            continue;
        reader->offered_boxes = list_room(reader->offered_boxes, &reader->offered_box_room, reader->offered_box_count,
                                          sizeof *reader->offered_boxes);
        reader->offered_boxes[reader->offered_box_count++] =
            (struct manifest_box){ .label = reader->classes[box->class_at].name,
                                   .left = (float)box->field[BOX_LEFT] / width,
                                   .top = (float)box->field[BOX_TOP] / height,
                                   .width = (float)box->field[BOX_WIDTH] / width,
                                   .height = (float)box->field[BOX_HEIGHT] / height };
    }
}

void manifest_offer(struct manifest_reader *reader, const struct manifest_verdict *verdict,
                    struct manifest_offer *ret_offer)
{
    bool usable = false;
    *ret_offer = (struct manifest_offer){ 0 };
    reader->offered_label_count = reader->offered_box_count = 0;
    if (verdict->fate != MANIFEST_KEPT || reader->entry_faults != 0) {
        ret_offer->invalid = true;
        return;
    }
    for (uint32_t i = 0; i < reader->attribute_count; i++) {
        const struct attribute *attribute = &reader->attributes[i];
        if (!attribute->sound || !attribute->usable)
            continue;
        usable = true;
        if (attribute->use == USE_IMAGE)
            offer_label(reader, attribute->class_name);
        else
            offer_boxes(reader, attribute);
    }
    ret_offer->labels = reader->offered_labels;
    ret_offer->label_count = reader->offered_label_count;
    ret_offer->boxes = reader->offered_boxes;
    ret_offer->box_count = reader->offered_box_count;
    if (reader->attribute_count == 0)
        ret_offer->warning = MANIFEST_UNANNOTATED_RECORD;
    else if (!usable)
        ret_offer->invalid = true;
    else if (ret_offer->label_count == 0 && ret_offer->box_count == 0)
        ret_offer->warning = MANIFEST_NO_ANNOTATIONS;
}

static void write_bare_error(enum manifest_code code, struct buf *out)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "errors");
    json_open_array(&w);
    json_open_object(&w);
    json_key(&w, "code");
    json_add_string(&w, span_str(manifest_code_name(code)));
    json_key(&w, "message");
    json_add_string(&w, span_str(manifest_code_message(code)));
    json_close_object(&w);
    json_close_array(&w);
    json_close_object(&w);
    json_writer_end(&w);
}

/* A dropped line that is JSON says why it was dropped and nothing else; the caller takes the faults back. */
static void blame_drop(struct manifest_reader *reader, enum manifest_code code)
{
    for (uint32_t i = 0; i < reader->attribute_count; i++) {
        struct attribute *attribute = &reader->attributes[i];
        attribute->value_faults = attribute->metadata_faults = attribute->entry_faults = 0;
        attribute->box_faults = false;
    }
    for (uint32_t i = 0; i < reader->box_count; i++)
        reader->boxes[i].fault = MANIFEST_OK;
    reader->entry_faults = (manifest_codes)1 << code;
    reader->faulty = true;
}

void manifest_validated(struct manifest_reader *reader, const struct manifest_verdict *verdict,
                        const struct manifest_offer *offer, enum manifest_code image, struct buf *out)
{
    CHECK(verdict->fate != MANIFEST_BLANK && (image == MANIFEST_OK || image == MANIFEST_INVALID_IMAGE));
    bool dropped = verdict->fate == MANIFEST_DROPPED;
    if (dropped && (verdict->code == MANIFEST_INVALID_JSON_LINE || verdict->code == MANIFEST_LINE_TOO_LONG)) {
        write_bare_error(verdict->code, out);
        return;
    }
    manifest_codes entry_faults = reader->entry_faults;
    bool faulty = reader->faulty;
    if (dropped)
        blame_drop(reader, verdict->code);
    if (image != MANIFEST_OK) {
        reader->entry_faults |= (manifest_codes)1 << image;
        reader->faulty = true;
    }
    write_validated(reader, offer->warning, out);
    reader->entry_faults = entry_faults;
    reader->faulty = faulty;
}
