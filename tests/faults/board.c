/* board: see board.h for the contract. Hangs the plan into the hooks of db and object before main begins. */
#include "board.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "db/db.h"
#include "object/object.h"

_Static_assert(sizeof(struct board) == 4344, "tests/harness/faults.py knows the layout");

static struct board *board;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct board *board_get(void)
{
    return board;
}

static void note_point(const char *name)
{
    uint32_t points = atomic_load(&board->points);
    for (uint32_t i = 0; i < points; i++)
        if (strcmp(board->point[i].name, name) == 0) {
            atomic_fetch_add(&board->point[i].commits, 1);
            return;
        }
    CHECK(points < BOARD_POINTS && strlen(name) < BOARD_POINT_NAME);
    memcpy(board->point[points].name, name, strlen(name) + 1);
    atomic_store(&board->point[points].commits, 1);
    atomic_store(&board->points, points + 1);
}

static bool is_meant(enum board_kind kind, const char *what)
{
    if (board->kind != kind || atomic_load(&board->nth) == 0)
        return false;
    if (kind == BOARD_COMMIT || kind == BOARD_COMMITTED)
        return !board->what[0] || strcmp(board->what, what) == 0;
    return strncmp(board->what, what, strlen(board->what)) == 0;
}

/* What to do now; counts under the lock, so that the nth call is one call. */
static enum board_action count(enum board_kind kind, const char *what)
{
    pthread_mutex_lock(&lock);
    enum board_action action = atomic_load(&board->action);
    atomic_fetch_add(&board->seen[kind], 1);
    if (kind == BOARD_COMMITTED)
        note_point(what);
    if (action != BOARD_NOTHING) {
        bool meant = is_meant(kind, what);
        uint32_t left = atomic_load(&board->nth);
        if (meant && left == 1)
            atomic_fetch_add(&board->fired, 1);
        else
            action = BOARD_NOTHING;
        if (meant && (left > 1 || !board->lasting))
            atomic_store(&board->nth, left - 1);
    }
    pthread_mutex_unlock(&lock);
    return action;
}

bool board_call(enum board_kind kind, const char *what)
{
    if (!board)
        return false;
    switch (count(kind, what)) {
    case BOARD_NOTHING:
        return false;
    case BOARD_DELAY:
        usleep(board->delay_ms * 1000);
        return false;
    case BOARD_CUT_POWER:
        power_cut(board->seed);
        break;
    case BOARD_KILL:
        break;
    case BOARD_FAIL:
        return true;
    }
    kill(getpid(), SIGKILL);
    for (;;)
        pause(); /* the signal is on its way */
}

static bool on_db(void *ctx, enum db_call call, const char *what)
{
    (void)ctx;
    return board_call((enum board_kind)call, what);
}

static bool on_object(void *ctx, enum object_call call, struct object_name name)
{
    (void)ctx, (void)name;
    return board_call((enum board_kind)(BOARD_STAT + call), "");
}

__attribute__((constructor)) static void hang_in(void)
{
    _Static_assert((int)DB_CALL_CHECKPOINT == BOARD_CHECKPOINT && (int)OBJECT_CALL_REMOVE == BOARD_REMOVE - BOARD_STAT,
                   "the kinds go on in the order of the hooks'");
    const char *path = getenv("FAULT_BOARD");
    if (!path)
        return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    CHECK(board != MAP_FAILED && board->magic == BOARD_MAGIC);
    db_set_fault(on_db, NULL);
    object_set_fault(on_object, NULL);
}
