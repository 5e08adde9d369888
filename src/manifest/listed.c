/*
 * listed: the line as it is stored and listed: the input's bytes and key order, the server's keys taken out wherever
 * they stand, then ours put in. A clean line is copied whole.
 *
 * The bytes are walked (splice) side by side with the parsed document (json), which knows what an escaped key reads as
 * and which of several members of one name counts.
 */
#include "json/json_writer.h"
#include "manifest/reader.h"
#include "manifest/splice.h"

static struct span labeled_metadata(bool labeled)
{
    return labeled ? SPAN_LIT("\"cl-metadata\":{\"is_labeled\":true}")
                   : SPAN_LIT("\"cl-metadata\":{\"is_labeled\":false}");
}

/* The code's text with the name of what it blames. */
static struct span message_of(struct manifest_reader *reader, enum manifest_code code,
                              const struct attribute *attribute)
{
    struct span text = span_str(manifest_code_message(code));
    struct span before = span_cut(&text, '{');
    if (!text.ptr)
        return before;
    CHECK(attribute && text.len > 0 && text.ptr[0] == '}');
    buf_clear(&reader->message);
    buf_add(&reader->message, before);
    buf_add(&reader->message, code == MANIFEST_UNSUPPORTED_USE_CASE_TYPE ? attribute->metadata_name : attribute->name);
    buf_add(&reader->message, span_from(text, 1));
    return buf_span(&reader->message);
}

static void add_faults(struct manifest_reader *reader, struct json_writer *w, manifest_codes codes,
                       const struct attribute *attribute)
{
    for (unsigned code = 1; code < MANIFEST_CODE_COUNT; code++) {
        if (!(codes & (manifest_codes)1 << code))
            continue;
        json_open_object(w);
        json_key(w, "code");
        json_add_string(w, span_str(manifest_code_name(code)));
        json_key(w, "message");
        json_add_string(w, message_of(reader, code, attribute));
        json_close_object(w);
    }
}

/* An object being written member by member. */
struct listing {
    struct buf *out;
    bool comma;
};

static void add_part(struct listing *listing, struct span part)
{
    if (listing->comma)
        buf_add_char(listing->out, ',');
    buf_add(listing->out, part);
    listing->comma = true;
}

/* "cl-errors":[…] as a member of an object already begun. */
static void begin_errors(const struct manifest_reader *reader, struct listing *listing, struct json_writer *ret_w)
{
    add_part(listing, reader->validating ? SPAN_LIT("\"errors\":") : SPAN_LIT("\"cl-errors\":"));
    *ret_w = json_writer_on(listing->out);
    json_open_array(ret_w);
}

static void end_errors(struct manifest_reader *reader, struct listing *listing, struct json_writer *w, size_t before)
{
    json_close_array(w);
    json_writer_end(w);
    reader->added_chars += utf8_chars(span_from(buf_span(listing->out), before));
}

static void add_errors(struct manifest_reader *reader, struct listing *listing, manifest_codes codes,
                       const struct attribute *attribute)
{
    if (codes == 0)
        return;
    struct json_writer w;
    size_t before = listing->out->len;
    begin_errors(reader, listing, &w);
    add_faults(reader, &w, codes, attribute);
    end_errors(reader, listing, &w, before);
}

static void write_annotations(struct manifest_reader *reader, struct span raw, const struct attribute *attribute);

/* An object without its server keys and with `codes`; in a value, the annotations likewise. */
static void write_object(struct manifest_reader *reader, struct span raw, struct json object, manifest_codes codes,
                         const struct attribute *attribute, bool is_value)
{
    struct buf *out = &reader->line;
    struct splice walk = splice_open(raw);
    struct json_iter it = json_iter(object);
    struct listing listing = { .out = out };
    struct splice_part part;
    if (json_count(object) == 0 && codes == 0) {
        buf_add(out, raw); /* with the white space in it, which belongs to no member */
        return;
    }
    buf_add_char(out, '{');
    while (splice_next(&walk, &part)) {
        CHECK(json_next(&it));
        if (is_server_key(it.key))
            continue;
        if (is_value && attribute->has_annotations && it.value.at == attribute->annotations.at) {
            add_part(&listing, part.head);
            write_annotations(reader, part.value, attribute);
            buf_add(out, part.tail);
        } else {
            add_part(&listing, part.whole);
        }
    }
    add_errors(reader, &listing, codes, attribute);
    buf_add_char(out, '}');
}

