/*
 * decode_check: a decoded struct against the model's constraints, all violations in one text (spec A.8).
 *
 * The text is bounded: a printed value is cut at VALUE_MAX, and items past a list's bound, which decode has not kept,
 * are not judged.
 */
#include "api/decode_inside.h"
#include "base/buf.h"

enum { VALUE_MAX = 4096, MESSAGE_MAX = 1024 * 1024 };

/* Where a value stands: a member's name, or without one the place of a list's item, from 1. */
struct path {
    const struct path *up;
    const char *name;
    size_t item;
};

struct checking {
    const struct strange *strange;
    struct buf out; /* the violations, without the count before them */
    unsigned violations;
};

static size_t length_of(const struct model_shape *shape, struct span value)
{
    size_t chars = 0;
    if (shape->kind == MODEL_BLOB)
        return value.len;
    for (size_t i = 0; i < value.len; i++)
        chars += ((uint8_t)value.ptr[i] & 0xc0) != 0x80;
    return chars;
}

static bool over(const struct model_shape *shape, int64_t number)
{
    return shape->max != MODEL_NO_BOUND && number > shape->max;
}

static bool under(const struct model_shape *shape, int64_t number)
{
    return shape->min != MODEL_NO_BOUND && number < shape->min;
}

static bool is_absent(const struct model_shape *shape, const void *slot)
{
    switch (shape->kind) {
    case MODEL_STRING:
    case MODEL_BLOB:
        return !((const struct span *)slot)->ptr;
    case MODEL_ENUM:
        return *(const int *)slot == MODEL_ABSENT;
    case MODEL_INTEGER:
        return !((const struct model_integer *)slot)->given;
    case MODEL_FLOAT:
        return !((const struct model_float *)slot)->given;
    case MODEL_BOOLEAN:
        return !((const struct model_boolean *)slot)->given;
    case MODEL_LIST:
    case MODEL_MAP:
        return !((const struct model_list *)slot)->given;
    default:
        return !*(void *const *)slot;
    }
}

/* --- what a violation says ---------------------------------------------------------------------------------------- */

static void print_name(struct buf *out, const char *name)
{
    buf_add_char(out, name[0] >= 'A' && name[0] <= 'Z' ? (char)(name[0] + 32) : name[0]);
    buf_add_str(out, name + 1);
}

static void print_path(struct buf *out, const struct path *path)
{
    if (path->up) {
        print_path(out, path->up);
        buf_add_char(out, '.');
    }
    if (path->name)
        print_name(out, path->name);
    else
        buf_addf(out, "%zu.member", path->item);
}

/* At the most one byte more than fits, by which its caller sees that it must cut. */
static void print_text(struct buf *out, size_t end, struct span text)
{
    if (out->len <= end)
        buf_add(out, span_first(text, end + 1 - out->len));
}

static void print_value(struct checking *c, size_t end, const struct model_shape *shape, const void *slot);

static void print_struct(struct checking *c, size_t end, const struct model_shape *shape, const char *at)
{
    const char *between = "{";
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        if (is_absent(member->shape, at + member->at))
            continue;
        buf_add_str(&c->out, between);
        print_name(&c->out, member->name);
        buf_add_char(&c->out, '=');
        print_value(c, end, member->shape, at + member->at);
        between = ", ";
    }
    buf_add_str(&c->out, between[0] == '{' ? "{}" : "}");
}

static void print_items(struct checking *c, size_t end, const struct model_shape *shape, const struct model_list *list)
{
    bool map = shape->kind == MODEL_MAP;
    size_t bytes = map ? sizeof(struct model_pair) : slot_bytes(shape->item);
    size_t kept = kept_items(shape, list->count);
    buf_add_char(&c->out, map ? '{' : '[');
    for (size_t i = 0; i < kept && c->out.len <= end; i++) {
        const char *item = (const char *)list->items + i * bytes;
        buf_add_str(&c->out, i ? ", " : "");
        if (map) {
            print_text(&c->out, end, ((const struct model_pair *)item)->key);
            buf_add_char(&c->out, '=');
            item += offsetof(struct model_pair, value);
        }
        print_value(c, end, shape->item, item);
    }
    if (kept < list->count)
        buf_add_str(&c->out, ", ...");
    buf_add_char(&c->out, map ? '}' : ']');
}

static struct span word_of(const struct checking *c, const struct model_shape *shape, const int *slot)
{
    if (*slot != ENUM_STRANGE)
        return span_str(shape->words[*slot]);
    const struct strange *strange = c->strange;
    while (strange && strange->at != slot)
        strange = strange->next;
    CHECK(strange);
    return strange->word;
}

