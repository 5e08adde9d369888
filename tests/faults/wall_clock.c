/*
 * wall_clock: a wall clock that the board sets. This definition goes before the C library's; the other clocks are the
 * machine's. What the kernel waits for by the real wall clock would not follow, and nothing in placard does.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    long result = syscall(SYS_clock_gettime, clock, ret_now);
    struct board *board = board_get();
    if (result == 0 && clock == CLOCK_REALTIME && board) {
        int64_t ms = board->clock_ms;
        ret_now->tv_sec += ms / 1000;
        ret_now->tv_nsec += ms % 1000 * 1000000;
        if (ret_now->tv_nsec < 0 || ret_now->tv_nsec >= 1000000000) {
            ret_now->tv_sec += ret_now->tv_nsec < 0 ? -1 : 1;
            ret_now->tv_nsec += ret_now->tv_nsec < 0 ? 1000000000 : -1000000000;
        }
    }
    return (int)result;
}
