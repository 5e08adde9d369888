/* conf: see conf.h for the contract. The sources: flags, variables, the file. */
#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf_value.h"
#include "base/nearest.h"

enum { FILE_BYTES_MAX = 1024 * 1024, TEXT_MAX = 1024 * 1024, HELP_INDENT = 8, HELP_COLUMNS = 100 };

static const struct span config_name = { "config", 6 };

static const struct conf_row *row_named(struct span name)
{
    for (unsigned i = 0; i < CONF_ROWS; i++)
        if (span_is(name, conf_rows[i].name))
            return &conf_rows[i];
    return NULL;
}

static const char *hint_for(struct span name)
{
    struct nearest nearest = nearest_to(name);
    for (unsigned i = 0; i < CONF_ROWS; i++)
        nearest_offer(&nearest, conf_rows[i].name);
    return nearest.best;
}

static bool set_default(struct conf_values *values, const struct conf_row *row)
{
    struct err err;
    bool done = conf_value_set(values, row, span_str(row->fallback), false, &err);
    CHECK(done); /* the table's own default */
    return done;
}

void conf_init(struct conf *conf)
{
    *conf = (struct conf){ .file = NULL };
    for (unsigned i = 0; i < CONF_ROWS; i++)
        set_default(&conf->values, &conf_rows[i]);
}

void conf_free(struct conf *conf)
{
    for (unsigned i = 0; i < CONF_ROWS; i++)
        conf_value_clear(&conf->values, &conf_rows[i]);
    conf_list_clear(&conf->flags);
    conf_list_clear(&conf->environment);
    free(conf->file);
    conf->file = NULL;
}

static void keep_setting(struct conf_list *list, struct span name, struct span value)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_add(&text, name);
    buf_add_char(&text, '=');
    buf_add(&text, value);
    conf_list_add(list, buf_span(&text));
    buf_free(&text);
}

static void keep_file(struct conf *conf, struct span path)
{
    free(conf->file);
    conf->file = mem_dup(path.ptr, path.len);
}

static bool wanted(const char *const *only, struct span name)
{
    for (unsigned i = 0; only && only[i]; i++)
        if (span_is(name, only[i]))
            return true;
    return !only;
}

bool conf_take_flags(struct conf *conf, const char *const *only, int *argc, const char **argv, struct err *err)
{
    int kept = 0;
    bool flags_over = false;
    for (int i = 0; i < *argc; i++) {
        struct span rest = span_str(argv[i]);
        flags_over = flags_over || span_is(rest, "--");
        if (flags_over || !span_starts(rest, SPAN_LIT("--"))) {
            argv[kept++] = argv[i];
            continue;
        }
        rest = span_from(rest, 2);
        struct span name = span_cut(&rest, '=');
        bool is_config = span_eq(name, config_name);
        if (!is_config && (!row_named(name) || !wanted(only, name))) {
            argv[kept++] = argv[i];
            continue;
        }
        if (!rest.ptr) {
            if (i + 1 >= *argc)
                return fail(err, E_CONFIG, "--" SPAN_FMT ": a value is missing", SPAN_ARG(name));
            rest = span_str(argv[++i]);
        }
        if (is_config)
            keep_file(conf, rest);
        else
            keep_setting(&conf->flags, name, rest);
    }
    *argc = kept;
    return true;
}

/* A problem with a value, put behind where the value stands. */
static bool misplaced(struct err *err, const char *where, const struct err *problem)
{
    return fail(err, E_CONFIG, "%s: %s", where, problem->text);
}

static bool apply_one(struct conf *conf, enum conf_source source, const struct conf_row *row, struct span value,
                      struct err *err)
{
    enum conf_source *had = &conf->sources[row - conf_rows];
    if (!conf_value_set(&conf->values, row, value, *had == source, err))
        return false;
    *had = source;
    return true;
}