static void print_value(struct checking *c, size_t end, const struct model_shape *shape, const void *slot)
{
    if (is_absent(shape, slot)) {
        buf_add_str(&c->out, "null");
        return;
    }
    switch (shape->kind) {
    case MODEL_STRING:
        print_text(&c->out, end, *(const struct span *)slot);
        break;
    case MODEL_ENUM:
        print_text(&c->out, end, word_of(c, shape, slot));
        break;
    case MODEL_INTEGER:
        buf_addf(&c->out, "%lld", (long long)((const struct model_integer *)slot)->value);
        break;
    case MODEL_FLOAT:
        buf_addf(&c->out, "%.9g", ((const struct model_float *)slot)->value);
        break;
    case MODEL_BOOLEAN:
        buf_add_str(&c->out, ((const struct model_boolean *)slot)->value ? "true" : "false");
        break;
    case MODEL_BLOB: {
        size_t len = ((const struct span *)slot)->len;
        buf_addf(&c->out, "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]", len, len);
        break;
    }
    case MODEL_LIST:
    case MODEL_MAP:
        print_items(c, end, shape, slot);
        break;
    default:
        print_struct(c, end, shape, *(const char *const *)slot);
    }
}

/* Begins a violation: all up to its constraint. */
static void violation(struct checking *c, const struct model_shape *shape, const void *slot, const struct path *path)
{
    buf_add_str(&c->out, c->violations++ ? "; Value " : "Value ");
    if (is_absent(shape, slot)) {
        buf_add_str(&c->out, "null");
    } else {
        buf_add_char(&c->out, '\'');
        size_t end = c->out.len + VALUE_MAX;
        print_value(c, end, shape, slot);
        if (c->out.len > end) {
            while (((uint8_t)c->out.ptr[end] & 0xc0) == 0x80)
                end--;
            c->out.len = end;
            buf_add_str(&c->out, "...");
        }
        buf_add_char(&c->out, '\'');
    }
    buf_add_str(&c->out, " at '");
    print_path(&c->out, path);
    buf_add_str(&c->out, "' failed to satisfy constraint: ");
}

static void print_bound(struct buf *out, const struct model_shape *shape, bool upper)
{
    bool number = shape->kind == MODEL_INTEGER || shape->kind == MODEL_FLOAT;
    buf_addf(out, "Member must have %s %s than or equal to %lld", number ? "value" : "length",
             upper ? "less" : "greater", (long long)(upper ? shape->max : shape->min));
}

static void print_pattern(struct buf *out, const struct model_shape *shape)
{
    buf_add_str(out, "Member must satisfy regular expression pattern: ");
    buf_add_str(out, shape->pattern->text);
}

static void print_words(struct buf *out, const struct model_shape *shape)
{
    buf_add_str(out, "Member must satisfy enum value set: [");
    for (size_t i = 0; shape->words[i]; i++) {
        buf_add_str(out, i ? ", " : "");
        buf_add_str(out, shape->words[i]);
    }
    buf_add_char(out, ']');
}

/* All constraints of a collection's scalars, in brackets: the service says them all, whichever was violated. */
static void print_constraints(struct buf *out, const struct model_shape *shape, bool null)
{
    const char *between = "[";
    if (shape->max != MODEL_NO_BOUND) {
        buf_add_str(out, between);
        print_bound(out, shape, true);
        between = ", ";
    }
    if (shape->min != MODEL_NO_BOUND) {
        buf_add_str(out, between);
        print_bound(out, shape, false);
        between = ", ";
    }
    if (shape->pattern) {
        buf_add_str(out, between);
        print_pattern(out, shape);
        between = ", ";
    }
    if (shape->words) {
        buf_add_str(out, between);
        print_words(out, shape);
        between = ", ";
    }
    if (null) {
        buf_add_str(out, between);
        buf_add_str(out, "Member must not be null");
    }
    buf_add_char(out, ']');
}

/* --- the walk ----------------------------------------------------------------------------------------------------- */

static void check_value(struct checking *c, const struct model_shape *shape, const void *slot, const struct path *path);

static void check_bounds(struct checking *c, const struct model_shape *shape, const void *slot, size_t count,
                         const struct path *path)
{
    if (over(shape, (int64_t)count) || under(shape, (int64_t)count)) {
        violation(c, shape, slot, path);
        print_bound(&c->out, shape, over(shape, (int64_t)count));
    }
}

/* A scalar of a collection; absent is a violation there. */
static bool scalar_fits(const struct model_shape *shape, const void *slot)
{
    if (is_absent(shape, slot))
        return false;
    if (shape->kind == MODEL_ENUM)
        return *(const int *)slot != ENUM_STRANGE;
    CHECK(shape->kind == MODEL_STRING);
    struct span value = *(const struct span *)slot;
    int64_t length = (int64_t)length_of(shape, value);
    return !over(shape, length) && !under(shape, length) &&
           (!shape->pattern || model_pattern_matches(shape->pattern, value));
}

/* Which scalars these are: a list's items, or a map's keys or values. */
struct scalars {
    const struct model_shape *shape;
    const char *first;
    size_t bytes; /* from one to the next */
    size_t count;
    const char *what;
};

