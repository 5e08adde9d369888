/*
 * image: the bytes of a PNG or JPEG file into pixels.
 *
 * The head is read first and held against the limits; nothing is allocated for pixels before that. What the file really
 * is decides, never its name. Every outcome is one of enum image_fault; there is no half-decoded image. The rules:
 *
 *   - greyscale, palette, CMYK and YCCK become sRGB; 16 bits a channel become 8; embedded profiles and gamma are
 * ignored
 *   - transparent pixels are laid over white
 *   - interlaced PNG and progressive JPEG are whole images like any other; of an animated PNG the default image counts
 *   - EXIF is ignored: an image is used as its rows are stored, as Custom Labels' boxes are drawn (spec D, F)
 *   - a JPEG that holds all its rows and only lacks the end marker is an image; one that lacks rows is truncated
 *
 * Any thread. The pixels belong to who asked for them, until image_free.
 */
#ifndef PLACARD_VISION_IMAGE_H
#define PLACARD_VISION_IMAGE_H

#include "base/check.h"
#include "base/span.h"

/* 8-bit sRGB, rows from top to bottom, three bytes a pixel, no padding: rgb[(y * width + x) * 3 + channel]. */
struct image {
    int width, height;
    unsigned char *rgb;
};

struct image_limits {
    size_t max_bytes; /* of the file */
    int min_side, max_side;
    int max_aspect; /* the longer side over the shorter */
};

/* Spec F: 64 to 4,096 pixels a side, at most 20:1; 4 MiB as request bytes, 15 MiB from S3. */
extern const struct image_limits image_limits_bytes;
extern const struct image_limits image_limits_s3;

/* The same with quotas in their place, of which one that is not above 0 is lifted: to what the decoder bears. */
enum { IMAGE_SIDE_MOST = 16384, IMAGE_BYTES_MOST = 256 << 20 };
struct image_limits image_limits_of(int64_t bytes, int64_t min_side, int64_t max_side);

enum image_fault {
    IMAGE_OK,
    IMAGE_FORMAT,    /* neither PNG nor JPEG, or damaged; an empty file too */
    IMAGE_TRUNCATED, /* a PNG or JPEG that ends before its pixels do */
    IMAGE_TOO_SMALL, /* a side below min_side */
    IMAGE_TOO_LARGE, /* a side above max_side, or the file above max_bytes */
    IMAGE_ASPECT     /* longer than max_aspect to one */
};

/* A word for logs: "truncated" and so on. */
const char *image_fault_name(enum image_fault fault);

/* The size alone, from the head; the same faults as far as the head shows them. Decodes nothing. */
bool image_probe(struct span bytes, const struct image_limits *limits, int *ret_width, int *ret_height,
                 enum image_fault *ret_fault) MUST_CHECK;

/* Outputs are written only for their case: the image on true, the fault on false. */
bool image_decode(struct span bytes, const struct image_limits *limits, struct image *ret_image,
                  enum image_fault *ret_fault) MUST_CHECK;

/*
 * As image_decode, but a JPEG may come out 2, 4 or 8 times smaller as long as its shorter side stays at least `side`
 * pixels: cheaper, where the image is scaled down anyway. Limits are of the file's own size; ratios stay the same to
 * within a pixel.
 */
bool image_decode_near(struct span bytes, const struct image_limits *limits, int side, struct image *ret_image,
                       enum image_fault *ret_fault) MUST_CHECK;

/* A new image of that size, its pixels not set. Sides are 1 to 16,384. */
struct image image_new(int width, int height);

/* Sets rgb to NULL; an image without pixels is left alone. */
void image_free(struct image *image);

#endif
