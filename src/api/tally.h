/*
 * tally: how many requests ended how, and how long they took, for /metrics. Any thread counts; reading is not one
 * moment's picture, but each number only grows.
 */
#ifndef PLACARD_API_TALLY_H
#define PLACARD_API_TALLY_H

#include <stdatomic.h>

#include "api/operation.h"

/* Bounds of the histogram in microseconds; what is slower counts in the last one, +Inf. */
enum { TALLY_BOUNDS = 13 };

/* Requests of none of our operations have the place OPERATIONS; those that succeeded the fault FAULTS. */
struct tally {
    atomic_uint_fast64_t ended[OPERATIONS + 1][FAULTS + 1];
    atomic_uint_fast64_t within[OPERATIONS + 1][TALLY_BOUNDS + 1];
    atomic_uint_fast64_t total_us[OPERATIONS + 1];
};

/* `operation` may be -1: none of ours. */
void tally_add(struct tally *tally, int operation, unsigned fault, int64_t took_us);

/* placard_requests_total and placard_request_seconds in Prometheus text. */
void tally_print(const struct tally *tally, struct buf *out);

#endif
