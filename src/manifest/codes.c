/* codes: the names and texts of manifest.h's codes. Those without a text in spec D.6 say so here and in the manual. */
#include "manifest/manifest.h"

struct code_text {
    const char *name;
    const char *message; /* {} stands for the attribute's or its metadata's name */
};

static const struct code_text texts[] = {
    [MANIFEST_OK] = { "", "" },
    /* ours: AWS drops such a line without a word */
    [MANIFEST_LINE_TOO_LONG] = { "ERROR_LINE_TOO_LONG", "The JSON Line has more characters than the allowed maximum." },
    [MANIFEST_INVALID_JSON_LINE] = { "ERROR_INVALID_JSON_LINE", "The JSON Line has an invalid format." },
    [MANIFEST_MISSING_SOURCE_REF] = { "ERROR_MISSING_SOURCE_REF", "The source-ref key is missing." },
    [MANIFEST_INVALID_SOURCE_REF_FORMAT] = { "ERROR_INVALID_SOURCE_REF_FORMAT",
                                             "The format of the source-ref value is invalid." },
    /* ours */
    [MANIFEST_DUPLICATE_SOURCE_REF] = { "ERROR_DUPLICATE_SOURCE_REF", "The source-ref value is not unique." },
    [MANIFEST_NO_LABEL_ATTRIBUTES] = { "ERROR_NO_LABEL_ATTRIBUTES", "No label attributes found." },
    [MANIFEST_INVALID_LABEL_ATTRIBUTE_FORMAT] = { "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT",
                                                  "The format of the label attribute {} is invalid." },
    [MANIFEST_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT] = { "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT",
                                                           "The format of the label attribute metadata is invalid." },
    [MANIFEST_NO_VALID_LABEL_ATTRIBUTES] = { "ERROR_NO_VALID_LABEL_ATTRIBUTES", "No valid label attributes found." },
    [MANIFEST_UNSUPPORTED_USE_CASE_TYPE] = { "ERROR_UNSUPPORTED_USE_CASE_TYPE",
                                             "The use case type of the {} label attribute metadata is unsupported. "
                                             "Check the type field." },
    /* the name is AWS's, the text ours */
    [MANIFEST_INVALID_LABEL_NAME_LENGTH] = { "ERROR_INVALID_LABEL_NAME_LENGTH",
                                             "The length of the label name is invalid." },
    [MANIFEST_MISSING_BOUNDING_BOX_CONFIDENCE] = { "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE",
                                                   "One or more bounding boxes has a missing confidence value." },
    [MANIFEST_MISSING_CLASS_MAP_ID] = { "ERROR_MISSING_CLASS_MAP_ID",
                                        "One of more class ids is missing from the class map." }, /* sic */
    [MANIFEST_INVALID_BOUNDING_BOX] = { "ERROR_INVALID_BOUNDING_BOX", "The bounding box has off frame values." },
    [MANIFEST_BOUNDING_BOX_TOO_SMALL] = { "ERROR_BOUNDING_BOX_TOO_SMALL",
                                          "The height and width of the bounding box is too small." },
    [MANIFEST_TOO_MANY_BOUNDING_BOXES] = { "ERROR_TOO_MANY_BOUNDING_BOXES",
                                           "There are more bounding boxes than the allowed maximum." },
    /* ours, after the one above */
    [MANIFEST_TOO_MANY_LABELS_IN_LINE] = { "ERROR_TOO_MANY_LABELS", "There are more labels than the allowed maximum." },
    [MANIFEST_NO_VALID_ANNOTATIONS] = { "ERROR_NO_VALID_ANNOTATIONS", "No valid annotations found." },
    [MANIFEST_INVALID_IMAGE_DIMENSION] = { "ERROR_INVALID_IMAGE_DIMENSION",
                                           "The image dimension(s) do not conform to allowed dimensions." },
    [MANIFEST_INVALID_IMAGE] = { "ERROR_INVALID_IMAGE",
                                 "The image is invalid. Check S3 path and/or image properties." },
};

_Static_assert(COUNT_OF(texts) == MANIFEST_CODE_COUNT, "every code has a name and a text");

const char *manifest_code_name(enum manifest_code code)
{
    CHECK((unsigned)code < MANIFEST_CODE_COUNT);
    return texts[code].name;
}

const char *manifest_code_message(enum manifest_code code)
{
    CHECK((unsigned)code < MANIFEST_CODE_COUNT);
    return texts[code].message;
}
