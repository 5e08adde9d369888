/*
 * patterns: see patterns.h for the contract. PCRE2 compiles all of them once, at the first use of any; the compiled
 * ones are read-only from then on and live as long as the process.
 */
#include "api/patterns.h"

#include <pthread.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "api/decode.h"
#include "aws/arn.h"

static bool is_arn_of(struct span value, enum arn_kind kind, enum pattern pattern)
{
    struct arn arn;
    if (value.len > ARN_LEN_MAX) /* too long is another fault than malformed, and arn_parse does not tell them apart */
        return pattern_text_matches(&patterns[pattern], value);
    return arn_parse(value, &arn) && arn.kind == kind;
}

static bool is_project_arn(struct span value)
{
    return is_arn_of(value, ARN_PROJECT, PATTERN_PROJECT_ARN);
}

static bool is_dataset_arn(struct span value)
{
    return is_arn_of(value, ARN_DATASET, PATTERN_DATASET_ARN);
}

static bool is_version_arn(struct span value)
{
    return is_arn_of(value, ARN_VERSION, PATTERN_VERSION_ARN);
}

/* [0-9A-Za-z._-] any number of times. */
static bool is_bucket(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool is = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                  c == '-';
        if (!is)
            return false;
    }
    return true;
}

static bool is_name(struct span value)
{
    return value.len > 0 && is_bucket(value);
}

#define ARN_HEAD "(^arn:[a-z\\d-]+:rekognition:[a-z\\d-]+:\\d{12}:project\\/[a-zA-Z0-9_.\\-]{1,255}\\/"

const struct model_pattern patterns[PATTERNS] = {
    [PATTERN_PROJECT_ARN] = { ARN_HEAD "[0-9]+$)", is_project_arn },
    [PATTERN_DATASET_ARN] = { ARN_HEAD "dataset\\/(train|test)\\/[0-9]+$)", is_dataset_arn },
    [PATTERN_VERSION_ARN] = { ARN_HEAD "version\\/[a-zA-Z0-9_.\\-]{1,255}\\/[0-9]+$)", is_version_arn },
    [PATTERN_NAME] = { "[a-zA-Z0-9_.\\-]+", is_name },
    [PATTERN_BUCKET] = { "[0-9A-Za-z\\.\\-_]*", is_bucket },
    [PATTERN_LABEL] = { ".{1,}", NULL },
    [PATTERN_QUERY] = { ".*\\S.*", NULL },
    [PATTERN_TAG_KEY] = { "^(?!aws:)[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*$", NULL },
    [PATTERN_TAG_VALUE] = { "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$", NULL },
    [PATTERN_ENTRY] = { "^\\{.*\\}$", NULL },
    [PATTERN_DESCRIPTION] = { "[a-zA-Z0-9-_. ()':,;?]+", NULL },
    [PATTERN_KMS_KEY] = { "^[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,2048}$", NULL },
    [PATTERN_REVISION] = { "[0-9A-Fa-f]+", NULL },
    [PATTERN_DOCUMENT] = { "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", NULL },
};

static pcre2_code *compiled[PATTERNS];
static pthread_once_t compile_once = PTHREAD_ONCE_INIT;

static void compile_all(void)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    CHECK(context && pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF) == 0);
    for (unsigned i = 0; i < PATTERNS; i++) {
        int error;
        PCRE2_SIZE at;
        compiled[i] =
            pcre2_compile((PCRE2_SPTR)patterns[i].text, PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY,
                          &error, &at, context);
        CHECK(compiled[i]);
        (void)pcre2_jit_compile(compiled[i], PCRE2_JIT_COMPLETE); /* without it the interpreter does the same */
    }
    pcre2_compile_context_free(context);
}

bool pattern_text_matches(const struct model_pattern *pattern, struct span value)
{
    CHECK(pattern >= patterns && pattern < patterns + PATTERNS);
    CHECK(pthread_once(&compile_once, compile_all) == 0);
    const pcre2_code *code = compiled[pattern - patterns];
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    CHECK(match);
    PCRE2_SPTR text = (PCRE2_SPTR)(value.ptr ? value.ptr : "");
    int got = pcre2_match(code, text, value.len, 0, 0, match, NULL);
    if (got == PCRE2_ERROR_JIT_STACKLIMIT)
        got = pcre2_match(code, text, value.len, 0, PCRE2_NO_JIT, match, NULL);
    pcre2_match_data_free(match);
    return got >= 0; /* past a limit of the matcher's own is no match: far over the length that any shape allows */
}

bool model_pattern_matches(const struct model_pattern *pattern, struct span value)
{
    return pattern->matches ? pattern->matches(value) : pattern_text_matches(pattern, value);
}
