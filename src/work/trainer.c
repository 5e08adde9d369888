/* trainer: see trainer.h for the contract. */
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np, pipe2 */
#include "work/trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LOOK_MS = 200, PATIENCE_MS = 10000, LINE_ROOM = 4096, PHASE_ROOM = 32 };

extern char **environ;

struct trainer {
    const struct trainer_watch *watch;
    pid_t pid;
    int to_child, from_child; /* -1: closed */
    struct buf said;          /* an unfinished line */
    char phase[PHASE_ROOM];
    double share;
    char why[LINE_ROOM]; /* what it said before it failed */
    bool ending;
    int64_t end_us; /* when it was told to end */
};

/* --- the child -----------------------------------------------------------------------------------------------------
 */

static bool spawn(struct trainer *trainer, const int input[2], const int output[2], struct err *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *const argv[] = { (char *)(uintptr_t) "placard", (char *)(uintptr_t) "train",
                           (char *)(uintptr_t)trainer->watch->folder, NULL };
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int fault = posix_spawn(&trainer->pid, "/proc/self/exe", &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return fault == 0 || fail(err, E_INTERNAL, "no process can be made to train: %s", strerror(fault));
}

static bool start(struct trainer *trainer, struct err *err)
{
    int input[2] = { -1, -1 }, output[2] = { -1, -1 };
    bool done = pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0;
    if (!done)
        fail(err, E_INTERNAL, "no process can be made to train: %s", strerror(errno));
    done = done && spawn(trainer, input, output, err);
    trainer->to_child = done ? input[1] : -1;
    trainer->from_child = done ? output[0] : -1;
    const int leave[] = { input[0], output[1], done ? -1 : input[1], done ? -1 : output[0] };
    for (size_t i = 0; i < COUNT_OF(leave); i++)
        if (leave[i] >= 0)
            close(leave[i]);
    return done;
}

/* --- what it says --------------------------------------------------------------------------------------------------
 */

/* "progress PHASE SHARE" or "failed SENTENCE". */
static void hear_line(struct trainer *trainer, struct span line)
{
    struct span verb = span_cut(&line, ' ');
    if (span_is(verb, "failed")) {
        snprintf(trainer->why, sizeof trainer->why, SPAN_FMT, SPAN_ARG(line));
    } else if (span_is(verb, "progress")) {
        struct span phase = span_cut(&line, ' ');
        char number[32];
        snprintf(trainer->phase, sizeof trainer->phase, SPAN_FMT, SPAN_ARG(phase));
        snprintf(number, sizeof number, SPAN_FMT, SPAN_ARG(line));
        trainer->share = strtod(number, NULL);
    }
}

/* False at the end of its output. */
static bool hear(struct trainer *trainer)
{
    char piece[LINE_ROOM];
    ssize_t got = read(trainer->from_child, piece, sizeof piece);
    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0)
        return false;
    struct span rest = span_of(piece, (size_t)got);
    while (rest.ptr) {
        struct span line = span_cut(&rest, '\n');
        buf_add(&trainer->said, line);
        if (!rest.ptr)
            break;
        hear_line(trainer, buf_span(&trainer->said));
        buf_clear(&trainer->said);
    }
    return true;
}

static void tell_to_end(struct trainer *trainer)
{
    if (trainer->ending)
        return;
    trainer->ending = true;
    trainer->end_us = clock_mono_us();
    kill(trainer->pid, SIGTERM);
}

static void look_after(struct trainer *trainer)
{
    const struct trainer_watch *watch = trainer->watch;
    if (atomic_load(watch->stop) || atomic_load(watch->cancel) ||
        !watch->progress(watch->ctx, trainer->phase, trainer->share))
        tell_to_end(trainer);
    if (trainer->ending && clock_mono_us() - trainer->end_us > PATIENCE_MS * INT64_C(1000))
        kill(trainer->pid, SIGKILL);
}

static bool judge_end(const struct trainer *trainer, int status, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (trainer->ending)
        return fail(err, E_LOST_LEASE, "the training was told to end");
    if (WIFSIGNALED(status))
        return fail(err, E_INTERNAL, "the training process was ended by signal %d (%s)", WTERMSIG(status),
                    strsignal(WTERMSIG(status)));
    return fail(err, E_INTERNAL, "the training process failed: %s", trainer->why);
}

bool trainer_run(const struct trainer_watch *watch, struct err *err)
{
    struct trainer trainer = { .watch = watch, .phase = "start", .why = "it did not say why" };
    int status = 0;
    if (!start(&trainer, err))
        return false;
    buf_init(&trainer.said, LINE_ROOM);
    for (bool speaking = true; speaking;) {
        struct pollfd ear = { .fd = trainer.from_child, .events = POLLIN };
        if (poll(&ear, 1, LOOK_MS) > 0)
            speaking = hear(&trainer);
        look_after(&trainer);
    }
    close(trainer.to_child);
    close(trainer.from_child);
    while (waitpid(trainer.pid, &status, 0) < 0 && errno == EINTR)
        ;
    buf_free(&trainer.said);
    return judge_end(&trainer, status, err);
}
