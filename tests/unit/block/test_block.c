/* Blocks: what goes in comes out, limits hold, damage is an error and never a crash. */
#include "block/block.h" /* before cmocka.h, which has a macro called fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct bench {
    struct block block;
    struct buf lines, data, index;
    struct block_packer *packer;
};

static int open_bench(void **state)
{
    struct bench *b = mem_zero(1, sizeof *b);
    block_init(&b->block);
    buf_init(&b->lines, 64u << 20);
    buf_init(&b->data, 64u << 20);
    buf_init(&b->index, 1u << 20);
    b->packer = block_packer_new();
    *state = b;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *b = *state;
    block_free(&b->block);
    buf_free(&b->lines);
    buf_free(&b->data);
    buf_free(&b->index);
    block_packer_free(b->packer);
    free(b);
    return 0;
}

static void fill(struct bench *b, unsigned count, unsigned labels)
{
    for (unsigned i = 0; i < count; i++) {
        char line[64];
        int len = snprintf(line, sizeof line, "{\"source-ref\":\"s3://bucket/%u.png\"}", i);
        struct block_use uses[2] = { { 7 + i % labels, BLOCK_USED | BLOCK_DECLARED }, { 900000, BLOCK_BOXED } };
        block_add(&b->block, &b->lines, 100 + (int64_t)i * 3, 0xABCDEF0000ull + i, i % 2 ? BLOCK_ERROR : BLOCK_LABELED,
                  span_of(line, (size_t)len), uses, 2);
    }
    block_pack(b->packer, buf_span(&b->lines), &b->data);
    block_encode_entries(&b->block, &b->index);
    block_encode_labels(&b->block, &b->index);
}

static void round_trip(void **state)
{
    struct bench *b = *state;
    fill(b, 128, 50);
    assert_false(block_fits(&b->block, 1));
    struct block back;
    struct buf lines;
    struct err err;
    block_init(&back);
    buf_init(&lines, 64u << 20);
    assert_true(block_decode(buf_span(&b->index), 100, &back, &err));
    assert_true(block_unpack(b->packer, &back, buf_span(&b->data), &lines, &err));
    assert_int_equal(back.count, 128);
    assert_int_equal(back.label_count, 51);
    assert_true(span_eq(buf_span(&lines), buf_span(&b->lines)));
    for (unsigned i = 0; i < 128; i++) {
        assert_memory_equal(&back.entries[i], &b->block.entries[i], sizeof back.entries[i]);
        struct block_use uses[4];
        assert_int_equal(block_uses(&back, i, uses, 4), 2);
        assert_int_equal(uses[0].label + uses[1].label, 900000 + 7 + i % 50);
    }
    block_free(&back);
    buf_free(&lines);
}

static void a_large_line_gets_a_block_of_its_own(void **state)
{
    struct bench *b = *state;
    size_t bytes = 3u << 20;
    char *line = mem_alloc(bytes);
    memset(line, 'x', bytes);
    assert_true(block_fits(&b->block, bytes));
    block_add(&b->block, &b->lines, 1, 1, 0, span_of(line, bytes), NULL, 0);
    assert_false(block_fits(&b->block, 1));
    free(line);
}

/* Every prefix and every single flipped byte of an index either decodes or is refused; nothing reads out of bounds. */
static void damage_is_an_error(void **state)
{
    struct bench *b = *state;
    fill(b, 20, 3);
    struct block back;
    struct err err;
    block_init(&back);
    for (size_t cut = 0; cut < b->index.len; cut++) {
        char *copy = mem_dup(b->index.ptr, cut);
        assert_false(block_decode(span_of(copy, cut), 100, &back, &err));
        assert_int_equal(err.code, E_INTERNAL);
        free(copy);
    }
    for (size_t at = 0; at < b->index.len; at++) {
        char *copy = mem_dup(b->index.ptr, b->index.len);
        copy[at] = (char)(copy[at] ^ 0x55);
        (void)!block_decode(span_of(copy, b->index.len), 100, &back, &err);
        free(copy);
    }
    assert_true(block_decode(buf_span(&b->index), 100, &back, &err));
    struct buf lines;
    buf_init(&lines, 64u << 20);
    b->data.ptr[b->data.len / 2] ^= 1;
    assert_false(block_unpack(b->packer, &back, buf_span(&b->data), &lines, &err));
    buf_free(&lines);
    block_free(&back);
}

static void many_labels_in_one_block(void **state)
{
    struct bench *b = *state;
    struct block_use uses[3000];
    for (unsigned i = 0; i < 3000; i++)
        uses[i] = (struct block_use){ i * 77, BLOCK_DECLARED };
    block_add(&b->block, &b->lines, 1, 1, 0, SPAN_LIT("{}"), uses, 3000);
    block_add(&b->block, &b->lines, 2, 2, 0, SPAN_LIT("{}"), uses, 3000);
    assert_int_equal(b->block.label_count, 3000);
    assert_int_equal(block_set_count(&b->block.labels[2999].declared), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_large_line_gets_a_block_of_its_own, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(damage_is_an_error, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(many_labels_in_one_block, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
