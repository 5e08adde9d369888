/* conf_value: see conf_value.h for the contract. */
#include "base/conf_value.h"

#include <stdlib.h>

static char **text_of(const struct conf_values *values, const struct conf_row *row)
{
    return (char **)(void *)conf_value_list(values, row);
}

static uint64_t *number_of(const struct conf_values *values, const struct conf_row *row)
{
    return (uint64_t *)(void *)conf_value_list(values, row);
}

static unsigned *choice_of(const struct conf_values *values, const struct conf_row *row)
{
    return (unsigned *)(void *)conf_value_list(values, row);
}

void conf_list_add(struct conf_list *list, struct span item)
{
    list->items = mem_grow(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = mem_dup(item.ptr, item.len);
}

void conf_list_clear(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){ NULL, 0 };
}

static bool set_choice(unsigned *into, const struct conf_row *row, struct span text, struct err *err)
{
    struct buf list;
    for (unsigned i = 0; row->choices[i]; i++) {
        if (span_is(text, row->choices[i])) {
            *into = i;
            return true;
        }
    }
    buf_init(&list, 256);
    for (unsigned i = 0; row->choices[i]; i++)
        buf_addf(&list, "%s%s", i == 0 ? "" : row->choices[i + 1] ? ", " : " or ", row->choices[i]);
    fail(err, E_CONFIG, "`" SPAN_FMT "` is not one of %s", SPAN_ARG(text), buf_cstr(&list));
    buf_free(&list);
    return false;
}

static bool set_number(uint64_t *into, const struct conf_row *row, struct span text, struct err *err)
{
    static const struct {
        struct span suffix;
        unsigned shift;
    } units[] = { { { "KiB", 3 }, 10 }, { { "MiB", 3 }, 20 }, { { "GiB", 3 }, 30 } };
    struct span digits = text;
    unsigned shift = 0;
    uint64_t value;
    for (unsigned i = 0; row->kind == CONF_BYTES && i < COUNT_OF(units); i++) {
        if (span_ends(text, units[i].suffix)) {
            digits = span_trim(span_first(text, text.len - units[i].suffix.len));
            shift = units[i].shift;
        }
    }
    if (!span_to_u64(digits, UINT64_MAX >> shift, &value))
        return fail(err, E_CONFIG, "`" SPAN_FMT "` is not a number%s", SPAN_ARG(text),
                    row->kind == CONF_BYTES ? " of bytes (such as 8388608 or 8MiB)" : "");
    value <<= shift;
    if (value < row->min || value > row->max)
        return fail(err, E_CONFIG, "`" SPAN_FMT "` is not between %llu and %llu", SPAN_ARG(text),
                    (unsigned long long)row->min, (unsigned long long)row->max);
    *into = value;
    return true;
}

/* "KEY=VALUE" cut at the '='; both sides must hold something. */
static bool split_pair(struct span pair, struct span *ret_key)
{
    struct span rest = pair;
    struct span key = span_trim(span_cut(&rest, '='));
    *ret_key = key;
    return key.len > 0 && rest.ptr && span_trim(rest).len > 0;
}

static void put_pair(struct conf_list *list, struct span key, struct span value)
{
    struct buf pair;
    buf_init(&pair, key.len + value.len + 1);
    buf_add(&pair, key);
    buf_add_char(&pair, '=');
    buf_add(&pair, value);
    for (size_t i = 0; i < list->count; i++) {
        struct span had;
        split_pair(span_str(list->items[i]), &had);
        if (span_eq(had, key)) {
            free(list->items[i]);
            list->items[i] = mem_dup(pair.ptr, pair.len);
            goto out;
        }
    }
    conf_list_add(list, buf_span(&pair));
out:
    buf_free(&pair);
}

static bool set_pairs(struct conf_list *list, struct span text, struct err *err)
{
    struct span key, rest = text;
    while (rest.ptr) {
        struct span pair = span_trim(span_cut(&rest, ','));
        if (pair.len > 0 && !split_pair(pair, &key))
            return fail(err, E_CONFIG, "`" SPAN_FMT "` is not of the form KEY=VALUE", SPAN_ARG(pair));
    }
    rest = text;
    while (rest.ptr) {
        struct span value = span_trim(span_cut(&rest, ','));
        if (value.len == 0)
            continue;
        key = span_trim(span_cut(&value, '='));
        put_pair(list, key, span_trim(value));
    }
    return true;
}

static void set_list(struct conf_list *list, struct span text, bool merge)
{
    if (!merge)
        conf_list_clear(list);
    while (text.ptr) {
        struct span item = span_trim(span_cut(&text, ','));
        if (item.len > 0)
            conf_list_add(list, item);
    }
}

bool conf_value_set(struct conf_values *values, const struct conf_row *row, struct span text, bool merge,
                    struct err *err)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return fail(err, E_CONFIG, "the value holds a control character");
    switch (row->kind) {
    case CONF_TEXT:
        free(*text_of(values, row));
        *text_of(values, row) = mem_dup(text.ptr ? text.ptr : "", text.len);
        return true;
    case CONF_CHOICE:
        return set_choice(choice_of(values, row), row, text, err);
    case CONF_NUMBER:
    case CONF_BYTES:
        return set_number(number_of(values, row), row, text, err);
    case CONF_LIST:
        set_list(conf_value_list(values, row), text, merge);
        return true;
    case CONF_PAIRS:
        return set_pairs(conf_value_list(values, row), text, err);
    }
    CHECK(false);
    return false;
}

void conf_value_text(const struct conf_values *values, const struct conf_row *row, struct buf *ret_text)
{
    const struct conf_list *list = conf_value_list(values, row);
    switch (row->kind) {
    case CONF_TEXT:
        buf_add_str(ret_text, *text_of(values, row));
        return;
    case CONF_CHOICE:
        buf_add_str(ret_text, row->choices[*choice_of(values, row)]);
        return;
    case CONF_NUMBER:
    case CONF_BYTES:
        buf_add_u64(ret_text, *number_of(values, row));
        return;
    case CONF_LIST:
    case CONF_PAIRS:
        for (size_t i = 0; i < list->count; i++)
            buf_addf(ret_text, "%s%s", i ? "," : "", list->items[i]);
    }
}

void conf_value_clear(struct conf_values *values, const struct conf_row *row)
{
    if (row->kind == CONF_TEXT) {
        free(*text_of(values, row));
        *text_of(values, row) = NULL;
    } else if (row->kind == CONF_LIST || row->kind == CONF_PAIRS) {
        conf_list_clear(conf_value_list(values, row));
    }
}

void conf_value_move(struct conf_values *to, struct conf_values *from, const struct conf_row *row)
{
    conf_value_clear(to, row);
    switch (row->kind) {
    case CONF_TEXT:
        *text_of(to, row) = *text_of(from, row);
        *text_of(from, row) = NULL;
        return;
    case CONF_CHOICE:
        *choice_of(to, row) = *choice_of(from, row);
        return;
    case CONF_NUMBER:
    case CONF_BYTES:
        *number_of(to, row) = *number_of(from, row);
        return;
    case CONF_LIST:
    case CONF_PAIRS:
        *conf_value_list(to, row) = *conf_value_list(from, row);
        *conf_value_list(from, row) = (struct conf_list){ NULL, 0 };
    }
}
