/* pictures: see pictures.h. */
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "base/check.h"

void picture_colour(int x, int y, int width, int height, unsigned char ret_rgb[3])
{
    ret_rgb[0] = (unsigned char)(x * 255 / (width - 1));
    ret_rgb[1] = (unsigned char)(y * 255 / (height - 1));
    ret_rgb[2] = (unsigned char)(255 - x * 255 / (width - 1));
}

static void put_bytes(png_structp png, png_bytep bytes, size_t count)
{
    buf_add(png_get_io_ptr(png), span_of(bytes, count));
}

/* A palette of 16 greys; place i is 17 * i. */
static void set_palette(png_structp png, png_infop info, bool transparent)
{
    png_color colours[16];
    png_byte alpha[16] = { 0 };
    for (int i = 0; i < 16; i++)
        colours[i] = (png_color){ (png_byte)(17 * i), (png_byte)(17 * i), (png_byte)(17 * i) };
    png_set_PLTE(png, info, colours, 16);
    memset(alpha + 8, 255, 8); /* the dark half is transparent: red grows from left to right */
    if (transparent)
        png_set_tRNS(png, info, alpha, 16, NULL);
}

/* Puts a value of `depth` bits as place `at` of a row. */
static void put_sample(unsigned char *row, int at, int depth, unsigned value)
{
    if (depth == 16) {
        row[at * 2] = (unsigned char)(value >> 8);
        row[at * 2 + 1] = (unsigned char)value;
    } else if (depth == 8) {
        row[at] = (unsigned char)value;
    } else {
        int per_byte = 8 / depth, shift = (per_byte - 1 - at % per_byte) * depth;
        row[at / per_byte] = (unsigned char)(row[at / per_byte] | value << shift);
    }
}

static void fill_row(const struct picture *picture, int depth, int y, unsigned char *row)
{
    int colour = picture->kind & PNG_COLOR_MASK_COLOR, palette = picture->kind & PNG_COLOR_MASK_PALETTE;
    int channels = (colour && !palette ? 3 : 1) + ((picture->kind & PNG_COLOR_MASK_ALPHA) ? 1 : 0);
    unsigned full = (1u << depth) - 1;
    memset(row, 0, (size_t)picture->width * 8);
    for (int x = 0; x < picture->width; x++) {
        unsigned char rgb[3];
        picture_colour(x, y, picture->width, picture->height, rgb);
        bool clear = picture->transparent && x < picture->width / 2;
        int at = x * channels;
        if (palette)
            put_sample(row, x, depth, rgb[0] / 17u & full);
        else if (!colour)
            put_sample(row, at++, depth, rgb[0] * full / 255);
        else
            for (int c = 0; c < 3; c++)
                put_sample(row, at++, depth, rgb[picture->grey ? 0 : c] * full / 255);
        if (picture->kind & PNG_COLOR_MASK_ALPHA)
            put_sample(row, at, depth, clear ? 0 : full);
    }
}

void picture_png(const struct picture *picture, struct buf *ret_file)
{
    int depth = picture->depth ? picture->depth : 8;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    unsigned char *row = mem_alloc((unsigned long)picture->width * 8);
    png_set_write_fn(png, ret_file, put_bytes, NULL);
    png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height, depth, picture->kind,
                 picture->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (picture->kind == PNG_COLOR_TYPE_PALETTE)
        set_palette(png, info, picture->transparent);
    else if (picture->transparent && !(picture->kind & PNG_COLOR_MASK_ALPHA)) {
        png_color_16 black = { 0 };
        if (picture->kind & PNG_COLOR_MASK_COLOR)
            black.blue = (png_uint_16)((1u << depth) - 1);
        png_set_tRNS(png, info, NULL, 0, &black); /* the colour of the upper left corner */
    }
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < picture->height; y++) {
            fill_row(picture, depth, y, row);
            png_write_row(png, row);
        }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
}

/* CMYK as Adobe writes it, inverted: a channel of 255 is no ink. */
static void cmyk_of_rgb(const unsigned char rgb[3], unsigned char cmyk[4])
{
    unsigned most = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
    most = most > rgb[2] ? most : rgb[2];
    for (int c = 0; c < 3; c++)
        cmyk[c] = (unsigned char)(most ? rgb[c] * 255u / most : 255);
    cmyk[3] = (unsigned char)most;
}

static void write_rows(struct jpeg_compress_struct *jpeg, const struct picture *picture, int channels)
{
    unsigned char *row = mem_alloc((unsigned long)picture->width * 4);
    for (int y = 0; y < picture->height; y++) {
        for (int x = 0; x < picture->width; x++) {
            unsigned char rgb[3];
            picture_colour(x, y, picture->width, picture->height, rgb);
            if (channels == 4)
                cmyk_of_rgb(rgb, row + x * 4);
            else
                memcpy(row + x * channels, rgb, (size_t)channels);
        }
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    free(row);
}

void picture_jpeg(const struct picture *picture, struct buf *ret_file)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long count = 0;
    int channels = picture->kind ? picture->kind : 3;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &count);
    jpeg.image_width = (JDIMENSION)picture->width;
    jpeg.image_height = (JDIMENSION)picture->height;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    if (channels == 4)
        jpeg_set_colorspace(&jpeg, picture->adobe_marker ? JCS_YCCK : JCS_CMYK);
    jpeg_set_quality(&jpeg, picture->quality ? picture->quality : 95, TRUE);
    if (picture->interlaced)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    write_rows(&jpeg, picture, channels);
    jpeg_finish_compress(&jpeg);
    buf_add(ret_file, span_of(bytes, count));
    jpeg_destroy_compress(&jpeg);
    free(bytes);
}

static void add_u32(struct buf *buf, unsigned long value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(buf, (char)(value >> shift));
}

void picture_chunk(struct buf *ret_chunk, const char kind[4], struct span data)
{
    add_u32(ret_chunk, data.len);
    size_t from = ret_chunk->len;
    buf_add(ret_chunk, span_of(kind, 4));
    buf_add(ret_chunk, data);
    add_u32(ret_chunk, crc32(0, (const Bytef *)ret_chunk->ptr + from, (uInt)(ret_chunk->len - from)));
}