static void variable_name(const struct conf_row *row, char ret_name[NEAREST_NAME_MAX])
{
    struct buf name;
    buf_init(&name, NEAREST_NAME_MAX - 1);
    buf_add_str(&name, "PLACARD_");
    for (const char *c = row->name; *c; c++)
        buf_add_char(&name, *c == '-' ? '_' : (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
    memcpy(ret_name, buf_cstr(&name), name.len + 1);
    buf_free(&name);
}

/* Keeps NAME=VALUE of the rows that have a variable, so that a reload sees the same ones. */
static void keep_environment(struct conf *conf, const char *const *environment)
{
    char variable[NEAREST_NAME_MAX];
    for (; environment && *environment; environment++) {
        struct span value = span_str(*environment);
        struct span name = span_cut(&value, '=');
        if (!value.ptr || !span_starts(name, SPAN_LIT("PLACARD_")))
            continue;
        if (span_is(name, "PLACARD_CONFIG") && !conf->file && value.len > 0)
            keep_file(conf, value);
        for (unsigned i = 0; i < CONF_ROWS; i++) {
            variable_name(&conf_rows[i], variable);
            if (span_is(name, variable))
                keep_setting(&conf->environment, span_str(conf_rows[i].name), value);
        }
    }
}

static bool apply_kept(struct conf *conf, enum conf_source source, const struct conf_list *kept, struct err *err)
{
    struct err problem;
    char variable[NEAREST_NAME_MAX];
    for (size_t i = 0; i < kept->count; i++) {
        struct span value = span_str(kept->items[i]);
        const struct conf_row *row = row_named(span_cut(&value, '='));
        CHECK(row); /* only rows are kept */
        if (apply_one(conf, source, row, value, &problem))
            continue;
        if (source == CONF_FLAG)
            return fail(err, E_CONFIG, "--%s: %s", row->name, problem.text);
        variable_name(row, variable);
        return misplaced(err, variable, &problem);
    }
    return true;
}

/* A value of the file; where it is refused, the sentence begins with the setting's name. */
static bool apply_value(struct conf *conf, const struct conf_row *row, struct span value, struct err *err)
{
    struct err problem;
    return apply_one(conf, CONF_FILE, row, value, &problem) || fail(err, E_CONFIG, "%s: %s", row->name, problem.text);
}

/* `name = value` or `name = "value"`; of pairs also `name.KEY = VALUE`. */
static bool apply_line(struct conf *conf, struct span line, struct err *err)
{
    struct span value = line;
    struct span name = span_trim(span_cut(&value, '='));
    if (!value.ptr || name.len == 0)
        return fail(err, E_CONFIG, "this is not `key = value`");
    value = span_trim(value);
    if (span_starts(value, SPAN_LIT("\""))) {
        if (value.len < 2 || !span_ends(value, SPAN_LIT("\"")))
            return fail(err, E_CONFIG, "the closing quote is missing at the end of the line");
        value = span_of(value.ptr + 1, value.len - 2);
    }
    const struct conf_row *row = row_named(name);
    if (row)
        return apply_value(conf, row, value, err);
    struct span key = name;
    row = row_named(span_cut(&key, '.'));
    if (row && row->kind == CONF_PAIRS && key.ptr) {
        struct buf pair;
        buf_init(&pair, TEXT_MAX);
        buf_addf(&pair, SPAN_FMT "=" SPAN_FMT, SPAN_ARG(key), SPAN_ARG(value));
        bool done = apply_value(conf, row, buf_span(&pair), err);
        buf_free(&pair);
        return done;
    }
    const char *hint = hint_for(name);
    return fail(err, E_CONFIG, "there is no setting `" SPAN_FMT "`%s%s%s", SPAN_ARG(name),
                hint ? "; did you mean `" : "; `placard print-config` shows all", hint ? hint : "", hint ? "`?" : "");
}

/* What stands before a # that opens the line or follows a blank; of a line whose value is in quotes, all of it. */
static struct span without_comment(struct span line)
{
    bool valued = false;
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '#' && (i == 0 || line.ptr[i - 1] == ' ' || line.ptr[i - 1] == '\t'))
            return span_first(line, i);
        if (line.ptr[i] == '=' && !valued && span_starts(span_trim(span_from(line, i + 1)), SPAN_LIT("\"")))
            return line;
        valued = valued || line.ptr[i] == '=';
    }
    return line;
}

