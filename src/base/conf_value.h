/* conf_value: one setting of struct conf_values by its row. The inner side of conf. */
#ifndef PLACARD_BASE_CONF_VALUE_H
#define PLACARD_BASE_CONF_VALUE_H

#include "base/conf.h"

void conf_list_add(struct conf_list *list, struct span item);
void conf_list_clear(struct conf_list *list);

/*
 * Reads a text into the row's field; on failure the field keeps what it had and the sentence says only what is wrong
 * with the value. `merge`: more of the same source, so a list is added to; pairs are merged by key in any case.
 */
bool conf_value_set(struct conf_values *values, const struct conf_row *row, struct span text, bool merge,
                    struct err *err) MUST_CHECK;

/* The field as one text, a list joined by commas. */
void conf_value_text(const struct conf_values *values, const struct conf_row *row, struct buf *ret_text);

/* Moves the field over, freeing what was in `to` and leaving `from` empty. */
void conf_value_move(struct conf_values *to, struct conf_values *from, const struct conf_row *row);

void conf_value_clear(struct conf_values *values, const struct conf_row *row);

static inline struct conf_list *conf_value_list(const struct conf_values *values, const struct conf_row *row)
{
    return (struct conf_list *)(void *)((char *)(uintptr_t)values + row->at);
}

#endif
