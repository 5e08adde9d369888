/* arn: see arn.h for the contract. */
#include "aws/arn.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The model's [a-z\d-] */
static bool is_place_char(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
}

/* The model's [a-zA-Z0-9_.\-] */
static bool is_name_char(char c)
{
    return is_place_char(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

static bool all(struct span text, bool (*is)(char c))
{
    for (size_t i = 0; i < text.len; i++)
        if (!is(text.ptr[i]))
            return false;
    return text.len > 0;
}

bool arn_is_name(struct span text)
{
    return text.len <= ARN_NAME_MAX && all(text, is_name_char);
}

/* What follows "project/": NAME/NUMBER, NAME/dataset/TYPE/NUMBER or NAME/version/NAME/NUMBER. */
static bool parse_resource(struct span rest, struct arn *arn)
{
    arn->project = span_cut(&rest, '/');
    if (!arn_is_name(arn->project) || !rest.ptr)
        return false;
    struct span kind = span_cut(&rest, '/');
    if (!rest.ptr) {
        arn->kind = ARN_PROJECT;
        arn->number = kind;
        return all(arn->number, is_digit);
    }
    struct span middle = span_cut(&rest, '/');
    if (!rest.ptr || !all(rest, is_digit))
        return false;
    arn->number = rest;
    if (span_is(kind, "version")) {
        arn->kind = ARN_VERSION;
        arn->version = middle;
        return arn_is_name(middle);
    }
    arn->kind = ARN_DATASET;
    arn->dataset = span_is(middle, "test") ? ARN_TEST : ARN_TRAIN;
    return span_is(kind, "dataset") && span_is(middle, arn_dataset_name(arn->dataset));
}

bool arn_parse(struct span text, struct arn *ret_arn)
{
    struct arn arn = { .kind = ARN_PROJECT };
    struct span rest = text;
    if (text.len < ARN_LEN_MIN || text.len > ARN_LEN_MAX || !span_is(span_cut(&rest, ':'), "arn"))
        return false;
    arn.place.partition = span_cut(&rest, ':');
    if (!all(arn.place.partition, is_place_char) || !span_is(span_cut(&rest, ':'), "rekognition"))
        return false;
    arn.place.region = span_cut(&rest, ':');
    arn.place.account = span_cut(&rest, ':');
    if (!all(arn.place.region, is_place_char) || arn.place.account.len != 12 || !all(arn.place.account, is_digit))
        return false;
    if (!rest.ptr || !span_is(span_cut(&rest, '/'), "project") || !rest.ptr || !parse_resource(rest, &arn))
        return false;
    *ret_arn = arn;
    return true;
}

const char *arn_dataset_name(enum arn_dataset dataset)
{
    return dataset == ARN_TEST ? "test" : "train";
}

void arn_format(const struct arn *arn, struct buf *out)
{
    buf_add_str(out, "arn:");
    buf_add(out, arn->place.partition);
    buf_add_str(out, ":rekognition:");
    buf_add(out, arn->place.region);
    buf_add_char(out, ':');
    buf_add(out, arn->place.account);
    buf_add_str(out, ":project/");
    buf_add(out, arn->project);
    buf_add_char(out, '/');
    if (arn->kind == ARN_DATASET) {
        buf_add_str(out, "dataset/");
        buf_add_str(out, arn_dataset_name(arn->dataset));
        buf_add_char(out, '/');
    } else if (arn->kind == ARN_VERSION) {
        buf_add_str(out, "version/");
        buf_add(out, arn->version);
        buf_add_char(out, '/');
    }
    buf_add(out, arn->number);
}

static void format_new(struct arn arn, int64_t number, struct buf *out)
{
    char digits[24];
    CHECK(number >= 0);
    int len = snprintf(digits, sizeof digits, "%lld", (long long)number);
    arn.number = span_of(digits, (size_t)len);
    arn_format(&arn, out);
}

void arn_format_project(const struct arn_place *place, struct span project, int64_t number, struct buf *out)
{
    format_new((struct arn){ .kind = ARN_PROJECT, .place = *place, .project = project }, number, out);
}

void arn_format_dataset(const struct arn_place *place, struct span project, enum arn_dataset dataset, int64_t number,
                        struct buf *out)
{
    format_new((struct arn){ .kind = ARN_DATASET, .place = *place, .project = project, .dataset = dataset }, number,
               out);
}

void arn_format_version(const struct arn_place *place, struct span project, struct span version, int64_t number,
                        struct buf *out)
{
    format_new((struct arn){ .kind = ARN_VERSION, .place = *place, .project = project, .version = version }, number,
               out);
}
