/* base64: the standard alphabet with padding, nothing else (spec A.4). Pure. */
#ifndef PLACARD_API_BASE64_H
#define PLACARD_API_BASE64_H

#include "base/arena.h"

/* False for a length that is no multiple of four, any other character (line ends too), padding that is not at the end,
   and set bits under the padding. The bytes lie in the arena; of an empty text their ptr is not NULL either. */
bool base64_decode(struct span text, struct arena *arena, struct span *ret_bytes) MUST_CHECK;

#endif
