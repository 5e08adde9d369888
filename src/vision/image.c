/* image: see image.h for the contract. */
#include "vision/image.h"

#include <stdlib.h>

#include "vision/image_file.h"

const struct image_limits image_limits_bytes = { .max_bytes = 4u << 20, 64, 4096, 20 };
const struct image_limits image_limits_s3 = { .max_bytes = 15u << 20, 64, 4096, 20 };

struct image_limits image_limits_of(int64_t bytes, int64_t min_side, int64_t max_side)
{
    struct image_limits limits = image_limits_s3;
    limits.max_bytes = bytes > 0 && bytes < IMAGE_BYTES_MOST ? (size_t)bytes : IMAGE_BYTES_MOST;
    limits.min_side = min_side > 0 && min_side < IMAGE_SIDE_MOST ? (int)min_side : 1;
    limits.max_side = max_side > 0 && max_side < IMAGE_SIDE_MOST ? (int)max_side : IMAGE_SIDE_MOST;
    return limits;
}

const char *image_fault_name(enum image_fault fault)
{
    static const char *const names[] = {
        [IMAGE_OK] = "fine",
        [IMAGE_FORMAT] = "not a whole PNG or JPEG",
        [IMAGE_TRUNCATED] = "truncated",
        [IMAGE_TOO_SMALL] = "too small",
        [IMAGE_TOO_LARGE] = "too large",
        [IMAGE_ASPECT] = "too narrow",
    };
    CHECK((unsigned)fault < COUNT_OF(names));
    return names[fault];
}

bool image_gate_admits(struct image_gate *gate, unsigned long width, unsigned long height)
{
    const struct image_limits *limits = gate->limits;
    unsigned long longer = width > height ? width : height, shorter = width > height ? height : width;
    if (shorter < (unsigned long)limits->min_side)
        gate->fault = IMAGE_TOO_SMALL;
    else if (longer > (unsigned long)limits->max_side || longer > IMAGE_SIDE_MOST)
        gate->fault = IMAGE_TOO_LARGE;
    else if (longer > shorter * (unsigned long)limits->max_aspect)
        gate->fault = IMAGE_ASPECT;
    else {
        gate->width = (int)width;
        gate->height = (int)height;
        return true;
    }
    return false;
}

static bool read_file(struct span bytes, struct image_gate *gate, int side, struct image *ret_image)
{
    static const unsigned char png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' }, jpeg[] = { 0xff, 0xd8, 0xff };
    if (bytes.len > gate->limits->max_bytes) {
        gate->fault = IMAGE_TOO_LARGE;
        return false;
    }
    if (span_starts(bytes, span_of(png, sizeof png)))
        return image_png(bytes, gate, ret_image);
    if (span_starts(bytes, span_of(jpeg, sizeof jpeg)))
        return image_jpeg(bytes, gate, side, ret_image);
    bool begun = bytes.len > 0 &&
                 (span_starts(span_of(png, sizeof png), bytes) || span_starts(span_of(jpeg, sizeof jpeg), bytes));
    gate->fault = begun ? IMAGE_TRUNCATED : IMAGE_FORMAT;
    return false;
}

bool image_probe(struct span bytes, const struct image_limits *limits, int *ret_width, int *ret_height,
                 enum image_fault *ret_fault)
{
    struct image_gate gate = { .limits = limits };
    if (!read_file(bytes, &gate, 0, NULL)) {
        *ret_fault = gate.fault;
        return false;
    }
    *ret_width = gate.width;
    *ret_height = gate.height;
    return true;
}

bool image_decode_near(struct span bytes, const struct image_limits *limits, int side, struct image *ret_image,
                       enum image_fault *ret_fault)
{
    struct image_gate gate = { .limits = limits };
    struct image image = { 0, 0, NULL };
    if (!read_file(bytes, &gate, side, &image)) {
        image_free(&image);
        *ret_fault = gate.fault;
        return false;
    }
    *ret_image = image;
    return true;
}

bool image_decode(struct span bytes, const struct image_limits *limits, struct image *ret_image,
                  enum image_fault *ret_fault)
{
    return image_decode_near(bytes, limits, IMAGE_SIDE_MOST, ret_image, ret_fault);
}

struct image image_new(int width, int height)
{
    CHECK(width > 0 && height > 0 && width <= IMAGE_SIDE_MOST && height <= IMAGE_SIDE_MOST);
    return (struct image){ width, height, mem_alloc((unsigned long)width * (unsigned long)height * 3) };
}

void image_free(struct image *image)
{
    free(image->rgb);
    image->rgb = NULL;
}
