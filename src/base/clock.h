/*
 * clock: the two clocks of the program. Wall time for what users see and signatures need, monotonic time for
 * deadlines and measurements. Neither depends on the time zone or the locale.
 */
#ifndef PLACARD_BASE_CLOCK_H
#define PLACARD_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

int64_t clock_wall_ms(void); /* milliseconds since 1970-01-01 UTC */
int64_t clock_mono_us(void); /* microseconds since some fixed point */

/* A condition whose timed waits run by the monotonic clock (a wall clock that is set must not stretch a wait), and the
   moment for such a wait, `ms` from now. */
void clock_cond_init(pthread_cond_t *ret_cond);
struct timespec clock_deadline(int64_t ms);

/* "20260102T030405Z" (16 characters and a NUL). */
void clock_basic_iso(int64_t wall_ms, char ret_text[17]);

/* "2026-01-02T03:04:05.678Z" (24 characters and a NUL). */
void clock_extended_iso(int64_t wall_ms, char ret_text[25]);

/* Seconds since 1970 of a UTC date and time; no checking of ranges beyond what arithmetic needs. */
int64_t clock_utc_seconds(int year, int month, int day, int hour, int minute, int second);

#endif
