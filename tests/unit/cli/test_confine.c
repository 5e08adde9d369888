/* What a confined process can do no more, and what it still can; each in a child, since there is no way back. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/confine.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern char **environ;

/* Each tries one thing; zero, or the errno. */
static int result(long code)
{
    return code < 0 ? errno : 0;
}

static int do_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(listen(fd, 1));
}

static int do_packets(void)
{
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int do_alg(void)
{
    return result(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int do_unshare(void)
{
    return result(unshare(CLONE_NEWUSER));
}

static int do_clone_user(void)
{
    return result(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static int do_mount(void)
{
    return result(mount("none", "/nowhere", "none", 0, NULL));
}

static int do_setuid(void)
{
    return result(syscall(SYS_setuid, 0));
}

static int do_chroot(void)
{
    return result(chroot("/"));
}

static int do_bpf(void)
{
    return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int do_keys(void)
{
    return result(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int do_uring(void)
{
    return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int do_terminal(void)
{
    char c = 'x';
    return result(syscall(SYS_ioctl, -1, 0x5412 /* TIOCSTI */, &c));
}

static int do_nothing_known(void)
{
    return result(syscall(1000));
}

static void *thread(void *said)
{
    *(bool *)said = true;
    return NULL;
}

static int do_thread(void)
{
    pthread_t id;
    bool said = false;
    int code = pthread_create(&id, NULL, thread, &said);
    return code ? code : pthread_join(id, NULL) ? EINVAL : said ? 0 : ECANCELED;
}

/* Runs a program to its end; zero, or the errno, or its exit status. */
static int spawn(char *const argv[])
{
    pid_t pid;
    int status = -1, code = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
    if (code == 0 && waitpid(pid, &status, 0) != pid)
        return errno;
    return code ? code : WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static int do_child(void)
{
    char path[] = "/bin/true";
    char *argv[] = { path, NULL };
    return spawn(argv);
}

static int do_files(void)
{
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    char bin[64];
    return fd < 0 ? errno : result(read(fd, bin, sizeof bin));
}

static int do_pipe(void)
{
    int ends[2];
    return result(pipe2(ends, O_CLOEXEC));
}

static const struct trial {
    const char *name;
    int (*act)(void);
    bool may;
} trials[] = {
    { "listen", do_listen, false },
    { "socket(AF_PACKET)", do_packets, false },
    { "socket(AF_ALG)", do_alg, false },
    { "unshare", do_unshare, false },
    { "clone(CLONE_NEWUSER)", do_clone_user, false },
    { "mount", do_mount, false },
    { "setuid", do_setuid, false },
    { "chroot", do_chroot, false },
    { "bpf", do_bpf, false },
    { "keyctl", do_keys, false },
    { "io_uring_setup", do_uring, false },
    { "ioctl(TIOCSTI)", do_terminal, false },
    { "a call of a newer kernel", do_nothing_known, false },
    { "a thread", do_thread, true },
    { "a child", do_child, true },
    { "files", do_files, true },
    { "a pipe", do_pipe, true },
};

/* The wait status of a child that confines itself and tries; its exit status is the errno. */
static int try_in_child(enum conf_seccomp how, int (*act)(void))
{
    pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        struct err err;
        if (!confine(how, &err)) {
            fprintf(stderr, "%s\n", err.text);
            _exit(255);
        }
        _exit(act());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trials); i++) {
        int status = try_in_child(CONF_SECCOMP_REFUSE, trials[i].act);
        int expected = trials[i].may ? 0 : ENOSYS;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
            fail_msg("%s: wait status %#x, expected the errno %d", trials[i].name, status, expected);
    }
}

static void test_killed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trials); i++) {
        int status = try_in_child(CONF_SECCOMP_KILL, trials[i].act);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (trials[i].may ? !done : !killed)
            fail_msg("%s: wait status %#x", trials[i].name, status);
    }
}

/* The measure of the two above: unconfined, what may be done is done, and a refusal is for another reason. Only trials
   without an effect: nothing holds back a test that runs as root. */
static void test_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(trials); i++)
        if (trials[i].may)
            assert_int_equal(try_in_child(CONF_SECCOMP_OFF, trials[i].act), 0);
    assert_int_equal(try_in_child(CONF_SECCOMP_OFF, do_listen), 0);
    assert_int_not_equal(WEXITSTATUS(try_in_child(CONF_SECCOMP_OFF, do_bpf)), ENOSYS);
}

/* clone3 hides its flags from filters: it must be "not there" rather than death, or no thread could begin. */
static int do_clone3(void)
{
    return result(syscall(SYS_clone3, NULL, 0));
}

static void test_clone3(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(try_in_child(CONF_SECCOMP_REFUSE, do_clone3)), ENOSYS);
    int status = try_in_child(CONF_SECCOMP_KILL, do_clone3);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ENOSYS);
}

/* Exec gives no privileges any more, and a child is confined as its parent is. */
static int do_inherit(void)
{
    char path[] = "/bin/sh", flag[] = "-c";
    char look[] = "grep -q '^NoNewPrivs:.1$' /proc/self/status && grep -q '^Seccomp:.2$' /proc/self/status";
    char *argv[] = { path, flag, look, NULL };
    return spawn(argv);
}

static void test_children_inherit(void **state)
{
    (void)state;
    assert_int_equal(try_in_child(CONF_SECCOMP_REFUSE, do_inherit), 0);
    assert_int_not_equal(try_in_child(CONF_SECCOMP_OFF, do_inherit), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_killed),           cmocka_unit_test(test_off),
        cmocka_unit_test(test_clone3),  cmocka_unit_test(test_children_inherit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
