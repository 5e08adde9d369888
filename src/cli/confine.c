/* confine: see confine.h for the contract. */
#include "cli/confine.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* glibc may use any call of a family for the function of another; a family is whole, old and new calls. */
static const char *const allowed[] = {
    /* memory; code is mapped by the loader of a child and by libraries that compile at run time */
    "brk",
    "madvise",
    "mmap",
    "mmap2",
    "mprotect",
    "mremap",
    "munmap",
    /* threads, clone aside */
    "arch_prctl",
    "exit",
    "exit_group",
    "futex",
    "futex_time64",
    "futex_waitv",
    "get_robust_list",
    "getcpu",
    "gettid",
    "membarrier",
    "restart_syscall",
    "rseq",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_setaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    /* signals */
    "kill",
    "pause",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo",
    "sigaltstack",
    "tgkill",
    "tkill",
    /* time */
    "clock_getres",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "gettimeofday",
    "nanosleep",
    "time",
    "times",
    /* files */
    "access",
    "chmod",
    "close",
    "close_range",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fadvise64_64",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fcntl",
    "fcntl64",
    "fdatasync",
    "flock",
    "fstat",
    "fstat64",
    "fstatat64",
    "fstatfs",
    "fstatfs64",
    "fsync",
    "ftruncate",
    "ftruncate64",
    "getcwd",
    "getdents",
    "getdents64",
    "link",
    "linkat",
    "lseek",
    "lstat",
    "lstat64",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readlink",
    "readlinkat",
    "readv",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "stat",
    "stat64",
    "statfs",
    "statfs64",
    "statx",
    "sync_file_range",
    "umask",
    "unlink",
    "unlinkat",
    "utimensat",
    "write",
    "writev",
    /* who and where we are */
    "getegid",
    "geteuid",
    "getgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getrlimit",
    "getrusage",
    "getuid",
    "prlimit64",
    "setpriority",
    "setrlimit",
    "sysinfo",
    "ugetrlimit",
    "uname",
    /* sockets, but for listening */
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendfile",
    "sendfile64",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socketpair",
    /* waiting */
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd",
    "eventfd2",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "ppoll_time64",
    "pselect6",
    "select",
    /* children: training runs in one, started by posix_spawn from the server's own program */
    "execve",
    "fork",
    "pidfd_open",
    "pidfd_send_signal",
    "setpgid",
    "vfork",
    "wait4",
    "waitid",
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    /* the sanitizers look at all threads before the end */
    "personality",
    "process_vm_readv",
    "ptrace",
#endif
};

static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };
static const unsigned long requests[] = { FIONBIO, FIONREAD, FIOCLEX, TCGETS, TIOCGWINSZ };
static const int process_options[] = { PR_SET_NAME,         PR_GET_NAME,
                                       PR_SET_PDEATHSIG,    PR_SET_DUMPABLE,
                                       PR_GET_DUMPABLE,     PR_SET_TIMERSLACK,
                                       PR_SET_NO_NEW_PRIVS, 0x53564d41 /* PR_SET_VMA: glibc names what it maps */,
                                       0x59616d61 /* PR_SET_PTRACER: the sanitizers */ };

#define NAMESPACES                                                                                                     \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Adds a rule; a call that this architecture or this libseccomp does not know needs none. */
static int allow(scmp_filter_ctx filter, const char *name, unsigned count, struct scmp_arg_cmp condition)
{
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR)
        return 0;
    int code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, count, &condition);
    return code == -EDOM ? 0 : code;
}

static int fill(scmp_filter_ctx filter, bool kill)
{
    const struct scmp_arg_cmp none = { .arg = 0 };
    int code = 0;
    for (size_t i = 0; code == 0 && i < COUNT_OF(allowed); i++)
        code = allow(filter, allowed[i], 0, none);
    for (size_t i = 0; code == 0 && i < COUNT_OF(families); i++)
        code = allow(filter, "socket", 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    for (size_t i = 0; code == 0 && i < COUNT_OF(requests); i++)
        code = allow(filter, "ioctl", 1, SCMP_A1(SCMP_CMP_EQ, requests[i]));
    for (size_t i = 0; code == 0 && i < COUNT_OF(process_options); i++)
        code = allow(filter, "prctl", 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)process_options[i]));
    if (code == 0)
        code = allow(filter, "clone", 1, SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
    /* clone3 has its flags in memory, where no filter sees them: glibc falls back to clone when it is not there. */
    if (code == 0 && kill)
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return code;
}

bool confine(enum conf_seccomp how, struct err *err)
{
    if (how == CONF_SECCOMP_OFF)
        return true;
    bool kill = how == CONF_SECCOMP_KILL;
    scmp_filter_ctx filter = seccomp_init(kill ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    int code = filter ? 0 : -ENOMEM;
    if (code == 0) /* threads that run already */
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (code == 0) /* a filter alone is no reason to slow down every branch: nothing untrusted runs in this process */
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    if (code == 0) /* a tree of comparisons and not a list of two hundred */
        code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (code == 0)
        code = fill(filter, kill);
    if (code == 0)
        code = seccomp_load(filter);
    if (filter)
        seccomp_release(filter);
    return code == 0 || fail(err, E_CONFIG,
                             "the filter of system calls cannot be set up: %s; start with --seccomp off where the "
                             "kernel or the sandbox around placard does not give seccomp",
                             strerror(-code));
}
