/*
 * The sweep: every scene is played again and again, and each time another call of the engine or the object store goes
 * wrong: the first, the second … until one play needs no more calls. What is asked:
 *
 *     fail      the call is refused (E_STORE or E_INTERNAL, the client's InternalServerError) and changed nothing, or
 *               was heard and is whole; a job is tried again and gets there
 *     delay     nothing changes
 *     kill      the process ends there; after the next start the call's effect is whole or absent, and whole if it was
 *               answered
 *     lasting   one kind of call of the job fails each time for a while: afterwards the job is done, or was given up
 *               with SERVICE_ERROR and left everything as it was
 *
 * After each play all counters are recounted. `test_sweep MODE [SCENE]` runs one of the four.
 */
#include "scene.h" /* before cmocka.h, which has a macro called fail */

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/db.h"

enum { DELAY_US = 30000, KILLED = 77, DIGEST_MAX = 1 << 20, KINDS_MAX = 256, LASTING_US = 300000, GIVEN_UP_AFTER = 9 };

enum mode { FAIL, DELAY, KILL, LASTING };

/* The fault in force, read by every thread of the scene. The hooks stay where main hangs them. */
static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool laid;
    enum mode mode;
    unsigned nth;     /* which call, from 1; 0: none */
    const char *what; /* LASTING: calls of this text, whichever */
    bool collects;    /* breaks nothing and keeps the texts of all calls */
    unsigned calls, fired;
} plan;

/* Who only watches. */
static _Thread_local bool exempt;

static const char *kinds[KINDS_MAX];
static unsigned kind_count;

static void collect_kind(const char *what)
{
    unsigned i = 0;
    while (i < kind_count && strcmp(kinds[i], what) != 0)
        i++;
    CHECK(i < KINDS_MAX);
    kinds[i] = what;
    kind_count += i == kind_count;
}

/* Whether this call is to go wrong. Under the lock. */
static bool is_meant(const char *what)
{
    if (!plan.laid)
        return false;
    if (plan.collects) {
        collect_kind(what);
        return false;
    }
    if (plan.mode == LASTING)
        return plan.what && strcmp(plan.what, what) == 0;
    return ++plan.calls == plan.nth;
}

static bool on_call(const char *what)
{
    if (exempt)
        return false;
    pthread_mutex_lock(&plan_lock);
    bool meant = is_meant(what);
    enum mode mode = plan.mode;
    plan.fired += meant;
    pthread_mutex_unlock(&plan_lock);
    if (meant && mode == DELAY)
        usleep(DELAY_US);
    if (meant && mode == KILL)
        _exit(KILLED);
    return meant && mode != DELAY;
}

static bool on_db(void *ctx, enum db_call call, const char *what)
{
    static const char *const names[] = { "begin", "", "commit", "committed", "checkpoint" };
    (void)ctx;
    return on_call(call == DB_CALL_STEP ? what : names[call]);
}

static bool on_object(void *ctx, enum object_call call, struct object_name name)
{
    static const char *const names[] = { "stat", "open", "read", "put", "bucket" };
    (void)ctx, (void)name;
    return on_call(names[call]);
}

static void lay(enum mode mode, unsigned nth, const char *what)
{
    pthread_mutex_lock(&plan_lock);
    plan.laid = true;
    plan.mode = mode;
    plan.nth = nth;
    plan.what = what;
    plan.collects = false;
    plan.calls = plan.fired = 0;
    pthread_mutex_unlock(&plan_lock);
}

static void collect_from_here(void)
{
    pthread_mutex_lock(&plan_lock);
    plan.laid = plan.collects = true;
    kind_count = 0;
    pthread_mutex_unlock(&plan_lock);
}

/* How often it has happened so far. */
static unsigned fired(void)
{
    pthread_mutex_lock(&plan_lock);
    unsigned count = plan.fired;
    pthread_mutex_unlock(&plan_lock);
    return count;
}

static unsigned lift(void)
{
    pthread_mutex_lock(&plan_lock);
    plan.laid = false;
    unsigned count = plan.fired;
    pthread_mutex_unlock(&plan_lock);
    return count;
}

static bool settles(struct set *set)
{
    exempt = true;
    bool done = set_settles(set);
    exempt = false;
    return done;
}

struct expected {
    struct buf before, after, content; /* before, but for statuses */
};

static struct set set;
static struct expected expected;

static struct buf digest(bool statuses)
{
    struct buf text;
    buf_init(&text, DIGEST_MAX);
    set_digest(&set, statuses, &text);
    return text;
}

static bool same(const struct buf *a, const struct buf *b)
{
    return span_eq(buf_span(a), buf_span(b));
}

/* What the scene does when nothing goes wrong. */
static void expect(const struct scene *scene)
{
    struct err err;
    set_enter(&set, false);
    expected.before = digest(true);
    expected.content = digest(false);
    assert_true(scene->act(&set, &err));
    assert_true(settles(&set));
    expected.after = digest(true);
    set_leave(&set);
    assert_true(set_agrees(&set));
    assert_false(same(&expected.before, &expected.after));
}

static void forget_expected(void)
{
    buf_free(&expected.before);
    buf_free(&expected.after);
    buf_free(&expected.content);
}

static void assert_seen(const struct scene *scene, const struct buf *want, unsigned nth)
{
    struct buf seen = digest(true);
    if (!same(&seen, want)) {
        printf("expected\n%.*s\nseen\n%.*s", (int)want->len, want->ptr, (int)seen.len, seen.ptr);
        fail_msg("%s, call %u: see above", scene->name, nth);
    }
    buf_free(&seen);
}