static bool read_file(const char *path, struct buf *ret_text, struct err *err)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) != 0) {
        fail(err, E_CONFIG, "The configuration file %s cannot be read: %s.", path, strerror(errno));
        goto failed;
    }
    if (!S_ISREG(info.st_mode) || info.st_size > FILE_BYTES_MAX) {
        fail(err, E_CONFIG, "%s is not a configuration file: it is %s.", path,
             S_ISREG(info.st_mode) ? "over 1 MiB" : "not a regular file");
        goto failed;
    }
    while (buf_reserve(ret_text, 4096)) {
        ssize_t got = read(file, ret_text->ptr + ret_text->len, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            fail(err, E_CONFIG, "The configuration file %s cannot be read: %s.", path, strerror(errno));
            goto failed;
        }
        if (got == 0)
            break;
        ret_text->len += (size_t)got;
    }
    close(file);
    return true;
failed:
    if (file >= 0)
        close(file);
    return false;
}

static bool apply_file(struct conf *conf, struct err *err)
{
    struct buf text;
    struct err problem;
    unsigned number = 0;
    bool done = false;
    if (!conf->file)
        return true;
    buf_init(&text, FILE_BYTES_MAX + 4096);
    if (!read_file(conf->file, &text, err))
        goto out;
    struct span rest = buf_span(&text);
    while (rest.ptr) {
        struct span line = span_cut(&rest, '\n');
        number++;
        if (span_ends(line, SPAN_LIT("\r")))
            line.len--;
        line = span_trim(without_comment(line));
        if (line.len > 0 && !apply_line(conf, line, &problem)) {
            fail(err, E_CONFIG, "%s, line %u: %s", conf->file, number, problem.text);
            goto out;
        }
    }
    done = true;
out:
    buf_free(&text);
    return done;
}

static bool apply_all(struct conf *conf, struct err *err)
{
    return apply_file(conf, err) && apply_kept(conf, CONF_ENVIRONMENT, &conf->environment, err) &&
           apply_kept(conf, CONF_FLAG, &conf->flags, err);
}

bool conf_load(struct conf *conf, const char *const *environment, struct err *err)
{
    keep_environment(conf, environment);
    return apply_all(conf, err);
}

static void copy_list(struct conf_list *to, const struct conf_list *from)
{
    for (size_t i = 0; i < from->count; i++)
        conf_list_add(to, span_str(from->items[i]));
}

static bool same_value(const struct conf_values *a, const struct conf_values *b, const struct conf_row *row)
{
    struct buf text_a, text_b;
    buf_init(&text_a, TEXT_MAX);
    buf_init(&text_b, TEXT_MAX);
    conf_value_text(a, row, &text_a);
    conf_value_text(b, row, &text_b);
    bool same = span_eq(buf_span(&text_a), buf_span(&text_b));
    buf_free(&text_a);
    buf_free(&text_b);
    return same;
}

bool conf_reload(struct conf *conf, struct buf *ret_notes, struct err *err)
{
    struct conf next;
    conf_init(&next);
    copy_list(&next.flags, &conf->flags);
    copy_list(&next.environment, &conf->environment);
    next.file = conf->file ? mem_dup(conf->file, strlen(conf->file)) : NULL;
    bool done = apply_all(&next, err);
    for (unsigned i = 0; done && i < CONF_ROWS; i++) {
        const struct conf_row *row = &conf_rows[i];
        if (same_value(&conf->values, &next.values, row))
            continue;
        if (row->reload) {
            conf_value_move(&conf->values, &next.values, row);
            conf->sources[i] = next.sources[i];
        } else {
            buf_addf(ret_notes, "`%s` has changed; the server goes on with the old value until it is started anew.\n",
                     row->name);
        }
    }
    conf_free(&next);
    return done;
}

/* Whether the file could not hold it as it is: a blank at either end, or what would be a comment or a quote. */
static bool wants_quotes(struct span text)
{
    return text.len > 0 &&
           (strchr(" #\"", text.ptr[0]) || text.ptr[text.len - 1] == ' ' || span_contains(text, SPAN_LIT(" #")));
}

