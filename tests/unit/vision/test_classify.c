/*
 * A classifier from pictures to confidences, on a small random backbone: it learns, its bytes depend on nothing but the
 * job, and bytes that are not its own are refused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "graphs.h"
#include "vision/classify.h"

#include <cmocka.h>

enum { LABELS = 3, EACH = 14, IMAGES = LABELS * EACH, SIDE = 96, PAYLOAD_MOST = 8 << 20, KEPT_MOST = 256 };

/* What a job hands out, and what it kept. */
struct world {
    struct learn_image images[IMAGES];
    uint32_t labels[IMAGES][LABELS];
    struct buf kept[IMAGES]; /* by image: the cache */
    struct buf checkpoint;
    bool keeps, resumes;
    atomic_uint decoded;
    atomic_bool stop;
    unsigned stop_after;
};

/* A square, a disc or a cross for each label that the image has, on noise; images of one label and number are alike. */
static struct image draw(const uint32_t *labels, size_t count, uint64_t number)
{
    struct image image = image_new(SIDE, SIDE);
    struct learn_random random = learn_random(number, 5);
    for (int i = 0; i < SIDE * SIDE * 3; i++)
        image.rgb[i] = (unsigned char)(60 + learn_random_below(&random, 60));
    for (size_t k = 0; k < count; k++) {
        int x0 = 8 + (int)learn_random_below(&random, 48), y0 = 8 + (int)learn_random_below(&random, 48);
        for (int y = -1; y <= 32; y++)
            for (int x = -1; x <= 32; x++) {
                int dx = x - 16, dy = y - 16;
                bool in = labels[k] == 0 ? true : labels[k] == 1 ? dx * dx + dy * dy < 200 : abs(dx) < 4 || abs(dy) < 4;
                for (int c = 0; c < 3 && in; c++)
                    image.rgb[((y0 + y) * SIDE + x0 + x) * 3 + c] = (unsigned char)(c == (int)labels[k] ? 230 : 20);
            }
    }
    return image;
}

static bool pixels(void *ctx, bool test, size_t i, int side, struct image *ret_image, struct err *err)
{
    (void)side;
    struct world *world = ctx;
    (void)err;
    assert_false(test); /* the test images are none of its business */
    if (atomic_fetch_add(&world->decoded, 1) + 1 == world->stop_after)
        atomic_store(&world->stop, true);
    *ret_image = draw(world->images[i].labels, world->images[i].label_count, i);
    return true;
}

static size_t place_of(const unsigned char *key)
{
    return key[0];
}

static bool cached(void *ctx, const unsigned char *key, const char *what, struct buf *ret_bytes)
{
    struct world *world = ctx;
    (void)what;
    buf_add(ret_bytes, buf_span(&world->kept[place_of(key)]));
    return world->keeps && ret_bytes->len > 0;
}

static void cache(void *ctx, const unsigned char *key, const char *what, struct span bytes)
{
    struct world *world = ctx;
    (void)what;
    if (!world->keeps)
        return;
    buf_clear(&world->kept[place_of(key)]);
    buf_add(&world->kept[place_of(key)], bytes);
}

static bool resume(void *ctx, struct buf *ret_checkpoint)
{
    struct world *world = ctx;
    buf_add(ret_checkpoint, buf_span(&world->checkpoint));
    return world->resumes && ret_checkpoint->len > 0;
}

static bool checkpoint(void *ctx, struct span bytes, struct err *err)
{
    struct world *world = ctx;
    (void)err;
    buf_clear(&world->checkpoint);
    buf_add(&world->checkpoint, bytes);
    return true;
}

static struct world *world_new(bool several)
{
    struct world *world = mem_zero(1, sizeof *world);
    buf_init(&world->checkpoint, 4096);
    for (uint32_t i = 0; i < IMAGES; i++) {
        struct learn_image *image = &world->images[i];
        buf_init(&world->kept[i], 4 << 20);
        image->key[0] = (unsigned char)i;
        image->labels = world->labels[i];
        for (uint32_t c = 0; c < LABELS; c++)
            if (several ? (i >> c & 1) != 0 : i % LABELS == c)
                world->labels[i][image->label_count++] = c;
    }
    return world;
}

static void world_free(struct world *world)
{
    for (size_t i = 0; i < IMAGES; i++)
        buf_free(&world->kept[i]);
    buf_free(&world->checkpoint);
    free(world);
}

static struct learn_job job_of(struct world *world, const struct backbone *backbone, unsigned threads)
{
    return (struct learn_job){ .backbone = backbone,
                               .label_count = LABELS,
                               .seed = 11,
                               .threads = threads,
                               .train = { world->images, IMAGES },
                               .pixels = pixels,
                               .cached = cached,
                               .cache = cache,
                               .resume = resume,
                               .checkpoint = checkpoint,
                               .stop = &world->stop,
                               .ctx = world };
}

static struct buf trained(struct world *world, const struct backbone *backbone, unsigned threads, bool several)
{
    struct learn_job job = job_of(world, backbone, threads);
    struct buf payload;
    struct err err = { 0 };
    buf_init(&payload, PAYLOAD_MOST);
    if (!classify_train(&job, several, &payload, &err))
        fail_msg("%s", err.text);
    return payload;
}

static void assert_same(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->ptr, b->ptr, a->len);
}

