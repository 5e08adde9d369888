/* child: see child.h for the contract. */
#define _GNU_SOURCE /* pipe2 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

enum { NO_PROGRAM = 127 };

/* Between fork and exec only what is safe there; NO_PROGRAM says that exec found none. */
static void become(const char *const *argv, const char *folder, int said)
{
    int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(said, STDOUT_FILENO) < 0 ||
        dup2(said, STDERR_FILENO) < 0 || chdir(folder) != 0)
        _exit(NO_PROGRAM - 1);
    execvp(argv[0], (char *const *)argv);
    _exit(errno == ENOENT ? NO_PROGRAM : NO_PROGRAM - 1);
}

static void listen_to(int said, struct buf *ret_said)
{
    char part[4096];
    ssize_t got;
    while ((got = read(said, part, sizeof part)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            buf_add(ret_said, span_of(part, (size_t)got));
}

bool child_run(const char *const *argv, const char *folder, struct buf *ret_said, struct err *err)
{
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail(err, E_INTERNAL, "no pipe for %s: %s", argv[0], strerror(errno));
    pid_t pid = fork();
    if (pid == 0)
        become(argv, folder, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return fail(err, E_INTERNAL, "%s cannot be started: %s", argv[0], strerror(errno));
    }
    listen_to(ends[0], ret_said);
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0)
        CHECK(errno == EINTR);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
        return fail(err, E_NOT_FOUND, "there is no program %s", argv[0]);
    return WIFEXITED(status) ? fail(err, E_OBJECT, "%s ended with status %d", argv[0], WEXITSTATUS(status))
                             : fail(err, E_OBJECT, "%s was ended by signal %d", argv[0], WTERMSIG(status));
}
