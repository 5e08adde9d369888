/* The six output objects of spec E.2, byte by byte for a small training of each kind. */
#include "sides.h"
#include "train/alike.h"
#include "train/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* `want` in single quotes. */
static void assert_text(struct buf *got, const char *want)
{
    struct buf quoted;
    buf_init(&quoted, 1 << 20);
    for (; *want; want++)
        buf_add_char(&quoted, *want == '\'' ? '"' : *want);
    assert_string_equal(buf_cstr(got), buf_cstr(&quoted));
    buf_free(&quoted);
    buf_clear(got);
}

#define WHEN "2026-01-02T03:04:05.678"
enum { LINES = 3 };
static const int64_t now_ms = 1767323045678;

static struct output output_of(const struct sides *all)
{
    return (struct output){ .request = &all->request, .sides = all->sides, .chosen = &all->chosen, .now_ms = now_ms };
}

#define TRUTH(name)                                                                                                    \
    "'rekognition-custom-labels-training-0':1,'rekognition-custom-labels-training-0-metadata':{'confidence':1,"        \
    "'class-name':'" name "','type':'groundtruth/image-classification','human-annotated':'yes','creation-date':'" WHEN \
    "Z','job-name':'rekognition-custom-labels-training-job'}"
#define DETAILS(tp, fp, fn, present)                                                                                   \
    "'rekognition-custom-labels-evaluation-details':{'version':1,'ground-truth-labelling-jobs':["                      \
    "'rekognition-custom-labels-training-job'],'is-true-positive':" #tp ",'is-true-negative':false,"                   \
    "'is-false-positive':" #fp ",'is-false-negative':" #fn ",'is-present-in-ground-truth':" #present "}"
#define SAID(n, name, confidence, details)                                                                             \
    "'rekognition-custom-labels-evaluation-" n "':1,'rekognition-custom-labels-evaluation-" n                          \
    "-metadata':{'confidence':" confidence ",'class-name':'" name "','type':'groundtruth/image-classification',"       \
    "'human-annotated':'no','creation-date':'" WHEN                                                                    \
    "Z','job-name':'rekognition-custom-labels-evaluation-job'," details "}"

static void open_classification(struct sides *all)
{
    char *lines[TRAIN_SIDES][LINES + 1] = {
        { labeled_line("a.png", "cat"), labeled_line("b.png", "dog"), mem_dup("{ no", 4), NULL },
        { labeled_line("c.png", "cat"), labeled_line("d.png", "dog"), labeled_line("e.png", "cow"), NULL },
    };
    sides_open(all, (const char *const *)lines[0], (const char *const *)lines[1]);
    all->request.dropped_percent = 40;
    sides_choose(all);
    assert_null(choose_message(all->sides, &all->chosen));
    for (unsigned side = 0; side < TRAIN_SIDES; side++)
        for (unsigned i = 0; i < LINES; i++)
            free(lines[side][i]);
}

