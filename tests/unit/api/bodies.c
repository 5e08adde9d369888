/* bodies: see bodies.h for the contract. */
#include "bodies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct arena arena;

int with_arena(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

int without_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

const void *decoded(const struct model_shape *shape, const char *body)
{
    struct err err;
    struct span message;
    void *input = NULL;
    if (!decode_request(shape, span_str(body), &arena, &input, &message, &err))
        fail_msg("%s: %s", body, err.text);
    return input;
}

struct span refused(const struct model_shape *shape, struct span body, enum err_code code)
{
    struct err err = { .code = E_OK };
    struct span message = SPAN_LIT("untouched");
    void *input = &err;
    if (decode_request(shape, body, &arena, &input, &message, &err))
        fail_msg("accepted: %.200s", body.ptr);
    assert_ptr_equal(input, &err);
    if (err.code != code)
        fail_msg("%.200s: %s", body.ptr, err.text);
    return message;
}

void assert_span(struct span got, const char *text)
{
    if (!span_is(got, text))
        fail_msg("\ngot      " SPAN_FMT "\nexpected %s", SPAN_ARG(got), text);
}
