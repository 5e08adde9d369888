/*
 * splice: the members of a JSON object, or the elements of an array, as the bytes they are written with.
 *
 * Pure, without memory: `struct splice walk = splice_open(value); while (splice_next(&walk, &part)) …`. The text must
 * be known to be valid JSON and `value` to begin with its bracket; CHECKed, not tolerated. The parts joined by commas
 * between the brackets are the text again, byte for byte.
 */
#ifndef PLACARD_MANIFEST_SPLICE_H
#define PLACARD_MANIFEST_SPLICE_H

#include "base/span.h"

struct splice {
    const char *at; /* past the bracket or comma before the next part */
    const char *end;
    bool object;
};

struct splice_part {
    struct span whole; /* from separator to separator, white space included */
    struct span head;  /* of whole: what stands before the value, a member's key too */
    struct span value; /* of the element or of the member */
    struct span tail;  /* white space behind the value */
};

struct splice splice_open(struct span value);
bool splice_next(struct splice *walk, struct splice_part *ret_part);

#endif
