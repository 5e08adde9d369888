/*
 * decode: a request's body into the C struct of its shape (spec A.7, A.8). Pure; any thread.
 *
 * The body is parsed by a parser of the calling thread; what the struct points at is copied into the arena. Types are
 * judged before constraints, over the whole body, as the service does. Unknown members are passed over, null is absent,
 * the last of equal members counts. An empty body is `{}`.
 */
#ifndef PLACARD_API_DECODE_H
#define PLACARD_API_DECODE_H

#include "api/model.h"
#include "base/arena.h"
#include "base/err.h"

/*
 * E_SERIALIZATION: not a JSON object (*ret_message empty: the service says nothing then) or of wrong types (A.7's
 * text). E_VALIDATION: all violations in one text (A.8). *ret_message is whole, in the arena: err's is cut.
 */
bool decode_request(const struct model_shape *shape, struct span body, struct arena *arena, void **ret_input,
                    struct span *ret_message, struct err *err) MUST_CHECK;

/* Whether the whole value matches. */
bool model_pattern_matches(const struct model_pattern *pattern, struct span value);

#endif
