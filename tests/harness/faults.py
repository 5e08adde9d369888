"""Ways to break a running server's surroundings, and to mend them."""
import contextlib
import resource


@contextlib.contextmanager
def no_space(server):
    """Inside, the server can write no byte to any file, as when the disk is full. Sockets go on.

    The bound is on the size of files (RLIMIT_FSIZE), which needs no rights and no file system of its own.
    """
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