static void check_answers(const struct backbone *backbone, const struct buf *payload, bool several)
{
    struct classifier *classifier;
    struct classify_worker *worker;
    struct err err;
    assert_true(classifier_open(buf_span(payload), backbone, LABELS, &classifier, &err));
    assert_true(classify_worker_new(classifier, &worker, &err));
    unsigned right = 0;
    for (uint32_t i = 0; i < 24; i++) {
        float sure[LABELS], sum = 0;
        uint32_t labels[LABELS];
        size_t count = 0;
        for (uint32_t c = 0; c < LABELS; c++)
            if (several ? (i >> c & 1) != 0 : i % LABELS == c)
                labels[count++] = c;
        struct image image = draw(labels, count, 1000 + i);
        classify_run(worker, &image, sure);
        image_free(&image);
        for (uint32_t c = 0; c < LABELS; c++) {
            assert_true(sure[c] >= 0 && sure[c] <= 1);
            sum += sure[c];
            right += (sure[c] >= 0.5f) == (several ? (i >> c & 1) != 0 : i % LABELS == c);
        }
        assert_true(several || fabsf(sum - 1) < 1e-5f);
    }
    assert_true(right >= (several ? 60 : 68)); /* of 72 */
    classify_worker_free(worker);
    classifier_free(classifier);
}

static void it_learns(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(3);
    for (int several = 0; several < 2; several++) {
        struct world *world = world_new(several);
        struct buf payload = trained(world, backbone, 2, several);
        check_answers(backbone, &payload, several);
        buf_free(&payload);
        world_free(world);
    }
    backbone_free(backbone);
}

static void bytes_depend_on_the_job_alone(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(3);
    struct world *world = world_new(false);
    world->keeps = true;
    struct buf alone = trained(world, backbone, 1, false);
    assert_int_equal(world->decoded, IMAGES);
    world->keeps = false;
    struct buf together = trained(world, backbone, 5, false);
    assert_same(&alone, &together);
    world->keeps = world->resumes = true;
    struct buf resumed = trained(world, backbone, 2, false);
    assert_same(&alone, &resumed);
    assert_int_equal(world->decoded, 2 * IMAGES); /* the third came from the cache */
    buf_free(&alone);
    buf_free(&together);
    buf_free(&resumed);
    world_free(world);
    backbone_free(backbone);
}

static void it_stops(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(3);
    struct world *world = world_new(false);
    struct learn_job job = job_of(world, backbone, 2);
    struct buf payload;
    struct err err = { 0 };
    buf_init(&payload, PAYLOAD_MOST);
    world->stop_after = 5;
    assert_false(classify_train(&job, false, &payload, &err));
    assert_int_equal(err.code, E_LOST_LEASE);
    assert_int_equal(payload.len, 0);
    buf_free(&payload);
    world_free(world);
    backbone_free(backbone);
}

static void little_data_is_learnt_or_refused(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(3);
    struct world *world = world_new(false);
    struct learn_job job = job_of(world, backbone, 2);
    struct buf payload;
    struct err err = { 0 };
    buf_init(&payload, PAYLOAD_MOST);
    for (size_t count = 1; count <= 4; count++) {
        job.train.count = count;
        buf_clear(&payload);
        assert_true(classify_train(&job, false, &payload, &err));
        struct classifier *classifier;
        assert_true(classifier_open(buf_span(&payload), backbone, LABELS, &classifier, &err));
        classifier_free(classifier);
    }
    job.train.count = 0;
    assert_false(classify_train(&job, false, &payload, &err));
    assert_int_equal(err.code, E_INVALID);
    job.train.count = IMAGES;
    world->images[7].label_count = 0;
    assert_false(classify_train(&job, false, &payload, &err));
    assert_int_equal(err.code, E_INVALID);
    buf_free(&payload);
    world_free(world);
    backbone_free(backbone);
}

/* Of bytes that are not as they were written each is refused, or gives a classifier that can be run. */
static void damaged_bytes_are_refused(void **state)
{
    (void)state;
    struct backbone *backbone = graph_random(3);
    struct world *world = world_new(false);
    struct buf payload = trained(world, backbone, 2, false);
    struct classifier *classifier;
    struct err err;
    for (size_t len = 0; len < payload.len; len += len < 64 ? 1 : 997)
        assert_false(classifier_open(span_of(payload.ptr, len), backbone, LABELS, &classifier, &err));
    assert_false(classifier_open(buf_span(&payload), backbone, LABELS + 1, &classifier, &err));
    assert_false(classifier_open(buf_span(&payload), backbone, 0, &classifier, &err));
    for (size_t at = 0; at < 36; at++) { /* the head */
        payload.ptr[at] ^= 0x40;
        assert_false(classifier_open(buf_span(&payload), backbone, LABELS, &classifier, &err));
        payload.ptr[at] ^= 0x40;
    }
    memset(payload.ptr + payload.len - 4, 0xff, 4); /* not a number */
    assert_false(classifier_open(buf_span(&payload), backbone, LABELS, &classifier, &err));
    assert_int_equal(err.code, E_INVALID);
    buf_free(&payload);
    world_free(world);
    backbone_free(backbone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),
        cmocka_unit_test(bytes_depend_on_the_job_alone),
        cmocka_unit_test(it_stops),
        cmocka_unit_test(little_data_is_learnt_or_refused),
        cmocka_unit_test(damaged_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
