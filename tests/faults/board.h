/*
 * board: where a test says what shall go wrong in a running program, and reads what happened.
 *
 * One page in a file that the environment's FAULT_BOARD names, mapped by the test (tests/harness/faults.py) and by
 * `placard-faults`, which is placard with the files of this folder linked in. The page outlives a program that is
 * killed. The program for users has none of this.
 *
 * A plan: `action` happens at the nth call of `kind` that `what` names (a commit point exactly; SQL by its beginning;
 * empty: any), counted from when the plan was laid down. The test writes `action` last. Any thread may count.
 */
#ifndef PLACARD_TESTS_FAULTS_BOARD_H
#define PLACARD_TESTS_FAULTS_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum board_action { BOARD_NOTHING, BOARD_FAIL, BOARD_DELAY, BOARD_KILL, BOARD_CUT_POWER };

enum board_kind {
    BOARD_BEGIN,
    BOARD_STEP,
    BOARD_COMMIT,
    BOARD_COMMITTED,
    BOARD_CHECKPOINT,
    BOARD_STAT,
    BOARD_OPEN,
    BOARD_READ,
    BOARD_PUT,
    BOARD_BUCKET,
    BOARD_REMOVE,
    BOARD_DISK_WRITE,
    BOARD_DISK_SYNC,
    BOARD_DISK_TRUNCATE,
    BOARD_KINDS
};

#define BOARD_MAGIC 0x0b0a2d01u
#define BOARD_WHAT 128
#define BOARD_POINTS 64
#define BOARD_POINT_NAME 56

/* Little-endian, without padding; tests/harness/faults.py has the same layout. */
struct board {
    uint32_t magic;
    _Atomic uint32_t action;
    uint32_t kind;
    _Atomic uint32_t nth;
    uint32_t lasting; /* from the nth on, every one */
    uint32_t delay_ms;
    _Atomic uint32_t fired;
    uint32_t lying_syncs;      /* the disk says that it has synced, and has not */
    int64_t clock_ms;          /* added to the wall clock */
    uint64_t seed;             /* of what a loss of power leaves */
    char what[BOARD_WHAT];     /* ends with a NUL */
    _Atomic uint32_t seen[16]; /* calls by kind, since the board was made */
    uint32_t unused;
    _Atomic uint32_t points; /* commit points met so far, and how often each has committed */
    struct {
        char name[BOARD_POINT_NAME];
        _Atomic uint64_t commits;
    } point[BOARD_POINTS];
};

/* NULL where the environment names none. */
struct board *board_get(void);

/* Counts the call and does what the plan says; true: the call is to fail. */
bool board_call(enum board_kind kind, const char *what);

/* What a loss of power does before the process ends (power.c). */
void power_cut(uint64_t seed);

#endif
