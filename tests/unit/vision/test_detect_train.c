/*
 * Training a detector whole, on a trunk of a few random layers: it learns, and its bytes depend on nothing but the job.
 * How well it learns on a real trunk is measured by bench/detect.py.
 */
#include "vision/detect.h" /* before cmocka.h, which has a macro called fail */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/sha.h>

enum { IMAGES = 16, SIDE = 96, STEPS = 80, LABELS = 2 };

static const char GRAPH[] = "conv a from=input out=12 kernel=3 stride=4 act=relu6\n"
                            "conv b from=a out=24 kernel=3 stride=2 act=relu6\n"
                            "conv c from=b out=24 kernel=3 stride=2 act=relu6\n"
                            "conv d from=c out=32 kernel=3 stride=2 act=relu6\n"
                            "tap c3 b\ntap c4 c\ntap c5 d\n";
enum { WEIGHTS = 12 * 27 + 12 + 24 * 108 + 24 + 24 * 216 + 24 + 32 * 216 + 32 };

/* What a test gives a training, and what it hears of it. */
struct school {
    struct backbone *backbone;
    struct learn_image images[IMAGES];
    struct learn_box boxes[IMAGES][2];
    struct learn_job job;
    atomic_bool stop;
    struct buf checkpoint;
    int checkpoints, stop_after;
    double first_share; /* of the head's steps, when they are first heard of; 0: not yet */
};

static struct backbone *small_backbone(void)
{
    struct learn_random random = learn_random(3, 3);
    float *weights = mem_alloc(WEIGHTS * sizeof *weights);
    unsigned char sha[SHA256_DIGEST_LENGTH];
    struct buf text;
    struct err err;
    struct backbone *backbone;
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = 0.15f * learn_random_normal(&random);
    SHA256((unsigned char *)weights, WEIGHTS * sizeof *weights, sha);
    buf_init(&text, 4096);
    buf_addf(&text, "placard-backbone 1\ninput scale=0.0078 offset=-1\nweights floats=%d sha256=", WEIGHTS);
    buf_add_hex(&text, sha, sizeof sha);
    buf_addf(&text, "\n%s", GRAPH);
    if (!backbone_read("small", buf_span(&text), span_of(weights, WEIGHTS * sizeof *weights), &backbone, &err))
        fail_msg("%s", err.text);
    buf_free(&text);
    free(weights);
    return backbone;
}

/* Bright squares (label 0) and dark bars (label 1) on grey noise; image 3 shows nothing. */
static bool pixels(void *ctx, bool test, size_t i, int side, struct image *ret_image, struct err *err)
{
    (void)side;
    struct school *school = ctx;
    struct learn_random random = learn_random(17, i);
    (void)test;
    (void)err;
    *ret_image = image_new(SIDE, SIDE);
    for (int p = 0; p < SIDE * SIDE * 3; p++)
        ret_image->rgb[p] = (unsigned char)(110 + learn_random_below(&random, 30));
    for (size_t b = 0; b < school->images[i].box_count; b++) {
        const struct learn_box *box = &school->images[i].boxes[b];
        int left = (int)(box->left * SIDE), top = (int)(box->top * SIDE);
        for (int y = top; y < top + (int)(box->height * SIDE); y++)
            memset(ret_image->rgb + (y * SIDE + left) * 3, box->label ? 10 : 240, (size_t)(box->width * SIDE) * 3);
    }
    return true;
}

static bool resume(void *ctx, struct buf *ret_checkpoint)
{
    struct school *school = ctx;
    buf_add(ret_checkpoint, buf_span(&school->checkpoint));
    return school->checkpoint.len > 0;
}

static bool checkpoint(void *ctx, struct span bytes, struct err *err)
{
    struct school *school = ctx;
    (void)err;
    buf_clear(&school->checkpoint);
    buf_add(&school->checkpoint, bytes);
    school->checkpoints++;
    if (school->stop_after && school->checkpoints == school->stop_after)
        atomic_store(&school->stop, true);
    return true;
}

static void progress(void *ctx, const char *phase, double share)
{
    struct school *school = ctx;
    if (strcmp(phase, "head") == 0 && school->first_share == 0)
        school->first_share = share;
}

static void open_school(struct school *school)
{
    struct learn_random random = learn_random(5, 0);
    *school = (struct school){ .backbone = small_backbone() };
    buf_init(&school->checkpoint, 16u << 20);
    for (size_t i = 0; i < IMAGES; i++) {
        struct learn_image *image = &school->images[i];
        *image = (struct learn_image){ .width = SIDE, .height = SIDE, .boxes = school->boxes[i], .box_count = 2 };
        image->key[0] = (unsigned char)i;
        for (uint32_t b = 0; b < 2; b++)
            school->boxes[i][b] = (struct learn_box){ .label = b,
                                                      .left = 0.02f + 0.6f * learn_random_unit(&random),
                                                      .top = 0.5f * (float)b + 0.15f * learn_random_unit(&random),
                                                      .width = b ? 0.375f : 0.25f,
                                                      .height = b ? 0.125f : 0.25f };
    }
    school->images[3].box_count = 0;
    school->job = (struct learn_job){ .backbone = school->backbone,
                                      .label_count = LABELS,
                                      .seed = 99,
                                      .threads = 2,
                                      .train = { school->images, IMAGES },
                                      .pixels = pixels,
                                      .progress = progress,
                                      .stop = &school->stop,
                                      .ctx = school };
}

