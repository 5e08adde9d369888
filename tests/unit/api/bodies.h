/* bodies: what the tests of decode share: an arena, and a body decoded or refused. */
#ifndef PLACARD_TESTS_BODIES_H
#define PLACARD_TESTS_BODIES_H

#include "api/decode.h"

#define P_ARN "arn:aws:rekognition:us-east-1:123456789012:project/p/1690476084535"
#define D_ARN "arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1690476084535"
#define V_ARN "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1690476084535"
#define FAILED "' failed to satisfy constraint: "
#define ONE "1 validation error detected: Value "

/* Of the test that runs, by these two. */
extern struct arena arena;
int with_arena(void **state);
int without_arena(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, with_arena, without_arena)

/* The struct; fails the test when the body is refused. */
const void *decoded(const struct model_shape *shape, const char *body);

/* The message; fails the test when the body is accepted or refused by another code. */
struct span refused(const struct model_shape *shape, struct span body, enum err_code code);

void assert_span(struct span got, const char *text);

#endif
