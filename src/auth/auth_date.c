/* auth_date: the two forms in which a signed request says its time; see auth_inside.h. */
#include <stdio.h>

#include "auth/auth_inside.h"

/* The next word of a text whose words stand apart by blanks. */
static struct span next_word(struct span *rest)
{
    *rest = span_trim(*rest);
    return rest->len > 0 ? span_cut(rest, ' ') : SPAN_NONE;
}

static bool month_number(struct span name, unsigned *ret_month)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    for (unsigned i = 0; i < 12; i++) {
        if (span_is(name, months[i])) {
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

static bool is_weekday(struct span name)
{
    static const char *const days[] = { "Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun," };
    for (unsigned i = 0; i < COUNT_OF(days); i++)
        if (span_is(name, days[i]))
            return true;
    return false;
}

/* Rewritten as the other form, whose parser knows which days there are. */
static bool parse_http(struct span text, int64_t *ret_seconds)
{
    char iso[SIGV4_DATE_LEN + 1];
    uint64_t day, year;
    unsigned month;
    struct span rest = text;
    struct span word = next_word(&rest);
    if (is_weekday(word))
        word = next_word(&rest);
    if (word.len > 2 || !span_to_u64(word, 31, &day) || !month_number(next_word(&rest), &month))
        return false;
    word = next_word(&rest);
    if (word.len != 4 || !span_to_u64(word, 9999, &year))
        return false;
    struct span time = next_word(&rest);
    struct span zone = next_word(&rest);
    if (time.len != 8 || time.ptr[2] != ':' || time.ptr[5] != ':' || next_word(&rest).len > 0)
        return false;
    if (!span_is(zone, "GMT") && !span_is(zone, "UTC") && !span_is(zone, "+0000") && !span_is(zone, "-0000"))
        return false;
    snprintf(iso, sizeof iso, "%04u%02u%02uT%.2s%.2s%.2sZ", (unsigned)year % 10000, month % 100, (unsigned)day % 100,
             time.ptr, time.ptr + 3, time.ptr + 6);
    return sigv4_date_seconds(span_str(iso), ret_seconds);
}

bool auth_date_parse(struct span text, int64_t *ret_seconds)
{
    return sigv4_date_seconds(text, ret_seconds) || parse_http(text, ret_seconds);
}