static void close_school(struct school *school)
{
    backbone_free(school->backbone);
    buf_free(&school->checkpoint);
}

static struct buf train(struct school *school, size_t steps)
{
    struct buf payload;
    struct err err;
    buf_init(&payload, 16u << 20);
    if (!detect_train_steps(&school->job, steps, &payload, &err))
        fail_msg("%s", err.text);
    return payload;
}

static struct detector *open_detector(struct school *school, struct buf *payload)
{
    struct detector *detector;
    struct err err;
    if (!detector_open(buf_span(payload), school->backbone, school->job.label_count, &detector, &err))
        fail_msg("%s", err.text);
    return detector;
}

/* How many of an image's boxes are among what was found, with at least 0.3, and overlapped by half. */
static size_t found_of(struct school *school, struct detect_worker *worker, size_t i, size_t *ret_wrong)
{
    struct detection found[DETECT_MOST];
    struct image image;
    size_t right = 0;
    assert_true(pixels(school, false, i, LEARN_SIDE, &image, NULL));
    size_t count = detect_run(worker, &image, 0.3f, found, DETECT_MOST);
    image_free(&image);
    for (size_t f = 0; f < count; f++) {
        assert_true(found[f].confidence >= 0.3f && found[f].confidence <= 1);
        assert_true(f == 0 || found[f].confidence <= found[f - 1].confidence);
        for (size_t b = 0; b < school->images[i].box_count; b++) {
            const struct learn_box *box = &found[f].box, *truth = &school->boxes[i][b];
            float wide = fminf(box->left + box->width, truth->left + truth->width) - fmaxf(box->left, truth->left);
            float high = fminf(box->top + box->height, truth->top + truth->height) - fmaxf(box->top, truth->top);
            float common = wide > 0 && high > 0 ? wide * high : 0;
            right += box->label == truth->label &&
                     common / (box->width * box->height + truth->width * truth->height - common) >= 0.5f;
        }
    }
    *ret_wrong += count - right;
    return right;
}

static void it_learns(void **state)
{
    (void)state;
    struct school school;
    struct detect_worker *worker;
    struct err err;
    open_school(&school);
    struct buf payload = train(&school, STEPS);
    struct detector *detector = open_detector(&school, &payload);
    assert_true(detect_worker_new(detector, &worker, &err));
    size_t right = 0, wrong = 0;
    for (size_t i = 0; i < IMAGES; i++)
        right += found_of(&school, worker, i, &wrong);
    if (right < 20 || wrong > 2)
        fail_msg("%zu of 30 found, %zu more", right, wrong);
    detect_worker_free(worker);
    detector_free(detector);
    buf_free(&payload);
    close_school(&school);
}

/* The same bytes from one thread and from three, and from a training that was ended at a checkpoint and begun again. */
static void its_bytes_depend_on_the_job_alone(void **state)
{
    (void)state;
    struct school school;
    struct err err = { 0 };
    open_school(&school);
    enum { FEW = 28 };
    struct buf one, three, resumed;
    school.job.threads = 1;
    one = train(&school, FEW);
    school.job.threads = 3;
    three = train(&school, FEW);
    assert_true(span_eq(buf_span(&one), buf_span(&three)));
    school.job.resume = resume;
    school.job.checkpoint = checkpoint;
    school.stop_after = 1;
    buf_init(&resumed, 16u << 20);
    assert_false(detect_train_steps(&school.job, FEW, &resumed, &err));
    assert_int_equal(err.code, E_LOST_LEASE);
    assert_int_equal(resumed.len, 0);
    assert_int_equal(school.checkpoints, 1);
    atomic_store(&school.stop, false);
    school.stop_after = 0;
    school.first_share = 0;
    assert_true(detect_train_steps(&school.job, FEW, &resumed, &err));
    assert_true(school.first_share > 0.8); /* it went on from there */
    assert_true(span_eq(buf_span(&one), buf_span(&resumed)));
    school.job.seed++;
    buf_clear(&school.checkpoint);
    buf_free(&three);
    three = train(&school, FEW);
    assert_false(span_eq(buf_span(&one), buf_span(&three)));
    buf_free(&one);
    buf_free(&three);
    buf_free(&resumed);
    close_school(&school);
}

