/*
 * placard: a self-hosted server that speaks Amazon Rekognition Custom Labels, and its tools. The table of subcommands,
 * their help, and the only place that turns an outcome into an exit status: 0 done, 1 failed, 2 asked wrongly.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/nearest.h"
#include "cli/command.h"

enum { HELP_MAX = 1024 * 1024 };

static const struct command *const commands[] = {
    &command_serve,         &command_keys,         &command_buckets,      &command_jobs,
    &command_rejected,      &command_fsck,         &command_backup,       &command_restore,
    &command_migrate_store, &command_check_config, &command_print_config, &command_dump_model,
    &command_backbone,      &command_train,        &command_call,         &command_version,
};

static void general_help(struct buf *out)
{
    buf_add_str(out, "placard is a self-hosted server for the Amazon Rekognition Custom Labels API.\n\n"
                     "Usage: placard COMMAND [ARGUMENTS]\n\n");
    for (unsigned i = 0; i < COUNT_OF(commands); i++)
        buf_addf(out, "  %-14s %s\n", commands[i]->name, commands[i]->summary);
    buf_add_str(out, "\n`placard COMMAND --help` says more and shows examples. The exit status is 0 when it is done,\n"
                     "1 when it failed, 2 when it was asked wrongly.\n");
}

static void command_help(const struct command *command, struct buf *out)
{
    buf_add_str(out, command->help);
    if (command->more_help)
        command->more_help(out);
}

static int print_help(const struct command *command)
{
    struct buf text;
    buf_init(&text, HELP_MAX);
    if (command)
        command_help(command, &text);
    else
        general_help(&text);
    bool done = fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    buf_free(&text);
    return done ? STATUS_DONE : STATUS_FAILED;
}

static const struct command *command_named(const char *name)
{
    for (unsigned i = 0; i < COUNT_OF(commands); i++)
        if (span_is(span_str(name), commands[i]->name))
            return commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    struct nearest nearest = nearest_to(span_str(name));
    for (unsigned i = 0; i < COUNT_OF(commands); i++)
        nearest_offer(&nearest, commands[i]->name);
    if (nearest.best)
        fprintf(stderr, "placard: there is no command `%s`; did you mean `%s`?\n", name, nearest.best);
    else
        fprintf(stderr, "placard: there is no command `%s`; `placard --help` lists them.\n", name);
    return STATUS_USAGE;
}

static bool is_help(const char *word)
{
    return span_is(span_str(word), "--help") || span_is(span_str(word), "-h");
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && !span_is(span_str(argv[i]), "--"); i++)
        if (is_help(argv[i]))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    umask(S_IRWXG | S_IRWXO); /* whatever we make holds keys or images: nobody else's business */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fputs("placard: a command is missing; `placard --help` lists them.\n", stderr);
        return STATUS_USAGE;
    }
    const char *name = argv[1];
    if (is_help(name) || span_is(span_str(name), "help"))
        return print_help(argc > 2 ? command_named(argv[2]) : NULL);
    if (span_is(span_str(name), "--version"))
        name = "version";
    const struct command *command = command_named(name);
    if (!command)
        return unknown_command(name);
    if (wants_help(argc - 2, argv + 2))
        return print_help(command);
    return (int)command->run(argc - 2, (const char **)argv + 2);
}
