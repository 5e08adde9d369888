/*
 * patterns: the patterns of the model (spec M), each with the model's exact text. Only model's shapes and decode look
 * here; any thread.
 */
#ifndef PLACARD_API_PATTERNS_H
#define PLACARD_API_PATTERNS_H

#include "api/model.h"

enum pattern {
    PATTERN_PROJECT_ARN,
    PATTERN_DATASET_ARN,
    PATTERN_VERSION_ARN,
    PATTERN_NAME,
    PATTERN_BUCKET,
    PATTERN_LABEL,
    PATTERN_QUERY,
    PATTERN_TAG_KEY,
    PATTERN_TAG_VALUE,
    PATTERN_ENTRY,
    PATTERN_DESCRIPTION,
    PATTERN_KMS_KEY,
    PATTERN_REVISION,
    PATTERN_DOCUMENT,
    PATTERNS
};

extern const struct model_pattern patterns[PATTERNS];

/*
 * By the text alone, whatever `matches` says: the whole value, a `$` not before a final newline, `\p{…}` by Unicode,
 * `\d` and `\S` by ASCII, `\uHHHH` the code point, `.` all but CR and LF. `pattern` is one of `patterns`. False for a
 * value that is not UTF-8.
 */
bool pattern_text_matches(const struct model_pattern *pattern, struct span value);

#endif