static void classification(void **state)
{
    (void)state;
    struct sides all;
    struct buf got;
    float said[4] = { 0 };
    struct evaluation evaluation;
    buf_init(&got, 1 << 20);
    open_classification(&all);
    struct output output = output_of(&all);
    output_summary(&output, &got);
    assert_text(&got, "{'errors':[],'statistics':{'training':{'use_case':'IMAGE_LEVEL_LABELS','total_json_lines':3,"
                      "'valid_json_lines':2,'invalid_json_lines':1,'ignored_json_lines':0,'errors':[],"
                      "'error_json_line_indices':[3]},'testing':{'use_case':'IMAGE_LEVEL_LABELS',"
                      "'total_json_lines':3,'valid_json_lines':2,'invalid_json_lines':0,'ignored_json_lines':1,"
                      "'errors':[],'error_json_line_indices':[]}}}");
    output_validation(&output, 0, &got);
    struct span rest = buf_span(&got), line = span_cut(&rest, '\n');
    assert_true(span_eq(line, all.sides[0].lines[0].text));
    span_cut(&rest, '\n');
    assert_true(span_is(rest, "{\"errors\":[{\"code\":\"ERROR_INVALID_JSON_LINE\",\"message\":\"The JSON Line has an "
                              "invalid format.\"}]}\n"));
    buf_clear(&got);
    /* the model takes the cat for one, and the dog rather for a cat */
    size_t cat = all.sides[1].lines[0].image, dog = all.sides[1].lines[1].image;
    said[cat * 2] = 0.9f;
    said[cat * 2 + 1] = 0.123456f;
    said[dog * 2] = 0.75f;
    said[dog * 2 + 1] = 0.25f;
    evaluate_classification(&all.chosen.sets[1], 2, said, false, &evaluation);
    evaluation.labels[0].threshold = 0.5f;
    evaluation.labels[1].threshold = 0.3f;
    output.evaluation = &evaluation;
    output.confidences = said;
    output_truth(&output, 1, &got);
    assert_text(
        &got, "{'source-ref':'s3://bucket/c.png','rekognition-custom-labels-object-id':1," TRUTH("cat") "," SAID(
                  "0", "cat", "0.9",
                  DETAILS(true, false, false,
                          true)) "}\n"
                                 "{'source-ref':'s3://bucket/d.png','rekognition-custom-labels-object-id':2," TRUTH(
                                     "dog") "," SAID("0", "cat", "0.75",
                                                     DETAILS(false, true, false,
                                                             false)) "," SAID("1", "dog", "0.25",
                                                                              DETAILS(false, false, true, true)) "}\n");
    output_truth(&output, 0, &got);
    assert_text(&got, "{'source-ref':'s3://bucket/a.png','rekognition-custom-labels-object-id':1," TRUTH(
                          "cat") "}\n"
                                 "{'source-ref':'s3://bucket/b.png','rekognition-custom-labels-object-id':2," TRUTH(
                                     "dog") "}\n");
    output_evaluation(&output, &got);
    assert_text(&got,
                "{'Version':1,'EvaluationDetails':{'EvaluationEndTimestamp':'" WHEN
                "000','Labels':['cat','dog'],'NumberOfTestingImages':2,'NumberOfTrainingImages':2,'ProjectVersionArn':"
                "'arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1'},'AggregatedEvaluationResults':{"
                "'F1Score':1,'Precision':1,'Recall':1,'ConfusionMatrix':["
                "{'GroundTruthLabel':'cat','PredictedLabel':'cat','Value':1},"
                "{'GroundTruthLabel':'cat','PredictedLabel':'dog','Value':0},"
                "{'GroundTruthLabel':'dog','PredictedLabel':'cat','Value':0},"
                "{'GroundTruthLabel':'dog','PredictedLabel':'dog','Value':1}]},'LabelEvaluationResults':["
                "{'Label':'cat','Metrics':{'F1Score':1,'Precision':1,'Recall':1,'Threshold':0.5},"
                "'NumberOfTestingImages':1},{'Label':'dog','Metrics':{'F1Score':1,'Precision':1,'Recall':1,"
                "'Threshold':0.30000001192092896},'NumberOfTestingImages':1}]}");
    evaluation_free(&evaluation);
    buf_free(&got);
    sides_close(&all);
}

#define SIZE "{'image_size':[{'width':640,'height':480,'depth':3}],'annotations':["
#define JOB(human, job)                                                                                                \
    "'type':'groundtruth/object-detection','human-annotated':'" human "','creation-date':'" WHEN "Z','job-name':"      \
    "'rekognition-custom-labels-" job "-job'}"
#define FOUND(confidence, details) "{'confidence':" confidence "," details "}"

static void detection(void **state)
{
    (void)state;
    struct sides all;
    struct buf got;
    struct evaluation evaluation;
    char *lines[TRAIN_SIDES][2] = { { boxed_line("a.png", "cat|dog"), NULL }, { boxed_line("c.png", "dog"), NULL } };
    buf_init(&got, 1 << 20);
    sides_open(&all, (const char *const *)lines[0], (const char *const *)lines[1]);
    sides_choose(&all);
    assert_null(choose_message(all.sides, &all.chosen));
    struct evaluation_box found[] = {
        { 0, 0.8f, { 1, 0.5f, 0.5f, 0.25f, 0.25f }, false },  /* nothing is there */
        { 0, 0.009f, { 1, 0.0f, 0.25f, 0.1f, 0.1f }, false }, /* the dog, below its threshold */
        { 0, 0.7f, { 0, 0.0f, 0.25f, 0.1f, 0.1f }, false },   /* a cat instead */
        { 0, 0.001f, { 1, 0.9f, 0.9f, 0.1f, 0.1f }, false },  /* neither counts nor matches */
    };
    struct output output = output_of(&all);
    evaluate_detection(&all.chosen.sets[1], 2, found, COUNT_OF(found), &evaluation);
    evaluation.labels[0].threshold = evaluation.labels[1].threshold = 0.5f;
    output.evaluation = &evaluation;
    output.found = found;
    output.found_count = COUNT_OF(found);
    output_truth(&output, 1, &got);
    assert_text(
        &got,
        "{'source-ref':'s3://bucket/c.png','rekognition-custom-labels-object-id':1,"
        "'rekognition-custom-labels-training-0':" SIZE "{'class_id':1,'left':0,'top':120,'width':64,'height':48}]},"
        "'rekognition-custom-labels-training-0-metadata':{'objects':[{'confidence':1}],'class-map':{'1':'dog'}"
        "," JOB(
            "yes",
            "training") ",'rekognition-custom-labels-evaluation':" SIZE
                        "{'class_id':0,'left':0,'top':120,'width':64,'height':48},"
                        "{'class_id':1,'left':320,'top':240,'width':160,'height':120},"
                        "{'class_id':1,'left':0,'top':120,'width':64,'height':48}]},"
                        "'rekognition-custom-labels-evaluation-metadata':{'objects':[" FOUND(
                            "0.7",
                            DETAILS(
                                false, true, false,
                                false)) "," FOUND("0.8",
                                                  DETAILS(
                                                      false, true, false,
                                                      false)) "," FOUND("0.009",
                                                                        DETAILS(
                                                                            false, false, true,
                                                                            true)) "],'class-map':{'0':'cat','1':'dog'}"
                                                                                   "," JOB("no", "evaluation") "}\n");
    output_evaluation(&output, &got);
    assert_true(span_contains(buf_span(&got), SPAN_LIT("\"AveragePrecision\":0.5,\"AverageRecall\":1}")));
    assert_false(span_contains(buf_span(&got), SPAN_LIT("ConfusionMatrix")));
    evaluation_free(&evaluation);
    buf_free(&got);
    sides_close(&all);
    free(lines[0][0]);
    free(lines[1][0]);
}

