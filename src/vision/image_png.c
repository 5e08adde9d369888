/*
 * image_png: PNG by libpng.
 *
 * libpng's errors come back by longjmp to image_png, so what it may leave behind lies in a struct outside of the jump.
 * Chunks that are no pixels (profiles, texts, animation frames) are skipped unread: a text may unpack to gigabytes.
 */
#include <setjmp.h>
#include <stdlib.h>

#include <png.h>

#include "vision/image_file.h"

enum { CHUNK_MAX = 1 << 20 };

struct png_reading {
    struct span rest;
    bool ended; /* libpng asked for more than there is */
    png_structp png;
    png_infop info;
    struct image image;
    unsigned char *rgba;
};

static void take_bytes(png_structp png, png_bytep into, size_t count)
{
    struct png_reading *reading = png_get_io_ptr(png);
    if (count > reading->rest.len) {
        reading->ended = true;
        png_error(png, "end");
    }
    memcpy(into, reading->rest.ptr, count);
    reading->rest = span_from(reading->rest, count);
}

static void on_error(png_structp png, png_const_charp why)
{
    (void)why;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp why)
{
    (void)png;
    (void)why;
}

/* Whatever the file holds becomes 8 bits of red, green, blue and, where it has that, alpha. */
static void set_transforms(png_structp png, png_infop info)
{
    png_set_scale_16(png);
    png_set_expand(png); /* palette, fewer than 8 bits, and tRNS into alpha */
    if (!(png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(png);
}

static void lay_over_white(const unsigned char *rgba, int width, unsigned char *rgb)
{
    for (int x = 0; x < width; x++, rgba += 4, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] = (unsigned char)((rgba[c] * rgba[3] + 255 * (255 - rgba[3]) + 127) / 255);
}

/* With alpha, rows are read beside the image: one row, or all where the passes of an interlaced file add to them. */
static void read_rows(struct png_reading *reading)
{
    png_structp png = reading->png;
    int passes = png_set_interlace_handling(png), width = reading->image.width, height = reading->image.height;
    png_read_update_info(png, reading->info);
    size_t stride = png_get_rowbytes(png, reading->info), kept = passes > 1 ? stride : 0;
    bool alpha = png_get_channels(png, reading->info) == 4;
    if (stride != (size_t)width * (alpha ? 4 : 3))
        png_error(png, "rows of another size");
    if (alpha)
        reading->rgba = mem_zero((unsigned long)(passes > 1 ? height : 1), stride);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++) {
            unsigned char *rgb = reading->image.rgb + (size_t)y * (size_t)width * 3;
            unsigned char *into = alpha ? reading->rgba + (size_t)y * kept : rgb;
            png_read_row(png, into, NULL);
            if (alpha && pass == passes - 1)
                lay_over_white(into, width, rgb);
        }
}

/* The sides as the file begins; libpng calls sides that it could not allocate an error, and says no more. */
static bool head_size(struct span bytes, unsigned long *ret_width, unsigned long *ret_height)
{
    const unsigned char *head = (const unsigned char *)bytes.ptr;
    if (bytes.len < 24 || memcmp(head + 8, "\0\0\0\rIHDR", 8) != 0)
        return false;
    *ret_width = png_get_uint_32(head + 16);
    *ret_height = png_get_uint_32(head + 20);
    return true;
}

static bool run(struct png_reading *reading, struct image_gate *gate, bool pixels)
{
    if (setjmp(png_jmpbuf(reading->png)))
        return false;
    png_set_read_fn(reading->png, reading, take_bytes);
    png_set_user_limits(reading->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* ours decide, with their own faults */
    png_set_chunk_malloc_max(reading->png, CHUNK_MAX);
    png_set_chunk_cache_max(reading->png, 16);
    png_set_keep_unknown_chunks(reading->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(reading->png, reading->info);
    if (!image_gate_admits(gate, png_get_image_width(reading->png, reading->info),
                           png_get_image_height(reading->png, reading->info)))
        return false;
    if (!pixels)
        return true;
    set_transforms(reading->png, reading->info);
    reading->image = image_new(gate->width, gate->height);
    read_rows(reading);
    return true;
}

bool image_png(struct span bytes, struct image_gate *gate, struct image *ret_image)
{
    struct png_reading reading = { .rest = bytes };
    unsigned long width, height;
    if (head_size(bytes, &width, &height) && !image_gate_admits(gate, width, height))
        return false;
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    CHECK(reading.png);
    reading.info = png_create_info_struct(reading.png);
    CHECK(reading.info);
    bool done = run(&reading, gate, ret_image != NULL);
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    if (done && ret_image)
        *ret_image = reading.image;
    else
        image_free(&reading.image);
    free(reading.rgba);
    if (!done && gate->fault == IMAGE_OK)
        gate->fault = reading.ended ? IMAGE_TRUNCATED : IMAGE_FORMAT;
    return done;
}
