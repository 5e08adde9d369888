/* pretty: see pretty.h for the contract. Blanks between tokens are ours, all other bytes are the text's. */
#include "cli/pretty.h"

enum { INDENT = 4 };

static void new_line(struct buf *out, size_t level)
{
    buf_add_char(out, '\n');
    for (size_t i = 0; i < level * INDENT; i++)
        buf_add_char(out, ' ');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The length of the string that begins here, quotes included. */
static size_t string_length(struct span text)
{
    size_t at = 1;
    while (at < text.len && text.ptr[at] != '"')
        at += text.ptr[at] == '\\' ? 2 : 1;
    return at < text.len ? at + 1 : text.len;
}

static struct span without_blanks(struct span text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = span_from(text, 1);
    return text;
}

void pretty_json(struct span text, struct buf *out)
{
    size_t level = 0;
    for (text = without_blanks(text); text.len > 0 && !out->overflow; text = without_blanks(text)) {
        char c = text.ptr[0];
        size_t taken = c == '"' ? string_length(text) : 1;
        struct span after = without_blanks(span_from(text, taken));
        bool empty = after.len > 0 && ((c == '{' && after.ptr[0] == '}') || (c == '[' && after.ptr[0] == ']'));
        if ((c == '}' || c == ']') && level > 0)
            new_line(out, --level);
        buf_add(out, span_first(text, taken));
        if (empty) {
            buf_add(out, span_first(after, 1));
            after = span_from(after, 1);
        } else if (c == '{' || c == '[') {
            new_line(out, ++level);
        } else if (c == ',') {
            new_line(out, level);
        } else if (c == ':') {
            buf_add_char(out, ' ');
        }
        text = after;
    }
}
