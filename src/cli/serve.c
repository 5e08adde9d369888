/*
 * serve: the server as a process: its configuration, its signals, its line for whoever waits for it, its end.
 *
 * Every thread but this one is made with the signals blocked; this one takes them one after the other with sigwait.
 */
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/server.h"
#include "work/limits.h"

enum { LINE_MAX_BYTES = 1024 };

/* SIGINT is left alone where whoever started us has us ignore it: the terminal's Ctrl-C is meant for them. */
static void block_signals(sigset_t *ret_set)
{
    struct sigaction interrupt;
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGHUP);
    if (sigaction(SIGINT, NULL, &interrupt) == 0 && interrupt.sa_handler != SIG_IGN)
        sigaddset(ret_set, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the write, like a full disk */
}

/* From here on SIGTERM and SIGINT end the process as they do by default. What is committed is safe. */
static void unblock_endings(const sigset_t *set)
{
    sigset_t endings = *set;
    sigdelset(&endings, SIGHUP);
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &endings, NULL);
}

static void announce(const struct server *server)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    buf_add_str(&line, "placard is ready on ");
    server_url(server, &line);
    buf_add_char(&line, '\n');
    if (command_print(&command_serve, buf_span(&line)) != STATUS_DONE)
        log_line(LOG_WARN, "nobody hears standard output; serving all the same");
    buf_free(&line);
}

static void serve_until_ended(struct server *server, const sigset_t *set)
{
    for (;;) {
        int number;
        if (sigwait(set, &number) != 0)
            continue;
        if (number == SIGHUP) {
            server_reload(server);
            continue;
        }
        log_line(LOG_INFO, "ending: requests under way are finished", LOG_S("signal", strsignal(number)));
        return;
    }
}

static enum status run(int argc, const char **argv)
{
    struct conf conf;
    struct err err;
    struct server *server;
    sigset_t signals;
    bool done = command_conf(&conf, NULL, &argc, argv, &err);
    if (done && argc > 0)
        done = conf_unknown_flag(argv[0], &err);
    if (done) {
        block_signals(&signals);
        log_start((enum log_level)conf.values.log_level, conf.values.log_format == CONF_LOG_JSON);
        done = server_start(&conf, &server, &err);
        if (done) {
            announce(server);
            serve_until_ended(server, &signals);
            unblock_endings(&signals);
            server_stop(server);
            log_line(LOG_INFO, "ended");
        }
        log_stop();
    }
    conf_free(&conf);
    return done ? STATUS_DONE : command_failed(&command_serve, &err);
}

static void more_help(struct buf *ret_text)
{
    conf_help(ret_text);
    buf_add_str(ret_text, "\nLimits, for --limit KEY=VALUE; the value none lifts one:\n");
    for (size_t i = 0; i < limit_row_count; i++)
        buf_addf(ret_text, "  %-18s %11lld  %s\n", limit_rows[i].name, (long long)limit_rows[i].value,
                 limit_rows[i].help);
    buf_add_str(ret_text,
                "\nSignals: SIGTERM and SIGINT finish what is under way and end with 0, a second one ends at once.\n"
                "SIGHUP reads the configuration file, the keys and the certificate anew.\n\n"
                "Examples:\n"
                "  placard serve\n"
                "  placard serve --data /var/lib/placard --listen 0.0.0.0:8790\n"
                "  placard serve --config /etc/placard/placard.conf --log-format json\n");
}

const struct command command_serve = {
    .name = "serve",
    .summary = "run the server",
    .help =
        "Usage: placard serve [FLAGS]\n\n"
        "Serves the API until it is told to end. Prints `placard is ready on URL` on standard output when it\n"
        "answers; its log goes to standard error. Every flag is also a variable (--pool-queue: PLACARD_POOL_QUEUE)\n"
        "and a line of the file of --config (pool-queue = N); a flag goes before a variable, a variable before the\n"
        "file.\n\n"
        "Flags:\n",
    .more_help = more_help,
    .run = run,
};