/* One violation, of the whole collection, for all its scalars. */
static void check_scalars(struct checking *c, const struct model_shape *shape, const void *slot,
                          const struct scalars *scalars, const struct path *path)
{
    bool fits = true, null = false;
    for (size_t i = 0; i < scalars->count; i++) {
        const char *item = scalars->first + i * scalars->bytes;
        null = null || is_absent(scalars->shape, item);
        fits = fits && scalar_fits(scalars->shape, item);
    }
    if (fits)
        return;
    violation(c, shape, slot, path);
    buf_add_str(&c->out, scalars->what);
    buf_add_str(&c->out, " must satisfy constraint: ");
    print_constraints(&c->out, scalars->shape, null);
}

static void check_list(struct checking *c, const struct model_shape *shape, const struct model_list *list,
                       const struct path *path)
{
    size_t kept = kept_items(shape, list->count);
    if (shape->item->kind != MODEL_STRUCT) {
        struct scalars items = { shape->item, list->items, shape->item->size, kept, "Member" };
        check_scalars(c, shape, list, &items, path);
    } else {
        void *const *structs = list->items;
        for (size_t i = 0; i < kept; i++) {
            struct path item = { .up = path, .item = i + 1 };
            if (structs[i]) {
                check_value(c, shape->item, &structs[i], &item);
            } else {
                violation(c, shape->item, &structs[i], &item);
                buf_add_str(&c->out, "Member must not be null");
            }
        }
    }
    check_bounds(c, shape, list, list->count, path);
}

static void check_map(struct checking *c, const struct model_shape *shape, const struct model_list *map,
                      const struct path *path)
{
    size_t kept = kept_items(shape, map->count);
    const char *pairs = map->items;
    struct scalars keys = { shape->key, pairs + offsetof(struct model_pair, key), sizeof(struct model_pair), kept,
                            "Map keys" };
    struct scalars values = { shape->item, pairs + offsetof(struct model_pair, value), sizeof(struct model_pair), kept,
                              "Map value" };
    check_scalars(c, shape, map, &keys, path);
    check_scalars(c, shape, map, &values, path);
    check_bounds(c, shape, map, map->count, path);
}

static void check_members(struct checking *c, const struct model_shape *shape, const char *at, const struct path *up)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct model_member *member = &shape->members[i];
        struct path path = { .up = up, .name = member->name };
        if (!is_absent(member->shape, at + member->at)) {
            check_value(c, member->shape, at + member->at, &path);
        } else if (member->required) {
            violation(c, member->shape, at + member->at, &path);
            buf_add_str(&c->out, "Member must not be null");
        }
    }
}

static void check_value(struct checking *c, const struct model_shape *shape, const void *slot, const struct path *path)
{
    switch (shape->kind) {
    case MODEL_STRING:
    case MODEL_BLOB: {
        struct span value = *(const struct span *)slot;
        if (shape->pattern && !model_pattern_matches(shape->pattern, value)) {
            violation(c, shape, slot, path);
            print_pattern(&c->out, shape);
        }
        check_bounds(c, shape, slot, length_of(shape, value), path);
        break;
    }
    case MODEL_ENUM:
        if (*(const int *)slot == ENUM_STRANGE) {
            violation(c, shape, slot, path);
            print_words(&c->out, shape);
        }
        break;
    case MODEL_INTEGER: {
        int64_t value = ((const struct model_integer *)slot)->value;
        if (over(shape, value) || under(shape, value)) {
            violation(c, shape, slot, path);
            print_bound(&c->out, shape, over(shape, value));
        }
        break;
    }
    case MODEL_FLOAT: {
        double value = ((const struct model_float *)slot)->value;
        bool above = shape->max != MODEL_NO_BOUND && value > (double)shape->max;
        if (above || (shape->min != MODEL_NO_BOUND && value < (double)shape->min)) {
            violation(c, shape, slot, path);
            print_bound(&c->out, shape, above);
        }
        break;
    }
    case MODEL_LIST:
        check_list(c, shape, slot, path);
        break;
    case MODEL_MAP:
        check_map(c, shape, slot, path);
        break;
    case MODEL_STRUCT:
        check_members(c, shape, *(const char *const *)slot, path);
        break;
    default:
        break;
    }
}

bool decode_check(const struct model_shape *shape, const void *input, const struct strange *strange,
                  struct arena *arena, struct span *ret_message, struct err *err)
{
    struct checking c = { .strange = strange };
    buf_init(&c.out, MESSAGE_MAX); /* takes no memory before the first violation */
    check_members(&c, shape, input, NULL);
    if (c.violations == 0)
        return true;
    CHECK(!c.out.overflow);
    *ret_message = arena_printf(arena, "%u validation error%s detected: ", c.violations, c.violations == 1 ? "" : "s");
    char *text = arena_alloc(arena, ret_message->len + c.out.len + 1);
    memcpy(text, ret_message->ptr, ret_message->len);
    memcpy(text + ret_message->len, c.out.ptr, c.out.len);
    *ret_message = span_of(text, ret_message->len + c.out.len);
    buf_free(&c.out);
    return fail(err, E_VALIDATION, SPAN_FMT, SPAN_ARG(*ret_message));
}
