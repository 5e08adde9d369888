/* fault: see fault.h for the contract. */
#include "api/fault.h"

#include "json/json_writer.h"

/* The two bodies of spec A.5, and the front end's that says nothing but its name. */
enum form { SERVICE, FRONT_END, FRONT_END_NAME_ALONE };

static const struct row {
    const char *name;
    unsigned status;
    enum form form;
    const char *text; /* where the caller's sentence is not for the client, or there is none */
} rows[FAULTS] = {
    [FAULT_ACCESS_DENIED] = { "AccessDeniedException", 400, SERVICE, NULL },
    [FAULT_IMAGE_TOO_LARGE] = { "ImageTooLargeException", 400, SERVICE, NULL },
    [FAULT_INTERNAL_SERVER_ERROR] = { "InternalServerError", 500, SERVICE, "Internal server error" },
    [FAULT_INVALID_IMAGE_FORMAT] = { "InvalidImageFormatException", 400, SERVICE, NULL },
    [FAULT_INVALID_PAGINATION_TOKEN] = { "InvalidPaginationTokenException", 400, SERVICE, "Invalid Pagination Token" },
    [FAULT_INVALID_PARAMETER] = { "InvalidParameterException", 400, SERVICE, NULL },
    [FAULT_INVALID_POLICY_REVISION_ID] = { "InvalidPolicyRevisionIdException", 400, SERVICE, NULL },
    [FAULT_INVALID_S3_OBJECT] = { "InvalidS3ObjectException", 400, SERVICE, NULL },
    [FAULT_LIMIT_EXCEEDED] = { "LimitExceededException", 400, SERVICE, NULL },
    [FAULT_MALFORMED_POLICY_DOCUMENT] = { "MalformedPolicyDocumentException", 400, SERVICE, NULL },
    [FAULT_PROVISIONED_THROUGHPUT_EXCEEDED] = { "ProvisionedThroughputExceededException", 400, SERVICE, NULL },
    [FAULT_RESOURCE_ALREADY_EXISTS] = { "ResourceAlreadyExistsException", 400, SERVICE, NULL },
    [FAULT_RESOURCE_IN_USE] = { "ResourceInUseException", 400, SERVICE, NULL },
    [FAULT_RESOURCE_NOT_FOUND] = { "ResourceNotFoundException", 400, SERVICE, NULL },
    [FAULT_RESOURCE_NOT_READY] = { "ResourceNotReadyException", 400, SERVICE, NULL },
    [FAULT_SERVICE_QUOTA_EXCEEDED] = { "ServiceQuotaExceededException", 400, SERVICE, NULL },
    [FAULT_THROTTLING] = { "ThrottlingException", 400, SERVICE, "Slow down; sudden increase in rate of requests." },
    [FAULT_VALIDATION] = { "ValidationException", 400, FRONT_END, NULL },
    [FAULT_SERIALIZATION] = { "SerializationException", 400, FRONT_END, NULL },
    [FAULT_UNKNOWN_OPERATION] = { "UnknownOperationException", 400, FRONT_END_NAME_ALONE, NULL },
    [FAULT_MISSING_AUTHENTICATION_TOKEN] = { "MissingAuthenticationTokenException", 400, FRONT_END, NULL },
    [FAULT_INCOMPLETE_SIGNATURE] = { "IncompleteSignatureException", 400, FRONT_END, NULL },
    [FAULT_INVALID_SIGNATURE] = { "InvalidSignatureException", 400, FRONT_END, NULL },
    [FAULT_UNRECOGNIZED_CLIENT] = { "UnrecognizedClientException", 400, FRONT_END, NULL },
    [FAULT_EXPIRED_TOKEN] = { "ExpiredTokenException", 400, FRONT_END, NULL },
};

const char *fault_name(enum fault fault)
{
    return rows[fault].name;
}

unsigned fault_status(enum fault fault)
{
    return rows[fault].status;
}

static bool lists(uint32_t listed, enum fault fault)
{
    return listed & (uint32_t)1 << fault;
}

enum fault fault_of(enum err_code code, uint32_t listed)
{
    switch (code) {
    case E_NOT_FOUND:
        return FAULT_RESOURCE_NOT_FOUND;
    case E_EXISTS:
        return FAULT_RESOURCE_ALREADY_EXISTS;
    case E_IN_USE:
        return FAULT_RESOURCE_IN_USE;
    case E_NOT_READY:
        return FAULT_RESOURCE_NOT_READY;
    case E_INVALID:
        return FAULT_INVALID_PARAMETER;
    case E_VALIDATION:
        return FAULT_VALIDATION;
    case E_SERIALIZATION:
        return FAULT_SERIALIZATION;
    case E_UNKNOWN_OPERATION:
        return FAULT_UNKNOWN_OPERATION;
    case E_DENIED:
        return FAULT_ACCESS_DENIED;
    case E_LIMIT:
        return FAULT_LIMIT_EXCEEDED;
    case E_QUOTA:
        return lists(listed, FAULT_SERVICE_QUOTA_EXCEEDED) ? FAULT_SERVICE_QUOTA_EXCEEDED : FAULT_LIMIT_EXCEEDED;
    case E_TOKEN:
        return FAULT_INVALID_PAGINATION_TOKEN;
    case E_OBJECT:
    case E_OBJECT_DENIED:
    case E_OBJECT_CHANGED:
        return FAULT_INVALID_S3_OBJECT;
    case E_IMAGE_FORMAT:
        return FAULT_INVALID_IMAGE_FORMAT;
    case E_IMAGE_LARGE:
        return FAULT_IMAGE_TOO_LARGE;
    case E_POLICY:
        return FAULT_MALFORMED_POLICY_DOCUMENT;
    case E_REVISION:
        return FAULT_INVALID_POLICY_REVISION_ID;
    case E_RATE:
        return FAULT_PROVISIONED_THROUGHPUT_EXCEEDED;
    case E_THROTTLED:
        return FAULT_THROTTLING;
    case E_AUTH_MISSING:
        return FAULT_MISSING_AUTHENTICATION_TOKEN;
    case E_AUTH_INCOMPLETE:
        return FAULT_INCOMPLETE_SIGNATURE;
    case E_AUTH_SIGNATURE:
        return FAULT_INVALID_SIGNATURE;
    case E_AUTH_UNKNOWN_KEY:
        return FAULT_UNRECOGNIZED_CLIENT;
    case E_AUTH_EXPIRED:
        return FAULT_EXPIRED_TOKEN;
    default: /* E_INTERNAL, E_STORE and what no operation should ever answer */
        return FAULT_INTERNAL_SERVER_ERROR;
    }
}

static void add_text(struct json_writer *w, const char *key, struct span text)
{
    json_key(w, key);
    json_add_string(w, text);
}

void fault_body(enum fault fault, struct span message, const char *request_id, struct buf *out)
{
    const struct row *row = &rows[fault];
    struct json_writer w = json_writer_on(out);
    if (row->text)
        message = span_str(row->text);
    json_open_object(&w);
    add_text(&w, "__type", span_str(row->name));
    if (row->form == SERVICE) {
        add_text(&w, "Code", span_str(row->name));
        add_text(&w, "Logref", span_str(request_id));
        add_text(&w, "Message", message);
    } else if (row->form == FRONT_END && message.len > 0) {
        /* the parser of bodies alone writes it large (spec A.7) */
        add_text(&w, fault == FAULT_SERIALIZATION ? "Message" : "message", message);
    }
    json_close_object(&w);
    json_writer_end(&w);
}
