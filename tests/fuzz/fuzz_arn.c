/* Fuzz target for aws/arn: it decides as the model's own patterns do (spec B.0.1), and writes what it has read. */
#include <regex.h>
#include <stdlib.h>

#include "aws/arn.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD "^arn:[a-z0-9-]+:rekognition:[a-z0-9-]+:[0-9]{12}:project/[a-zA-Z0-9_.-]{1,255}/"

static const char *const patterns[] = {
    [ARN_PROJECT] = HEAD "[0-9]+$",
    [ARN_DATASET] = HEAD "dataset/(train|test)/[0-9]+$",
    [ARN_VERSION] = HEAD "version/[a-zA-Z0-9_.-]{1,255}/[0-9]+$",
};
static regex_t compiled[COUNT_OF(patterns)];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    for (unsigned i = 0; !ready && i < COUNT_OF(patterns); i++)
        CHECK(regcomp(&compiled[i], patterns[i], REG_EXTENDED | REG_NOSUB) == 0);
    ready = true;
    struct arn arn;
    struct buf out;
    bool got = arn_parse(span_of(data, size), &arn);
    if (size < ARN_LEN_MIN || size > ARN_LEN_MAX || memchr(data, '\0', size)) {
        CHECK(!got);
        return 0;
    }
    char *text = mem_dup(data, size);
    for (unsigned i = 0; i < COUNT_OF(patterns); i++) {
        bool matches = regexec(&compiled[i], text, 0, NULL, 0) == 0;
        CHECK(matches == (got && arn.kind == i));
    }
    if (got) {
        buf_init(&out, ARN_LEN_MAX);
        arn_format(&arn, &out);
        CHECK(span_eq(buf_span(&out), span_of(data, size)));
        CHECK(arn_is_name(arn.project));
        buf_free(&out);
    }
    free(text);
    return 0;
}