static void write_annotations(struct manifest_reader *reader, struct span raw, const struct attribute *attribute)
{
    if (attribute->box_count == 0) {
        buf_add(&reader->line, raw);
        return;
    }
    struct splice walk = splice_open(raw);
    struct json_iter it = json_iter(attribute->annotations);
    struct listing listing = { .out = &reader->line };
    struct splice_part part;
    const struct box *box = reader->boxes + attribute->box_from;
    buf_add_char(&reader->line, '[');
    for (; splice_next(&walk, &part); box++) {
        CHECK(json_next(&it));
        if (json_kind(it.value) != JSON_OBJECT) {
            add_part(&listing, part.whole);
            continue;
        }
        add_part(&listing, part.head);
        write_object(reader, part.value, it.value, box->fault ? (manifest_codes)1 << box->fault : 0, attribute, false);
        buf_add(&reader->line, part.tail);
    }
    buf_add_char(&reader->line, ']');
}

/* Whether a member of the entry must be written anew. */
static bool is_touched(const struct member *member, const struct attribute *attribute)
{
    if (member->role == ROLE_VALUE)
        return attribute->value_stale || attribute->value_faults != 0 || attribute->box_faults;
    return attribute->metadata_stale || attribute->metadata_faults != 0;
}

static void write_member(struct manifest_reader *reader, struct listing *listing, const struct member *member,
                         const struct splice_part *part)
{
    if (member->role == ROLE_SERVER)
        return;
    const struct attribute *attribute = member->role == ROLE_OTHER ? NULL : &reader->attributes[member->attribute];
    if (!attribute || !is_touched(member, attribute)) {
        add_part(listing, part->whole);
        return;
    }
    bool is_value = member->role == ROLE_VALUE;
    add_part(listing, part->head);
    write_object(reader, part->value, member->value, is_value ? attribute->value_faults : attribute->metadata_faults,
                 attribute, is_value);
    buf_add(&reader->line, part->tail);
}

static void write_entry_errors(struct manifest_reader *reader, struct listing *listing)
{
    manifest_codes any = reader->entry_faults;
    for (uint32_t i = 0; i < reader->attribute_count; i++)
        any |= reader->attributes[i].entry_faults;
    if (any == 0)
        return;
    struct json_writer w;
    size_t before = listing->out->len;
    begin_errors(reader, listing, &w);
    for (uint32_t i = 0; i < reader->attribute_count; i++)
        add_faults(reader, &w, reader->attributes[i].entry_faults, &reader->attributes[i]);
    add_faults(reader, &w, reader->entry_faults, NULL);
    end_errors(reader, listing, &w, before);
}

/* Ends the entry: our last key and the bracket, which was there before. */
static void end_entry(struct manifest_reader *reader, struct listing *listing, bool labeled)
{
    size_t before = listing->out->len;
    add_part(listing, labeled_metadata(labeled));
    reader->added_chars += listing->out->len - before;
    buf_add_char(listing->out, '}');
}

/* All but what ends the entry. */
static void write_entry(struct manifest_reader *reader, struct listing *listing)
{
    struct splice walk = splice_open(reader->text);
    struct splice_part part;
    buf_clear(&reader->line);
    buf_add_char(&reader->line, '{');
    for (uint32_t i = 0; splice_next(&walk, &part); i++) {
        CHECK(i < reader->member_count);
        write_member(reader, listing, &reader->members[i], &part);
    }
    write_entry_errors(reader, listing);
}

void write_listed(struct manifest_reader *reader, bool labeled)
{
    struct listing listing = { .out = &reader->line };
    reader->added_chars = 0;
    if (reader->stale || reader->faulty) {
        write_entry(reader, &listing);
    } else {
        buf_clear(&reader->line);
        add_part(&listing, span_first(reader->text, reader->text.len - 1));
    }
    end_entry(reader, &listing, labeled);
}

/* The exact texts of spec D.6. */
static const struct {
    struct span code, message;
} warnings[] = {
    [MANIFEST_UNANNOTATED_RECORD] = { { "WARNING_UNANNOTATED_RECORD", 26 }, { "Record is unannotated.", 22 } },
    [MANIFEST_NO_ANNOTATIONS] = { { "WARNING_NO_ANNOTATIONS", 22 }, { "No annotations were found.", 26 } },
};

static void write_warning(struct listing *listing, enum manifest_warning warning)
{
    add_part(listing, SPAN_LIT("\"warnings\":"));
    struct json_writer w = json_writer_on(listing->out);
    json_open_array(&w);
    json_open_object(&w);
    json_key(&w, "code");
    json_add_string(&w, warnings[warning].code);
    json_key(&w, "message");
    json_add_string(&w, warnings[warning].message);
    json_close_object(&w);
    json_close_array(&w);
    json_writer_end(&w);
}

void write_validated(struct manifest_reader *reader, enum manifest_warning warning, struct buf *out)
{
    struct listing listing = { .out = &reader->line };
    if (!reader->stale && !reader->faulty && warning == MANIFEST_NO_WARNING) {
        buf_add(out, reader->text);
        return;
    }
    reader->validating = true;
    write_entry(reader, &listing);
    if (warning != MANIFEST_NO_WARNING)
        write_warning(&listing, warning);
    buf_add_char(&reader->line, '}');
    reader->validating = false;
    buf_add(out, buf_span(&reader->line));
}