static void print_line(struct buf *out, struct span name, struct span value)
{
    const char *quote = wants_quotes(value) ? "\"" : "";
    buf_addf(out, SPAN_FMT " = %s" SPAN_FMT "%s\n", SPAN_ARG(name), quote, SPAN_ARG(value), quote);
}

/* `name.KEY = VALUE`, or the pair in one where the key could not stand before the `=`. */
static void print_pair(struct buf *out, const char *row_name, struct span pair)
{
    struct buf name;
    struct span value = pair;
    struct span key = span_cut(&value, '=');
    buf_init(&name, TEXT_MAX);
    buf_addf(&name, "%s." SPAN_FMT, row_name, SPAN_ARG(key));
    if (wants_quotes(key))
        buf_addf(out, "%s = \"" SPAN_FMT "\"\n", row_name, SPAN_ARG(pair));
    else
        print_line(out, buf_span(&name), value);
    buf_free(&name);
}

void conf_print(const struct conf *conf, struct buf *ret_text)
{
    static const char *const names[] = { "default", "file", "environment", "flag" };
    for (unsigned i = 0; i < CONF_ROWS; i++) {
        const struct conf_row *row = &conf_rows[i];
        const struct conf_list *list = conf_value_list(&conf->values, row);
        buf_addf(ret_text, "# [%s] %s\n", names[conf->sources[i]], row->help);
        for (size_t k = 0; row->kind == CONF_PAIRS && k < list->count; k++)
            print_pair(ret_text, row->name, span_str(list->items[k]));
        if (row->kind == CONF_PAIRS)
            continue;
        struct buf value;
        buf_init(&value, TEXT_MAX);
        conf_value_text(&conf->values, row, &value);
        print_line(ret_text, span_str(row->name), buf_span(&value));
        buf_free(&value);
    }
}

/* A paragraph, each line indented and broken between words. */
static void add_wrapped(struct buf *out, struct span text)
{
    size_t column = 0;
    while (text.ptr) {
        struct span word = span_cut(&text, ' ');
        bool first = column == 0;
        if (!first && column + 1 + word.len > HELP_COLUMNS) {
            buf_add_char(out, '\n');
            first = true;
        }
        if (first)
            buf_addf(out, "%*s", HELP_INDENT, "");
        else
            buf_add_char(out, ' ');
        buf_add(out, word);
        column = (first ? HELP_INDENT : column + 1) + word.len;
    }
    buf_add_char(out, '\n');
}

void conf_help(struct buf *ret_text)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_add_str(ret_text, "  --config FILE\n        File of `name = value` lines, each name a flag below; # begins a "
                          "comment.\n");
    for (unsigned i = 0; i < CONF_ROWS; i++) {
        const struct conf_row *row = &conf_rows[i];
        buf_clear(&text);
        buf_add_str(&text, row->help);
        if (row->fallback[0])
            buf_addf(&text, " Default %s.", row->fallback);
        if (row->reload)
            buf_add_str(&text, " Reloadable.");
        buf_addf(ret_text, "  --%s %s\n", row->name, row->metavar);
        add_wrapped(ret_text, buf_span(&text));
    }
    buf_free(&text);
}

const char *conf_pair(const struct conf_list *pairs, const char *key)
{
    for (size_t i = pairs->count; i-- > 0;) {
        struct span value = span_str(pairs->items[i]);
        if (span_is(span_cut(&value, '='), key))
            return value.ptr;
    }
    return NULL;
}

const char *conf_choice_name(const char *row_name, unsigned place)
{
    const struct conf_row *row = row_named(span_str(row_name));
    CHECK(row && row->kind == CONF_CHOICE);
    return row->choices[place];
}

bool conf_unknown_flag(const char *flag, struct err *err)
{
    struct span rest = span_str(flag);
    struct span name = span_cut(&rest, '=');
    if (!span_starts(name, SPAN_LIT("--")))
        return fail(err, E_CONFIG, "`%s` is not expected here", flag);
    const char *hint = hint_for(span_from(name, 2));
    return fail(err, E_CONFIG, "there is no flag " SPAN_FMT "%s%s%s", SPAN_ARG(name), hint ? "; did you mean --" : "",
                hint ? hint : "", hint ? "?" : "");
}
