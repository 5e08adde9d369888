/*
 * fault: from an error to the exception that a client sees: its name, HTTP status and body (spec A.5). The only place
 * that knows these names and numbers.
 */
#ifndef PLACARD_API_FAULT_H
#define PLACARD_API_FAULT_H

#include "base/buf.h"
#include "base/err.h"

/* The modelled errors, which the operations list, then those of the front end. */
enum fault {
    FAULT_ACCESS_DENIED,
    FAULT_IMAGE_TOO_LARGE,
    FAULT_INTERNAL_SERVER_ERROR,
    FAULT_INVALID_IMAGE_FORMAT,
    FAULT_INVALID_PAGINATION_TOKEN,
    FAULT_INVALID_PARAMETER,
    FAULT_INVALID_POLICY_REVISION_ID,
    FAULT_INVALID_S3_OBJECT,
    FAULT_LIMIT_EXCEEDED,
    FAULT_MALFORMED_POLICY_DOCUMENT,
    FAULT_PROVISIONED_THROUGHPUT_EXCEEDED,
    FAULT_RESOURCE_ALREADY_EXISTS,
    FAULT_RESOURCE_IN_USE,
    FAULT_RESOURCE_NOT_FOUND,
    FAULT_RESOURCE_NOT_READY,
    FAULT_SERVICE_QUOTA_EXCEEDED,
    FAULT_THROTTLING,
    FAULTS_MODELLED,
    FAULT_VALIDATION = FAULTS_MODELLED,
    FAULT_SERIALIZATION,
    FAULT_UNKNOWN_OPERATION,
    FAULT_MISSING_AUTHENTICATION_TOKEN,
    FAULT_INCOMPLETE_SIGNATURE,
    FAULT_INVALID_SIGNATURE,
    FAULT_UNRECOGNIZED_CLIENT,
    FAULT_EXPIRED_TOKEN,
    FAULTS
};

/* "AccessDeniedException" and so on. */
const char *fault_name(enum fault fault);

/*
 * The exception for an error of an operation whose modelled errors are `listed`: of several that mean the same, one
 * that it lists.
 */
enum fault fault_of(enum err_code code, uint32_t listed);

unsigned fault_status(enum fault fault);

/* Writes the body. `message` (empty: what the exception always says, or no message member where the service sends
   none); `request_id` becomes Logref. */
void fault_body(enum fault fault, struct span message, const char *request_id, struct buf *out);

#endif