static void a_failed_manifest(void **state)
{
    (void)state;
    struct sides all;
    struct buf got;
    char *lines[] = { labeled_line("a.png", "cat"), mem_dup("", 0), mem_dup("{'a':1}", 7), NULL };
    buf_init(&got, 1 << 20);
    sides_open(&all, (const char *const *)lines, NULL);
    sides_choose(&all);
    struct output output = output_of(&all);
    output_summary(&output, &got);
    assert_text(&got, "{'errors':[],'statistics':{'training':{'use_case':'NOT_DETERMINED','total_json_lines':2,"
                      "'valid_json_lines':1,'invalid_json_lines':1,'ignored_json_lines':0,'errors':[{'code':"
                      "'ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST','message':'The manifest file contains too many "
                      "invalid rows.'},{'code':'ERROR_MANIFEST_TOO_FEW_LABELS','message':'The manifest file has too "
                      "few labels.'}],'error_json_line_indices':[2]},'testing':{'use_case':'NOT_DETERMINED',"
                      "'total_json_lines':0,'valid_json_lines':0,'invalid_json_lines':0,'ignored_json_lines':0,"
                      "'errors':[],'error_json_line_indices':[]}}}");
    buf_free(&got);
    sides_close(&all);
    for (unsigned i = 0; lines[i]; i++)
        free(lines[i]);
}

/* A picture of soft blobs; `shift` moves it, `light` makes it brighter. */
static struct image picture(unsigned seed, int width, int height, int light)
{
    struct image image = image_new(width, height);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            unsigned u = (unsigned)(x * 256 / width), v = (unsigned)(y * 256 / height);
            unsigned value = ((u * (3 + seed) + v * (5 + seed * 7)) ^ (u * v / (16 + seed))) % 200;
            memset(image.rgb + (y * width + x) * 3, (int)value + light, 3);
        }
    return image;
}

static void copies_look_alike(void **state)
{
    (void)state;
    struct image images[] = { picture(1, 320, 240, 0),  picture(9, 320, 240, 0), picture(1, 200, 150, 20),
                              picture(30, 320, 240, 0), image_new(64, 64),       image_new(80, 80) };
    unsigned char looks[COUNT_OF(images)][ALIKE_LOOK_BYTES];
    uint32_t groups[COUNT_OF(images)];
    memset(images[4].rgb, 255, 64 * 64 * 3);
    memset(images[5].rgb, 0, 80 * 80 * 3);
    for (size_t i = 0; i < COUNT_OF(images); i++)
        alike_look(&images[i], looks[i]);
    alike_groups((const unsigned char(*)[ALIKE_LOOK_BYTES])looks, COUNT_OF(images), groups);
    /* smaller and brighter is a copy; plain images are not like each other */
    const uint32_t want[] = { 0, 1, 0, 3, 4, 5 };
    for (size_t i = 0; i < COUNT_OF(images); i++) {
        assert_int_equal(groups[i], want[i]);
        image_free(&images[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classification),
        cmocka_unit_test(detection),
        cmocka_unit_test(a_failed_manifest),
        cmocka_unit_test(copies_look_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
