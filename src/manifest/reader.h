/*
 * reader: what the parts of the manifest room share. Nobody outside of it includes this.
 *
 * A line goes through three steps, each its own file: scan (what is there, by JSON's structure alone), judge (which
 * rules of spec D it breaks and which labels it keeps) and listed (the bytes to store). All arrays live in the reader
 * and keep their room from line to line; spans point into the JSON parser's document or the line.
 */
#ifndef PLACARD_MANIFEST_READER_H
#define PLACARD_MANIFEST_READER_H

#include "base/buf.h"
#include "json/json.h"
#include "manifest/manifest.h"
#include "manifest/names.h"
#include "manifest/training.h"

/* A set of codes: bit `1u << code`. */
typedef uint32_t manifest_codes;
_Static_assert(MANIFEST_CODE_COUNT <= 32, "a set of codes fits its word");

enum member_role { ROLE_OTHER, ROLE_SERVER, ROLE_VALUE, ROLE_METADATA };

/* A member of the entry, in the line's order. */
struct member {
    struct span key;
    struct json value;
    enum member_role role;
    uint32_t attribute; /* of ROLE_VALUE and ROLE_METADATA */
    uint32_t stem;      /* K, if this is K-metadata and K is there */
    uint32_t metadata;  /* K-metadata, if this is K and K-metadata is there */
};

/* One id of a class-map, in the map's order. */
struct class_entry {
    struct span id;
    struct span name;
    bool wins;  /* no later entry has the same id */
    bool boxed; /* a kept box uses it */
};

enum box_field { BOX_CLASS_ID, BOX_TOP, BOX_LEFT, BOX_WIDTH, BOX_HEIGHT, BOX_FIELDS };

/* One element of `annotations`. */
struct box {
    int64_t field[BOX_FIELDS];
    bool complete;     /* an object with all fields, each a whole number */
    uint32_t class_at; /* among reader->classes, once judged */
    enum manifest_code fault;
    bool kept; /* no fault, reported or not */
};

enum use_case { USE_MISSING, USE_IMAGE, USE_BOXES, USE_UNSUPPORTED };

struct attribute {
    struct span name;
    struct span metadata_name;

    /* the metadata */
    bool metadata_object;
    bool metadata_stale;  /* holds keys of the server */
    bool metadata_common; /* human-annotated, creation-date, job-name are as they must be */
    enum use_case use;
    bool confident; /* confidence is a number from 0 to 1 */
    bool has_class_name;
    struct span class_name;
    bool has_objects;
    bool objects_confident; /* each of the objects */
    uint32_t object_count;
    bool has_class_map; /* an object whose keys are decimal ids */
    bool class_unnamed; /* some value in it is no string, and its entry's name has no ptr */
    uint32_t class_from;
    uint32_t class_count;

    /* the value */
    bool value_whole; /* a whole number */
    bool value_object;
    bool value_stale; /* holds keys of the server, in its annotations too */
    bool has_image_size;
    int64_t image_width;
    int64_t image_height;
    bool has_annotations;
    struct json annotations;
    uint32_t box_from;
    uint32_t box_count;

    /* the verdict */
    bool sound; /* no error that stops further checks */
    bool usable;
    bool box_faults;
    manifest_codes value_faults;
    manifest_codes metadata_faults;
    manifest_codes entry_faults; /* where the value or metadata is no object that could carry them */
};

struct manifest_reader {
    struct manifest_limits limits;
    struct json_parser *parser;

    struct span text; /* the line without BOM and outer white space */
    bool stale;       /* keys of the server stand somewhere in it */
    bool faulty;
    manifest_codes entry_faults;
    uint32_t source_ref; /* a member, or NAMES_NONE */
    bool other_members;  /* some member is neither source-ref nor the server's */

    struct member *members;
    uint32_t member_count, member_room;
    struct attribute *attributes;
    uint32_t attribute_count, attribute_room;
    struct box *boxes;
    uint32_t box_count, box_room;
    struct class_entry *classes;
    uint32_t class_count, class_room;
    struct manifest_label *labels;
    uint32_t label_count, label_room;
    struct names names; /* the members' keys, then each class-map's ids, then the labels */

    struct span *offered_labels; /* training.c's */
    uint32_t offered_label_count, offered_label_room;
    struct manifest_box *offered_boxes;
    uint32_t offered_box_count, offered_box_room;

    struct buf line;    /* what is stored */
    struct buf message; /* of an error that names an attribute */
    size_t added_chars; /* code points of `line` that the server wrote */
    bool validating;    /* errors are called `errors`, as in a validation manifest, and not `cl-errors` */
};

/* scan.c: fills members, attributes, boxes and classes from a JSON object. */
void scan_members(struct manifest_reader *reader, struct json entry);
void scan_attributes(struct manifest_reader *reader);

/* cl-metadata, cl-errors, cl-warnings, errors, warnings. */
bool is_server_key(struct span key);

/* judge.c: sets the faults and gathers the labels. Returns is_labeled. */
bool judge_entry(struct manifest_reader *reader);

/* listed.c: writes reader->line. */
void write_listed(struct manifest_reader *reader, bool labeled);

/* Likewise: appends the line as a validation manifest has it. */
void write_validated(struct manifest_reader *reader, enum manifest_warning warning, struct buf *out);

/* The number of code points; in bytes that are not UTF-8, of those that continue no character. */
size_t utf8_chars(struct span text);

#endif
