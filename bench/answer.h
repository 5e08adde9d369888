/* answer: HTTP answers as the programs of bench/ read them: with a Content-Length, one after the other. */
#ifndef PLACARD_BENCH_ANSWER_H
#define PLACARD_BENCH_ANSWER_H

#include "base/buf.h"

enum { ANSWER_MAX = 64 << 20 };

/* Whether a whole answer is there: its status (0: none that can be read) and the length of its body. */
bool answer_whole(const struct buf *in, unsigned *ret_status, size_t *ret_length);

#endif
