/*
 * image_jpeg: JPEG by libjpeg-turbo.
 *
 * libjpeg's errors come back by longjmp to `run`, so what it may leave behind lies in a struct outside of the jump. It
 * carries on through damaged data with a warning; we do not: a picture that is grey from the middle on is not the one
 * that was labelled. A small file may ask for hundreds of passes over millions of coefficients, so passes are counted.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <jerror.h>

#include "vision/image_file.h"

enum { SCANS_MAX = 100 };

/* Coefficients of a progressive image of 4,096 x 4,096 at full colour take 100 MB. */
#define WORK_BYTES_MAX (160L << 20)

struct jpeg_reading {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    struct jpeg_source_mgr source;
    jmp_buf back;
    bool ended;   /* libjpeg asked for more than there is */
    bool damaged; /* data that no encoder writes */
    bool too_large;
    struct image image;
    unsigned char *cmyk; /* one row of four channels */
};

static struct jpeg_reading *reading_of(j_common_ptr jpeg)
{
    return jpeg->client_data;
}

static void on_error(j_common_ptr jpeg)
{
    int code = jpeg->err->msg_code;
    if (code == JERR_IMAGE_TOO_BIG || code == JERR_NO_BACKING_STORE || code == JERR_OUT_OF_MEMORY)
        reading_of(jpeg)->too_large = true;
    longjmp(reading_of(jpeg)->back, 1);
}

/* Below zero: a warning. Those named here are about pixels, the others about what does not matter to them. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_NOT_SEQUENTIAL:
        reading_of(jpeg)->damaged = true;
        break;
    default:
        break;
    }
}

static void no_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void count_scans(j_common_ptr jpeg)
{
    if (((j_decompress_ptr)jpeg)->input_scan_number > SCANS_MAX)
        on_error(jpeg);
}

static void source_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

/* All bytes were there from the beginning: more are wanted only where the file is cut. */
static boolean source_fill(j_decompress_ptr jpeg)
{
    static const JOCTET end_marker[] = { 0xff, JPEG_EOI };
    reading_of((j_common_ptr)jpeg)->ended = true;
    jpeg->src->next_input_byte = end_marker;
    jpeg->src->bytes_in_buffer = sizeof end_marker;
    return TRUE;
}

static void source_skip(j_decompress_ptr jpeg, long count)
{
    if (count <= 0)
        return;
    if ((size_t)count > jpeg->src->bytes_in_buffer) {
        source_fill(jpeg);
        return;
    }
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= (size_t)count;
}

/* The largest reduction that leaves the shorter side at least `side`. */
static unsigned reduction(const struct image_gate *gate, int side)
{
    int shorter = gate->width < gate->height ? gate->width : gate->height;
    unsigned by = 1;
    while (by < 8 && shorter / (int)(by * 2) >= side && side > 0)
        by *= 2;
    return by;
}

/* Adobe writes CMYK inverted, and everybody reads it so. */
static void rgb_of_cmyk(const unsigned char *cmyk, int width, unsigned char *rgb)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++)
            rgb[x * 3 + c] = (unsigned char)((cmyk[x * 4 + c] * cmyk[x * 4 + 3] + 127) / 255);
}

static void read_rows(struct jpeg_reading *reading)
{
    j_decompress_ptr jpeg = &reading->jpeg;
    int width = reading->image.width;
    while (jpeg->output_scanline < jpeg->output_height && !reading->damaged) {
        unsigned char *into = reading->image.rgb + (size_t)jpeg->output_scanline * (size_t)width * 3;
        JSAMPROW row = reading->cmyk ? reading->cmyk : into;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1)
            on_error((j_common_ptr)jpeg);
        if (reading->cmyk)
            rgb_of_cmyk(reading->cmyk, width, into);
    }
}

/* Whether a file without its end marker had every scan: one that was cut between two scans shows no damage. */
static bool has_all_scans(j_decompress_ptr jpeg)
{
    if (!reading_of((j_common_ptr)jpeg)->ended || !jpeg_has_multiple_scans(jpeg))
        return true;
    if (!jpeg->coef_bits)
        return false;
    for (int c = 0; c < jpeg->num_components; c++)
        for (int i = 0; i < DCTSIZE2; i++)
            if (jpeg->coef_bits[c][i] != 0)
                return false;
    return true;
}

static void begin(struct jpeg_reading *reading, struct span bytes)
{
    j_decompress_ptr jpeg = &reading->jpeg;
    jpeg->err = jpeg_std_error(&reading->errors);
    jpeg->client_data = reading;
    reading->errors.error_exit = on_error;
    reading->errors.emit_message = on_message;
    reading->errors.output_message = no_output;
    reading->progress.progress_monitor = count_scans;
    reading->source = (struct jpeg_source_mgr){ .next_input_byte = (const JOCTET *)bytes.ptr,
                                                .bytes_in_buffer = bytes.len,
                                                .init_source = source_nothing,
                                                .fill_input_buffer = source_fill,
                                                .skip_input_data = source_skip,
                                                .resync_to_restart = jpeg_resync_to_restart,
                                                .term_source = source_nothing };
}

static bool run(struct jpeg_reading *reading, struct image_gate *gate, int side, bool pixels)
{
    j_decompress_ptr jpeg = &reading->jpeg;
    if (setjmp(reading->back))
        return false;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = reading;
    jpeg->src = &reading->source;
    jpeg->progress = &reading->progress;
    jpeg->mem->max_memory_to_use = WORK_BYTES_MAX;
    jpeg_read_header(jpeg, TRUE);
    if (!image_gate_admits(gate, jpeg->image_width, jpeg->image_height))
        return false;
    if (!pixels)
        return true;
    bool cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg->scale_num = 1;
    jpeg->scale_denom = reduction(gate, side);
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    if (reading->damaged || !has_all_scans(jpeg))
        return false;
    reading->image = image_new((int)jpeg->output_width, (int)jpeg->output_height);
    if (cmyk)
        reading->cmyk = mem_alloc((unsigned long)reading->image.width * 4);
    read_rows(reading);
    return !reading->damaged;
}

bool image_jpeg(struct span bytes, struct image_gate *gate, int side, struct image *ret_image)
{
    struct jpeg_reading *reading = mem_zero(1, sizeof *reading);
    begin(reading, bytes);
    bool done = run(reading, gate, side, ret_image != NULL);
    jpeg_destroy_decompress(&reading->jpeg);
    if (done && ret_image)
        *ret_image = reading->image;
    else
        image_free(&reading->image);
    if (!done && gate->fault == IMAGE_OK)
        gate->fault = reading->too_large ? IMAGE_TOO_LARGE : reading->ended ? IMAGE_TRUNCATED : IMAGE_FORMAT;
    free(reading->cmyk);
    free(reading);
    return done;
}
