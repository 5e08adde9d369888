/* A model file reads back as it was written, and nothing else passes for one. */
#include "vision/model_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct model_label labels[] = { { { "cat", 3 }, 0.25f },
                                             { { "dog \xC3\xA9", 6 }, 0.987f },
                                             { { "", 0 }, 1.0f } };

static struct model made(void)
{
    struct model model = { .kind = MODEL_DETECTION,
                           .backbone_id = SPAN_LIT("some-backbone"),
                           .labels = labels,
                           .label_count = COUNT_OF(labels),
                           .payload = SPAN_LIT("weights\0and more") };
    for (unsigned i = 0; i < MODEL_SHA_BYTES; i++)
        model.backbone_sha256[i] = (unsigned char)i;
    return model;
}

static void it_reads_back(void **state)
{
    (void)state;
    struct model model = made(), read;
    struct buf file;
    struct arena arena;
    struct err err;
    arena_init(&arena);
    buf_init(&file, 4096);
    model_write(&model, &file);
    assert_false(file.overflow);
    assert_true(model_read(buf_span(&file), &arena, &read, &err));
    assert_int_equal(read.kind, MODEL_DETECTION);
    assert_true(span_eq(read.backbone_id, model.backbone_id));
    assert_memory_equal(read.backbone_sha256, model.backbone_sha256, MODEL_SHA_BYTES);
    assert_int_equal(read.label_count, COUNT_OF(labels));
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        assert_true(span_eq(read.labels[i].name, labels[i].name));
        assert_true(read.labels[i].threshold == labels[i].threshold);
    }
    assert_true(span_eq(read.payload, model.payload));
    buf_free(&file);
    arena_free(&arena);
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct model model = made(), read;
    struct buf file;
    struct arena arena;
    arena_init(&arena);
    buf_init(&file, 4096);
    model_write(&model, &file);
    for (size_t len = 0; len < file.len; len++) {
        struct err err = { 0 };
        char *cut = mem_dup(file.ptr, len); /* its own block, so that a read past it is seen */
        assert_false(model_read(span_of(cut, len), &arena, &read, &err));
        assert_int_equal(err.code, E_INVALID);
        free(cut);
    }
    for (size_t bit = 0; bit < file.len * 8; bit++) {
        struct err err = { 0 };
        file.ptr[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(model_read(buf_span(&file), &arena, &read, &err));
        assert_int_equal(err.code, E_INVALID);
        file.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    struct err err;
    assert_true(model_read(buf_span(&file), &arena, &read, &err));
    buf_add_char(&file, 'x');
    assert_false(model_read(buf_span(&file), &arena, &read, &err));
    buf_free(&file);
    arena_free(&arena);
}

static void another_backbone_is_named(void **state)
{
    (void)state;
    struct model model = made();
    struct err err;
    unsigned char sha[MODEL_SHA_BYTES];
    memcpy(sha, model.backbone_sha256, sizeof sha);
    assert_true(model_fits(&model, "some-backbone", sha, &err));
    assert_false(model_fits(&model, "other", sha, &err));
    assert_string_equal(err.text, "The model was trained on the backbone some-backbone, not on other.");
    sha[31] ^= 1;
    assert_false(model_fits(&model, "some-backbone", sha, &err));
    assert_int_equal(err.code, E_INVALID);
    assert_string_equal(err.text, "The model was trained on another build of the backbone some-backbone.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_back),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
        cmocka_unit_test(another_backbone_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
