/* Exceptions: their names, status and bodies (spec A.5), and which errors become which. */
#include "api/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ID "03507c9b-7e84-11e9-9ad1-854a4567eb71"

static void assert_body(enum fault fault, const char *message, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    fault_body(fault, span_str(message), ID, &out);
    assert_string_equal(buf_cstr(&out), expected);
    buf_free(&out);
}

static void bodies(void **state)
{
    (void)state;
    assert_body(FAULT_RESOURCE_NOT_FOUND, "No \"such\" thing.",
                "{\"__type\":\"ResourceNotFoundException\",\"Code\":\"ResourceNotFoundException\","
                "\"Logref\":\"" ID "\",\"Message\":\"No \\\"such\\\" thing.\"}");
    assert_body(FAULT_INTERNAL_SERVER_ERROR, "SQL logic error in table secrets",
                "{\"__type\":\"InternalServerError\",\"Code\":\"InternalServerError\","
                "\"Logref\":\"" ID "\",\"Message\":\"Internal server error\"}");
    assert_body(FAULT_VALIDATION, "1 validation error detected: x",
                "{\"__type\":\"ValidationException\",\"message\":\"1 validation error detected: x\"}");
    assert_body(FAULT_UNKNOWN_OPERATION, "ignored", "{\"__type\":\"UnknownOperationException\"}");
    assert_body(FAULT_SERIALIZATION, "", "{\"__type\":\"SerializationException\"}");
    assert_body(FAULT_SERIALIZATION, "Expected null",
                "{\"__type\":\"SerializationException\",\"Message\":\"Expected null\"}");
}

static void every_fault_has_a_name_and_a_status(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FAULTS; i++) {
        assert_non_null(fault_name((enum fault)i));
        assert_int_equal(fault_status((enum fault)i), i == FAULT_INTERNAL_SERVER_ERROR ? 500 : 400);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(fault_name((enum fault)i), fault_name((enum fault)k));
    }
}

static void errors_become_faults(void **state)
{
    (void)state;
    assert_int_equal(fault_of(E_STORE, 0), FAULT_INTERNAL_SERVER_ERROR);
    assert_int_equal(fault_of(E_LOST_LEASE, 0), FAULT_INTERNAL_SERVER_ERROR);
    assert_int_equal(fault_of(E_OBJECT_CHANGED, 0), FAULT_INVALID_S3_OBJECT);
    assert_int_equal(fault_of(E_QUOTA, (uint32_t)1 << FAULT_SERVICE_QUOTA_EXCEEDED), FAULT_SERVICE_QUOTA_EXCEEDED);
    assert_int_equal(fault_of(E_QUOTA, 0), FAULT_LIMIT_EXCEEDED);
    assert_int_equal(fault_of(E_THROTTLED, 0), FAULT_THROTTLING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(every_fault_has_a_name_and_a_status),
        cmocka_unit_test(errors_become_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
