/* dump_model: see dump_model.h for the contract. */
#include "api/dump_model.h"

#include "api/operation.h"
#include "json/json_writer.h"

static const char *type_name(enum model_kind kind)
{
    static const char *const names[] = {
        [MODEL_STRING] = "string", [MODEL_ENUM] = "string",      [MODEL_INTEGER] = "integer",
        [MODEL_LONG] = "long",     [MODEL_FLOAT] = "float",      [MODEL_BOOLEAN] = "boolean",
        [MODEL_BLOB] = "blob",     [MODEL_TIME] = "timestamp",   [MODEL_LIST] = "list",
        [MODEL_MAP] = "map",       [MODEL_STRUCT] = "structure",
    };
    return names[kind];
}

static void dump_shape(struct json_writer *w, const struct model_shape *shape);

static void dump_members(struct json_writer *w, const struct model_shape *shape)
{
    json_key(w, "members");
    json_open_object(w);
    for (size_t i = 0; i < shape->member_count; i++) {
        json_key(w, shape->members[i].name);
        dump_shape(w, shape->members[i].shape);
    }
    json_close_object(w);
    json_key(w, "required");
    json_open_array(w);
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].required)
            json_add_string(w, span_str(shape->members[i].name));
    json_close_array(w);
}

static void dump_words(struct json_writer *w, const char *const *words)
{
    json_key(w, "enum");
    json_open_array(w);
    for (; *words; words++)
        json_add_string(w, span_str(*words));
    json_close_array(w);
}

static void dump_bound(struct json_writer *w, const char *key, int64_t bound)
{
    if (bound == MODEL_NO_BOUND)
        return;
    json_key(w, key);
    json_add_int(w, bound);
}

/* The model holds no shape that contains itself. */
static void dump_shape(struct json_writer *w, const struct model_shape *shape)
{
    json_open_object(w);
    json_key(w, "type");
    json_add_string(w, span_str(type_name(shape->kind)));
    dump_bound(w, "min", shape->min);
    dump_bound(w, "max", shape->max);
    if (shape->pattern) {
        json_key(w, "pattern");
        json_add_string(w, span_str(shape->pattern->text));
    }
    if (shape->words)
        dump_words(w, shape->words);
    if (shape->kind == MODEL_STRUCT)
        dump_members(w, shape);
    if (shape->key) {
        json_key(w, "key");
        dump_shape(w, shape->key);
    }
    if (shape->item) {
        json_key(w, shape->kind == MODEL_MAP ? "value" : "member");
        dump_shape(w, shape->item);
    }
    json_close_object(w);
}

static void dump_errors(struct json_writer *w, uint32_t faults)
{
    json_key(w, "errors");
    json_open_array(w);
    for (unsigned i = 0; i < FAULTS_MODELLED; i++)
        if (faults & (uint32_t)1 << i)
            json_add_string(w, span_str(fault_name((enum fault)i)));
    json_close_array(w);
}

void dump_model(struct buf *out)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "operations");
    json_open_array(&w);
    for (size_t i = 0; i < OPERATIONS; i++) {
        json_open_object(&w);
        json_key(&w, "name");
        json_add_string(&w, span_str(operations[i].name));
        json_key(&w, "input");
        dump_shape(&w, operations[i].input);
        json_key(&w, "output");
        dump_shape(&w, operations[i].output);
        dump_errors(&w, operations[i].faults);
        json_close_object(&w);
    }
    json_close_array(&w);
    json_close_object(&w);
    json_writer_end(&w);
}