/* One call goes wrong in this process. False: the play needed fewer calls. */
static bool play(const struct scene *scene, enum mode mode, unsigned nth)
{
    struct err err = { E_OK, "" };
    set_enter(&set, false);
    lay(mode, nth, NULL);
    bool done = scene->act(&set, &err);
    bool settled = settles(&set);
    bool met = lift() > 0;
    if (!settled)
        fail_msg("%s, call %u: a job is stuck", scene->name, nth);
    if (!done) {
        assert_int_equal(mode, FAIL);
        assert_true(err.code == E_STORE || err.code == E_INTERNAL);
    }
    assert_seen(scene, done ? &expected.after : &expected.before, nth);
    set_leave(&set);
    assert_true(set_agrees(&set));
    return met;
}

/* The same in a child that dies there. */
static bool play_to_the_death(const struct scene *scene, unsigned nth)
{
    int answer[2];
    assert_int_equal(pipe(answer), 0);
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        set_enter(&set, false);
        lay(KILL, nth, NULL);
        bool done = scene->act(&set, &err) && write(answer[1], "!", 1) == 1;
        _exit(done && settles(&set) ? 0 : 1);
    }
    assert_true(child > 0);
    close(answer[1]);
    char heard = 0;
    bool answered = read(answer[0], &heard, 1) == 1;
    close(answer[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == KILLED || WEXITSTATUS(status) == 0));
    set_enter(&set, true);
    assert_true(settles(&set));
    struct buf seen = digest(true);
    bool absent = !answered && same(&seen, &expected.before);
    buf_free(&seen);
    if (!absent)
        assert_seen(scene, &expected.after, nth);
    set_leave(&set);
    assert_true(set_agrees(&set));
    return WEXITSTATUS(status) == KILLED;
}

static void sweep(const struct scene *scene, enum mode mode)
{
    unsigned nth = 1;
    expect(scene);
    while (mode == KILL ? play_to_the_death(scene, nth) : play(scene, mode, nth))
        nth++;
    print_message("%s: %u calls\n", scene->name, nth - 1);
    assert_true(nth > 4);
    forget_expected();
}

/* Which texts the job's calls have. The job may run before the call returns, so the plan is laid before it. */
static void collect(const struct scene *scene)
{
    struct err err;
    set_enter(&set, false);
    collect_from_here();
    exempt = true;
    assert_true(scene->act(&set, &err));
    exempt = false;
    assert_true(settles(&set));
    lift();
    set_leave(&set);
}

/* True when the job was given up. */
static bool play_lasting(const struct scene *scene, unsigned kind)
{
    struct err err;
    set_enter(&set, false);
    lay(LASTING, 0, kinds[kind]);
    exempt = true;
    assert_true(scene->act(&set, &err));
    exempt = false;
    runner_wake(set.runner);
    for (unsigned waited = 0; waited < LASTING_US && fired() < GIVEN_UP_AFTER; waited += 1000)
        usleep(1000);
    lift();
    if (!settles(&set))
        fail_msg("%s, %s: a job is stuck", scene->name, kinds[kind]);
    struct buf seen = digest(true), content = digest(false);
    bool given_up = span_contains(buf_span(&seen), SPAN_LIT("SERVICE_ERROR"));
    if (given_up ? !same(&content, &expected.content) : !same(&seen, &expected.after)) {
        printf("seen\n%.*s", (int)seen.len, seen.ptr);
        fail_msg("%s, %s: see above", scene->name, kinds[kind]);
    }
    buf_free(&seen);
    buf_free(&content);
    set_leave(&set);
    assert_true(set_agrees(&set));
    return given_up;
}

static void lasting(const struct scene *scene)
{
    unsigned given_up = 0;
    expect(scene);
    collect(scene);
    for (unsigned kind = 0; kind < kind_count; kind++)
        given_up += play_lasting(scene, kind);
    print_message("%s: %u kinds of call, %u ended in SERVICE_ERROR\n", scene->name, kind_count, given_up);
    assert_true(scene->insists ? given_up == 0 : given_up > 0);
    forget_expected();
}

static enum mode chosen;

static void run_scene(void **state)
{
    const struct scene *scene = *state;
    set.runs = scene->runs;
    if (chosen == LASTING)
        lasting(scene);
    else
        sweep(scene, chosen);
}

/* Every fault leaves a line in the log, thousands of them: descriptor 2 leads nowhere, stderr where it led before. */
static void quiet_log(void)
{
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    FILE *was = fdopen(dup(STDERR_FILENO), "w");
    CHECK(was && dup2(nothing, STDERR_FILENO) == STDERR_FILENO);
    setvbuf(was, NULL, _IONBF, 0);
    stderr = was;
}

int main(int argc, char **argv)
{
    static const char *const modes[] = { "fail", "delay", "kill", "lasting" };
    struct CMUnitTest tests[32];
    size_t count = 0;
    chosen = FAIL;
    while (argc >= 2 && chosen < LASTING && strcmp(argv[1], modes[chosen]) != 0)
        chosen++;
    for (size_t i = 0; i < scene_count; i++)
        if ((chosen != LASTING || scenes[i].has_job) && (argc < 3 || strcmp(argv[2], scenes[i].name) == 0))
            tests[count++] =
                (struct CMUnitTest){ scenes[i].name, run_scene, NULL, NULL, (void *)(uintptr_t)&scenes[i] };
    if (!getenv("SWEEP_LOG"))
        quiet_log();
    db_set_fault(on_db, NULL);
    object_set_fault(on_object, NULL);
    set_make(&set);
    int failed = _cmocka_run_group_tests(modes[chosen], tests, count, NULL, NULL);
    set_remove(&set);
    return failed;
}
