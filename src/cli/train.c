/*
 * train: one training as a process of its own, which the server starts and watches (train/request.h says how they
 * speak). It gives way to everything else, and ends when its standard input does, for then the server has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "train/file.h"
#include "train/train.h"

enum { NICE = 10, PROGRESS_EVERY_MS = 250, PHASE_ROOM = 32 };

static atomic_bool stopping;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stopping, true);
}

/* Ends the training when nobody waits for it any more. */
static void *watch_input(void *arg)
{
    char piece[64];
    ssize_t got;
    (void)arg;
    while ((got = read(STDIN_FILENO, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))
        ;
    atomic_store(&stopping, true);
    return NULL;
}

/* What was said last, so that a training of a million steps does not say a million lines. */
struct speech {
    pthread_mutex_t lock;
    int64_t said_us;
    char phase[PHASE_ROOM];
};

static void say_progress(void *ctx, const char *phase, double share)
{
    struct speech *speech = ctx;
    int64_t now_us = clock_mono_us();
    pthread_mutex_lock(&speech->lock);
    if (strcmp(phase, speech->phase) != 0 || now_us - speech->said_us >= PROGRESS_EVERY_MS * INT64_C(1000)) {
        snprintf(speech->phase, sizeof speech->phase, "%s", phase);
        speech->said_us = now_us;
        printf("progress %s %.4f\n", phase, share < 0 ? 0 : share > 1 ? 1 : share);
        fflush(stdout);
    }
    pthread_mutex_unlock(&speech->lock);
}

/* Waits for an earlier trainer of the folder, which its server's end has told to end. */
static bool take_lock(const char *folder, int *ret_lock, struct err *err)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    *ret_lock = open(file_path(&path, folder, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buf_free(&path);
    if (*ret_lock < 0)
        return fail(err, E_INTERNAL, "the folder of the training cannot be written");
    while (flock(*ret_lock, LOCK_EX) != 0)
        if (errno != EINTR || atomic_load(&stopping))
            return fail(err, E_LOST_LEASE, "the training was stopped");
    return true;
}

static void listen_for_the_end(void)
{
    const struct sigaction end = { .sa_handler = on_signal };
    pthread_t watcher;
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    signal(SIGPIPE, SIG_IGN); /* the server's end shows on standard input */
    signal(SIGXFSZ, SIG_IGN);
    CHECK(pthread_create(&watcher, NULL, watch_input, NULL) == 0);
    pthread_detach(watcher);
}

static bool train(const char *folder, struct arena *arena, struct err *err)
{
    struct train_request request;
    struct speech speech = { .lock = PTHREAD_MUTEX_INITIALIZER };
    const struct train_run training = { folder, &stopping, say_progress, &speech };
    int lock = -1;
    if (!train_request_of(folder, arena, &request, err))
        return false;
    log_start((enum log_level)request.log_level, request.log_json);
    bool done = take_lock(folder, &lock, err) && train_run(&training, &request, err);
    log_stop();
    if (lock >= 0)
        close(lock);
    return done;
}

static enum status run(int argc, const char **argv)
{
    struct arena arena;
    struct err err;
    if (argc != 1) {
        fail(&err, E_CONFIG, "the folder of one training is expected");
        return command_failed(&command_train, &err);
    }
    if (setpriority(PRIO_PROCESS, 0, NICE) != 0)
        errno = 0; /* it then competes; that is no reason not to train */
    listen_for_the_end();
    arena_init(&arena);
    bool done = train(argv[0], &arena, &err);
    arena_free(&arena);
    if (done)
        return STATUS_DONE;
    printf("failed %s\n", err.text);
    fflush(stdout);
    return STATUS_FAILED;
}

const struct command command_train = {
    .name = "train",
    .summary = "train one model (the server runs this)",
    .help =
        "Usage: placard train FOLDER\n\n"
        "Trains what the request in the folder asks for and leaves the result there. The server starts it for each\n"
        "training and watches it; by hand it is of use only to repeat one, with standard input open. It runs with\n"
        "nice 10; SIGTERM stops it, and the same command goes on where it was.\n",
    .run = run,
};
