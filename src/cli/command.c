/* command: see command.h for the contract. */
#define _GNU_SOURCE /* environ */
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/nearest.h"

enum status command_failed(const struct command *command, const struct err *err)
{
    fprintf(stderr, "placard %s: %s\n", command->name, err->text);
    return err->code == E_CONFIG ? STATUS_USAGE : STATUS_FAILED;
}

enum status command_print(const struct command *command, struct span text)
{
    while (text.len > 0) {
        ssize_t wrote = write(STDOUT_FILENO, text.ptr, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            fprintf(stderr, "placard %s: standard output cannot be written: %s\n", command->name, strerror(errno));
            return STATUS_FAILED;
        }
        text = span_from(text, (size_t)wrote);
    }
    return STATUS_DONE;
}

static bool unknown_flag(const struct flag *flags, size_t count, struct span name, struct err *err)
{
    struct nearest nearest = nearest_to(name);
    for (size_t i = 0; i < count; i++)
        nearest_offer(&nearest, flags[i].name);
    return fail(err, E_CONFIG, "there is no flag " SPAN_FMT "%s%s%s", SPAN_ARG(name),
                nearest.best ? "; did you mean " : " here; see --help", nearest.best ? nearest.best : "",
                nearest.best ? "?" : "");
}

static const struct flag *flag_named(const struct flag *flags, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(name, flags[i].name))
            return &flags[i];
    return NULL;
}

/* Takes the flag at argv[*at]; `*at` ends on its last word. */
static bool take_flag(const struct flag *flags, size_t count, int argc, const char **argv, int *at, struct err *err)
{
    struct span value = span_str(argv[*at]);
    struct span name = span_cut(&value, '=');
    const struct flag *flag = flag_named(flags, count, name);
    if (!flag)
        return unknown_flag(flags, count, name, err);
    if (flag->ret_seen) {
        if (value.ptr)
            return fail(err, E_CONFIG, "%s takes no value", flag->name);
        *flag->ret_seen = true;
        return true;
    }
    if (*flag->ret_text)
        return fail(err, E_CONFIG, "%s is given twice", flag->name);
    if (!value.ptr) {
        if (*at + 1 >= argc)
            return fail(err, E_CONFIG, "%s: a value is missing", flag->name);
        value = span_str(argv[++*at]);
    }
    *flag->ret_text = value.ptr; /* ends where the word ends */
    return true;
}

bool command_flags(const struct flag *flags, size_t count, int *argc, const char **argv, struct err *err)
{
    int kept = 0;
    bool flags_over = false;
    for (int i = 0; i < *argc; i++) {
        struct span word = span_str(argv[i]);
        if (!flags_over && span_is(word, "--"))
            flags_over = true;
        else if (flags_over || word.len < 2 || word.ptr[0] != '-')
            argv[kept++] = argv[i];
        else if (!take_flag(flags, count, *argc, argv, &i, err))
            return false;
    }
    *argc = kept;
    return true;
}

int command_verb(const char *const *verbs, size_t count, int argc, const char **argv, struct err *err)
{
    struct buf list;
    struct nearest nearest = nearest_to(span_str(argc > 0 ? argv[0] : ""));
    for (size_t i = 0; i < count; i++) {
        if (argc > 0 && span_is(nearest.given, verbs[i]))
            return (int)i;
        nearest_offer(&nearest, verbs[i]);
    }
    buf_init(&list, 256);
    for (size_t i = 0; i < count; i++)
        buf_addf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", verbs[i]);
    if (argc == 0)
        fail(err, E_CONFIG, "say what to do: %s", buf_cstr(&list));
    else if (nearest.best)
        fail(err, E_CONFIG, "there is no `%s` here; did you mean `%s`?", argv[0], nearest.best);
    else
        fail(err, E_CONFIG, "there is no `%s` here; say %s", argv[0], buf_cstr(&list));
    buf_free(&list);
    return -1;
}

bool command_conf(struct conf *conf, const char *const *only, int *argc, const char **argv, struct err *err)
{
    conf_init(conf);
    return conf_take_flags(conf, only, argc, argv, err) && conf_load(conf, (const char *const *)environ, err);
}