/* Of a model's bytes each cut, and each that is another, is refused or runs; nothing crashes. */
static void damaged_models(void **state)
{
    (void)state;
    struct school school;
    struct err err;
    struct detector *detector;
    open_school(&school);
    struct buf payload = train(&school, 2);
    for (size_t cut = 0; cut < payload.len; cut += cut < 64 ? 1 : 997) {
        char *copy = mem_dup(payload.ptr, cut);
        assert_false(detector_open(span_of(copy, cut), school.backbone, LABELS, &detector, &err));
        assert_int_equal(err.code, E_INVALID);
        free(copy);
    }
    for (size_t at = 0; at < 64; at++) {
        payload.ptr[at] = (char)(payload.ptr[at] ^ 0x10);
        if (detector_open(buf_span(&payload), school.backbone, LABELS, &detector, &err))
            detector_free(detector);
        payload.ptr[at] = (char)(payload.ptr[at] ^ 0x10);
    }
    assert_false(detector_open(buf_span(&payload), school.backbone, LABELS + 1, &detector, &err));
    memset(payload.ptr + payload.len - 4, 0xff, 4); /* not a number */
    assert_false(detector_open(buf_span(&payload), school.backbone, LABELS, &detector, &err));
    buf_free(&payload);
    close_school(&school);
}

static void train_once(struct school *school)
{
    struct buf payload = train(school, 3);
    struct detector *detector = open_detector(school, &payload);
    struct detect_worker *worker;
    struct err err;
    size_t wrong = 0;
    assert_true(detect_worker_new(detector, &worker, &err));
    found_of(school, worker, 0, &wrong);
    detect_worker_free(worker);
    detector_free(detector);
    buf_free(&payload);
}

/* 250 labels, one label, one image, 50 boxes in an image, boxes that are none among good ones. */
static void odd_datasets(void **state)
{
    (void)state;
    struct school school;
    open_school(&school);
    school.job.label_count = 250;
    train_once(&school);
    school.job.label_count = LABELS;
    school.job.train.count = 1;
    train_once(&school);
    struct learn_box many[50];
    for (int b = 0; b < 50; b++)
        many[b] = (struct learn_box){ (uint32_t)b % 2, (float)(b % 10) / 10, (float)(b / 10) / 5, 0.1f, 0.2f };
    many[7].width = 0;
    many[8].left = 3;
    many[9].height = -1;
    school.images[0].boxes = many;
    school.images[0].box_count = 50;
    train_once(&school);
    school.images[0].boxes = school.boxes[0];
    school.images[0].box_count = 1;
    school.job.label_count = 1;
    train_once(&school);
    close_school(&school);
}

static void nothing_to_learn(void **state)
{
    (void)state;
    struct school school;
    struct buf payload;
    struct err err;
    open_school(&school);
    buf_init(&payload, 16u << 20);
    for (size_t i = 0; i < IMAGES; i++)
        school.images[i].box_count = i == 5;
    school.boxes[5][0].width = 0;
    assert_false(detect_train(&school.job, &payload, &err));
    assert_int_equal(err.code, E_INVALID);
    school.job.train.count = 0;
    assert_false(detect_train(&school.job, &payload, &err));
    assert_int_equal(err.code, E_INVALID);
    buf_free(&payload);
    close_school(&school);
}

/* A cache that forgets half of what it is given changes nothing but the work. */
static struct buf kept[IMAGES * 16];

static size_t place_of(const unsigned char key[LEARN_KEY_BYTES], const char *what)
{
    return key[0] * 16u + strtoul(strrchr(what, 'w') + 1, NULL, 10);
}

static bool half_cached(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct buf *ret_bytes)
{
    (void)ctx;
    buf_add(ret_bytes, buf_span(&kept[place_of(key, what)]));
    return ret_bytes->len > 0;
}

static void half_cache(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct span bytes)
{
    (void)ctx;
    assert_true(strlen(what) <= 64);
    struct buf *place = &kept[place_of(key, what)];
    if (place->max == 0 && key[0] % 2) {
        buf_init(place, 16u << 20);
        buf_add(place, bytes);
    } else if (place->max == 0 && key[0] % 4 == 0) { /* cut: taken for nothing */
        buf_init(place, 16u << 20);
        buf_add(place, span_first(bytes, 100));
    }
}

static void a_forgetful_cache(void **state)
{
    (void)state;
    struct school school;
    open_school(&school);
    struct buf plain = train(&school, 4);
    school.job.cached = half_cached;
    school.job.cache = half_cache;
    for (int round = 0; round < 2; round++) {
        struct buf again = train(&school, 4);
        assert_true(span_eq(buf_span(&plain), buf_span(&again)));
        buf_free(&again);
    }
    for (size_t k = 0; k < COUNT_OF(kept); k++)
        buf_free(&kept[k]);
    buf_free(&plain);
    close_school(&school);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns),        cmocka_unit_test(its_bytes_depend_on_the_job_alone),
        cmocka_unit_test(damaged_models),   cmocka_unit_test(odd_datasets),
        cmocka_unit_test(nothing_to_learn), cmocka_unit_test(a_forgetful_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
