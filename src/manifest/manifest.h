/*
 * manifest: one line of a manifest -> an entry, its labels and its errors. The rules of spec D live here and nowhere
 * else. Pure: no I/O, no clock, no state between lines beyond reused memory.
 *
 * A reader belongs to one thread. Everything a verdict points to dies with the next manifest_read or
 * manifest_reader_free on the same reader.
 */
#ifndef PLACARD_MANIFEST_MANIFEST_H
#define PLACARD_MANIFEST_MANIFEST_H

#include "base/err.h"
#include "base/span.h"

/* The quotas of spec F.1 that concern a single line. 0 lifts one. */
struct manifest_limits {
    uint32_t line_chars;      /* 100,000 Unicode code points */
    uint32_t label_chars;     /* 256 code points */
    uint32_t labels_per_line; /* 50 image-level labels */
    uint32_t boxes_per_line;  /* 50 */
    uint32_t side_min_px;     /* 64 */
    uint32_t side_max_px;     /* 4,096 */
};
extern const struct manifest_limits manifest_limits_default;

enum manifest_fate {
    MANIFEST_BLANK,   /* white space alone: not an entry, not an error, not counted among non-blank lines */
    MANIFEST_DROPPED, /* a terminal content error of spec D.5.2 */
    MANIFEST_KEPT
};

/* What a dropped line or an entry can suffer from; names and texts in manifest_code_name / _message. */
enum manifest_code {
    MANIFEST_OK = 0,
    /* D.5.2: the line is dropped */
    MANIFEST_LINE_TOO_LONG,
    MANIFEST_INVALID_JSON_LINE,
    MANIFEST_MISSING_SOURCE_REF,
    MANIFEST_INVALID_SOURCE_REF_FORMAT,
    MANIFEST_DUPLICATE_SOURCE_REF, /* found by the caller, named here */
    /* D.6: the entry is kept and says so */
    MANIFEST_NO_LABEL_ATTRIBUTES,
    MANIFEST_INVALID_LABEL_ATTRIBUTE_FORMAT,
    MANIFEST_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT,
    MANIFEST_NO_VALID_LABEL_ATTRIBUTES,
    MANIFEST_UNSUPPORTED_USE_CASE_TYPE,
    MANIFEST_INVALID_LABEL_NAME_LENGTH,
    MANIFEST_MISSING_BOUNDING_BOX_CONFIDENCE,
    MANIFEST_MISSING_CLASS_MAP_ID,
    MANIFEST_INVALID_BOUNDING_BOX,
    MANIFEST_BOUNDING_BOX_TOO_SMALL,
    MANIFEST_TOO_MANY_BOUNDING_BOXES,
    MANIFEST_TOO_MANY_LABELS_IN_LINE,
    MANIFEST_NO_VALID_ANNOTATIONS,
    MANIFEST_INVALID_IMAGE_DIMENSION,
    /* D.6, found by a training alone: the image is absent, damaged or against the limits */
    MANIFEST_INVALID_IMAGE,
    MANIFEST_CODE_COUNT
};

/* One label name of one entry, each name once. */
struct manifest_label {
    struct span name;
    bool used;     /* by a kept image-level label or a kept box */
    bool boxed;    /* by at least one kept box */
    bool declared; /* by the class-map of a valid box attribute, or used */
};

struct manifest_verdict {
    enum manifest_fate fate;
    enum manifest_code code; /* of a dropped line */
    struct span offending;   /* the value at fault, cut to 256 bytes, maybe empty; of a dropped line */

    /* of a kept line: */
    struct span source_ref; /* unescaped */
    struct span bucket;     /* its bucket part */
    struct span line;       /* what is stored and listed: the input's bytes and key order, without the server's keys
                               (cl-metadata, cl-errors, cl-warnings, errors, warnings, at every level), then
                               "cl-errors" where there are errors and "cl-metadata" as the last key (spec B.4, D.6) */
    bool labeled;           /* cl-metadata.is_labeled (spec C.1) */
    bool error;             /* carries an error at any level; warnings do not count */
    const struct manifest_label *labels;
    size_t label_count;
};

struct manifest_reader;

struct manifest_reader *manifest_reader_new(const struct manifest_limits *limits);
void manifest_reader_free(struct manifest_reader *reader);

/* `line` is without its line end (a trailing CR is tolerated). Never fails: any bytes get a verdict. */
void manifest_read(struct manifest_reader *reader, struct span line, struct manifest_verdict *ret_verdict);

/* "ERROR_INVALID_JSON_LINE" and the exact text of spec D.6, where {} stands for the name of what is blamed. */
const char *manifest_code_name(enum manifest_code code);
const char *manifest_code_message(enum manifest_code code);

#endif
