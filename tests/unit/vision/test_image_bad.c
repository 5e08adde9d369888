/* Files that are no images, or not such as are allowed: each has its fault, and none has pixels. */
#include "vision/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <png.h>

#include "pictures.h"

static enum image_fault fault_of(struct span bytes, const struct image_limits *limits)
{
    struct image image;
    enum image_fault fault = IMAGE_OK;
    if (image_decode(bytes, limits, &image, &fault)) {
        image_free(&image);
        return IMAGE_OK;
    }
    assert_int_not_equal(fault, IMAGE_OK);
    return fault;
}

static enum image_fault probed(struct span bytes, const struct image_limits *limits)
{
    int width, height;
    enum image_fault fault = IMAGE_OK;
    if (image_probe(bytes, limits, &width, &height, &fault))
        return IMAGE_OK;
    assert_int_not_equal(fault, IMAGE_OK);
    return fault;
}

static void make(const struct picture *picture, bool png, struct buf *ret_file)
{
    buf_init(ret_file, PICTURE_MAX);
    if (png)
        picture_png(picture, ret_file);
    else
        picture_jpeg(picture, ret_file);
}

static void what_is_no_image_is_refused(void **state)
{
    (void)state;
    assert_int_equal(fault_of(SPAN_NONE, &image_limits_s3), IMAGE_FORMAT);
    assert_int_equal(fault_of(SPAN_LIT(""), &image_limits_s3), IMAGE_FORMAT);
    assert_int_equal(fault_of(SPAN_LIT("GIF89a\1\0\1\0\0\0\0;"), &image_limits_s3), IMAGE_FORMAT);
    assert_int_equal(fault_of(SPAN_LIT("RIFF\4\0\0\0WEBP"), &image_limits_s3), IMAGE_FORMAT);
    assert_int_equal(fault_of(SPAN_LIT("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), &image_limits_s3), IMAGE_FORMAT);
    assert_int_equal(fault_of(SPAN_LIT("\x89PNG\r\n\x1a\ngarbage follows here, in place of a head"), &image_limits_s3),
                     IMAGE_FORMAT);
    assert_int_equal(fault_of(SPAN_LIT("\x89PNG"), &image_limits_s3), IMAGE_TRUNCATED);
    assert_int_equal(fault_of(SPAN_LIT("\xff\xd8\xff"), &image_limits_s3), IMAGE_TRUNCATED);
    assert_int_equal(fault_of(SPAN_LIT("\xff\xd8\xff\xd9"), &image_limits_s3), IMAGE_FORMAT);
}

/* Cut anywhere, an image never decodes; a cut in the last bytes may leave all pixels. */
static void what_is_cut_is_truncated(void **state)
{
    (void)state;
    const struct picture pictures[] = {
        { .width = 160, .height = 120, .kind = PNG_COLOR_TYPE_RGB },
        { .width = 160, .height = 120, .kind = PNG_COLOR_TYPE_RGB, .interlaced = true },
        { .width = 160, .height = 120 },
        { .width = 160, .height = 120, .interlaced = true },
    };
    for (unsigned i = 0; i < COUNT_OF(pictures); i++) {
        struct buf file;
        make(&pictures[i], i < 2, &file);
        assert_int_equal(fault_of(buf_span(&file), &image_limits_s3), IMAGE_OK);
        for (size_t cut = 9; cut + 40 < file.len; cut += 7) {
            /* a copy, so that a read past the end is seen */
            char *part = mem_dup(file.ptr, cut);
            enum image_fault fault = fault_of(span_of(part, cut), &image_limits_s3);
            free(part);
            if (fault != IMAGE_TRUNCATED)
                fail_msg("picture %u cut at %zu of %zu: %s", i, cut, file.len, image_fault_name(fault));
        }
        buf_free(&file);
    }
}

static void a_missing_end_marker_is_forgiven(void **state)
{
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        const struct picture picture = { .width = 160, .height = 120, .interlaced = interlaced };
        struct buf file;
        make(&picture, false, &file);
        assert_int_equal(fault_of(span_first(buf_span(&file), file.len - 2), &image_limits_s3), IMAGE_OK);
        buf_free(&file);
    }
}

static void a_flipped_byte_is_seen(void **state)
{
    (void)state;
    const struct picture picture = { .width = 160, .height = 120, .kind = PNG_COLOR_TYPE_RGB };
    struct buf file;
    make(&picture, true, &file);
    file.ptr[file.len / 2] ^= 1;
    assert_int_equal(fault_of(buf_span(&file), &image_limits_s3), IMAGE_FORMAT);
    buf_free(&file);
}

static void sizes_are_held(void **state)
{
    (void)state;
    const struct {
        int width, height;
        enum image_fault fault;
    } cases[] = {
        { 64, 64, IMAGE_OK },           { 63, 64, IMAGE_TOO_SMALL }, { 64, 63, IMAGE_TOO_SMALL },
        { 1, 1, IMAGE_TOO_SMALL },      { 4096, 205, IMAGE_OK },     { 4097, 300, IMAGE_TOO_LARGE },
        { 300, 4097, IMAGE_TOO_LARGE }, { 1280, 64, IMAGE_OK },      { 1281, 64, IMAGE_ASPECT },
        { 64, 1281, IMAGE_ASPECT },     { 4096, 4096, IMAGE_OK },
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++)
        for (int png = 0; png < 2; png++) {
            const struct picture picture = { .width = cases[i].width, .height = cases[i].height };
            struct buf file;
            if (picture.width == 1)
                continue; /* the colours need two */
            make(&picture, png, &file);
            assert_int_equal(fault_of(buf_span(&file), &image_limits_s3), cases[i].fault);
            assert_int_equal(probed(buf_span(&file), &image_limits_s3), cases[i].fault);
            buf_free(&file);
        }
}

static void file_sizes_are_held(void **state)
{
    (void)state;
    const struct picture picture = { .width = 100, .height = 100, .kind = PNG_COLOR_TYPE_RGB };
    struct buf file;
    make(&picture, true, &file);
    struct image_limits limits = image_limits_bytes;
    limits.max_bytes = file.len;
    assert_int_equal(fault_of(buf_span(&file), &limits), IMAGE_OK);
    limits.max_bytes--;
    assert_int_equal(fault_of(buf_span(&file), &limits), IMAGE_TOO_LARGE);
    assert_int_equal(image_limits_bytes.max_bytes, 4 << 20);
    assert_int_equal(image_limits_s3.max_bytes, 15 << 20);
    buf_free(&file);
}

/* The head of a PNG of 2,147,483,647 pixels a side, and a JPEG of 65,535: refused before any of it is allocated. */
static void bombs_are_refused(void **state)
{
    (void)state;
    struct buf file;
    buf_init(&file, PICTURE_MAX);
    buf_add(&file, SPAN_LIT("\x89PNG\r\n\x1a\n"));
    picture_chunk(&file, "IHDR", SPAN_LIT("\x7f\xff\xff\xff\x7f\xff\xff\xff\x10\x06\0\0\0"));
    picture_chunk(&file, "IDAT", SPAN_LIT("x\x9c"));
    assert_int_equal(fault_of(buf_span(&file), &image_limits_s3), IMAGE_TOO_LARGE);
    buf_free(&file);

    const struct picture picture = { .width = 100, .height = 100 };
    make(&picture, false, &file);
    struct span frame = buf_span(&file);
    while (!span_starts(frame, SPAN_LIT("\xff\xc0")))
        frame = span_from(frame, 1);
    memset(file.ptr + (frame.ptr - file.ptr) + 5, 0xff, 4);
    assert_int_equal(fault_of(buf_span(&file), &image_limits_s3), IMAGE_TOO_LARGE);
    buf_free(&file);
}

/* Chunks between head and pixels that are not pixels: texts, profiles, animation, unknown ones. */
static void other_chunks_are_passed_over(void **state)
{
    (void)state;
    const struct picture picture = { .width = 100, .height = 100, .kind = PNG_COLOR_TYPE_RGB };
    struct buf plain, file;
    make(&picture, true, &plain);
    buf_init(&file, PICTURE_MAX);
    size_t head = 8 + 12 + 13;
    buf_add(&file, span_first(buf_span(&plain), head));
    picture_chunk(&file, "acTL", SPAN_LIT("\0\0\0\2\0\0\0\0"));
    picture_chunk(&file, "zTXt", SPAN_LIT("Comment\0\0not compressed at all"));
    picture_chunk(&file, "iCCP", SPAN_LIT("profile\0\0not compressed either"));
    picture_chunk(&file, "eXIf", SPAN_LIT("MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0"));
    picture_chunk(&file, "qqQq", SPAN_LIT("nobody knows"));
    buf_add(&file, span_from(buf_span(&plain), head));
    assert_int_equal(fault_of(buf_span(&file), &image_limits_s3), IMAGE_OK);
    buf_free(&file);
    buf_free(&plain);
}

/* A small file that asks for the same pixels over and over: passes are counted. */
static void endless_scans_are_refused(void **state)
{
    (void)state;
    const struct picture picture = { .width = 64, .height = 64, .kind = 1, .interlaced = true };
    struct buf file, bomb;
    make(&picture, false, &file);
    buf_init(&bomb, PICTURE_MAX);
    size_t last = 0;
    for (size_t i = 0; i + 1 < file.len; i++)
        if (file.ptr[i] == '\xff' && file.ptr[i + 1] == '\xda')
            last = i;
    buf_add(&bomb, span_first(buf_span(&file), last));
    for (int i = 0; i < 5000; i++)
        buf_add(&bomb, span_of(file.ptr + last, file.len - 2 - last));
    buf_add(&bomb, SPAN_LIT("\xff\xd9"));
    assert_int_equal(fault_of(buf_span(&bomb), &image_limits_s3), IMAGE_FORMAT);
    buf_free(&bomb);
    buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_image_is_refused),
        cmocka_unit_test(what_is_cut_is_truncated),
        cmocka_unit_test(a_missing_end_marker_is_forgiven),
        cmocka_unit_test(a_flipped_byte_is_seen),
        cmocka_unit_test(sizes_are_held),
        cmocka_unit_test(file_sizes_are_held),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(other_chunks_are_passed_over),
        cmocka_unit_test(endless_scans_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
