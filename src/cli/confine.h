/*
 * confine: the server gives up every system call that it has no use for (seccomp, an allow-list), for all its threads
 * and all it will ever start, and with it any gain of privileges by exec. Done once, when everything is open and before
 * the first request is let in; there is no way back.
 *
 * What is not on the list fails with ENOSYS, as it would on an older kernel, so that a newer C library falls back and
 * goes on; with CONF_SECCOMP_KILL the whole process is killed instead, which is how the test suite runs, and the
 * kernel's log names the number of the call.
 *
 * A child that the server starts (posix_spawn of its own program, say) runs under the same list: it may start threads,
 * map code, read files, write files, wait for children and signal them. It may not listen; nor may it, or the server,
 * trace, mount, load modules, change users, make namespaces or keyrings, or speak other socket families than UNIX,
 * IPv4, IPv6 and netlink (which the resolver asks for addresses). Exec itself is allowed and its target cannot be
 * judged here: packaging/placard.service says which files may be executed. Who needs a call more adds it to the table
 * in confine.c, beside the reason.
 */
#ifndef PLACARD_CLI_CONFINE_H
#define PLACARD_CLI_CONFINE_H

#include "base/conf.h"
#include "base/err.h"

/* E_CONFIG when the kernel, or the sandbox around us, takes no filter. With CONF_SECCOMP_OFF nothing is done. */
bool confine(enum conf_seccomp how, struct err *err) MUST_CHECK;

#endif
