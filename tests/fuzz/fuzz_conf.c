/*
 * Fuzz target for base/conf. The input is a configuration file, up to a NUL; then come variables and flags, NAME=VALUE
 * each, ended by NULs in turn. What is loaded is printed as a file that loads to the same values; a reload finds
 * nothing changed; what is refused says why.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/conf.h"
#include "base/conf_value.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 16, TEXT_MAX = 1 << 22 };

struct words {
    struct buf text[WORDS];
    const char *word[WORDS + 1];
    int count;
};

static void words_add(struct words *words, const char *prefix, struct span text)
{
    struct buf *buf = &words->text[words->count];
    buf_init(buf, TEXT_MAX);
    buf_add_str(buf, prefix);
    buf_add(buf, text);
    words->word[words->count++] = buf_cstr(buf);
}

static void words_free(struct words *words)
{
    for (int i = 0; i < WORDS; i++)
        buf_free(&words->text[i]);
}

static void value_of(const struct conf *conf, const struct conf_row *row, struct buf *out)
{
    buf_init(out, TEXT_MAX);
    conf_value_text(&conf->values, row, out);
    CHECK(!out->overflow);
}

static void check_same(const struct conf *a, const struct conf *b)
{
    for (unsigned i = 0; i < CONF_ROWS; i++) {
        struct buf x, y;
        value_of(a, &conf_rows[i], &x);
        value_of(b, &conf_rows[i], &y);
        CHECK(span_eq(buf_span(&x), buf_span(&y)));
        buf_free(&x);
        buf_free(&y);
    }
}

static void check_loaded(struct conf *conf)
{
    struct conf again;
    struct buf text, notes;
    struct err err;
    buf_init(&notes, TEXT_MAX);
    buf_init(&text, TEXT_MAX);
    CHECK(conf_reload(conf, &notes, &err) && notes.len == 0);
    conf_print(conf, &text);
    CHECK(!text.overflow);
    conf_init(&again);
    again.file = mem_dup(place_file(buf_span(&text)), strlen(place_file(buf_span(&text))));
    if (!conf_load(&again, NULL, &err)) {
        fprintf(stderr, "%s\n%s\n", buf_cstr(&text), err.text);
        CHECK(false);
    }
    check_same(conf, &again);
    conf_free(&again);
    buf_free(&text);
    buf_free(&notes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words variables = { .count = 0 }, flags = { .count = 0 };
    struct span rest = span_of(size ? (const char *)data : "", size);
    struct span file = span_cut(&rest, '\0');
    struct err err = { .code = E_OK };
    struct conf conf;
    while (rest.ptr && variables.count < WORDS && flags.count < WORDS) {
        words_add(&variables, "PLACARD_", span_cut(&rest, '\0'));
        if (rest.ptr)
            words_add(&flags, "--", span_cut(&rest, '\0'));
    }
    conf_init(&conf);
    conf.file = mem_dup(place_file(file), strlen(place_file(file)));
    bool done = conf_take_flags(&conf, NULL, &flags.count, flags.word, &err);
    bool ours = strcmp(conf.file, place_file(file)) == 0; /* and not one that --config names */
    done = done && ours && conf_load(&conf, variables.word, &err);
    CHECK(done || !ours || (err.code == E_CONFIG && err.text[0] != '\0'));
    if (done)
        check_loaded(&conf);
    conf_free(&conf);
    words_free(&variables);
    words_free(&flags);
    return 0;
}
