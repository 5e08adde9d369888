/*
 * Fuzz target for the dates of signed requests (auth_date, aws/sigv4): whatever is read as a time is that time by the C
 * library's calendar, written out again in the same form.
 */
#include <stdlib.h>
#include <time.h>

#include "auth/auth_inside.h"
#include "base/buf.h"
#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The words with one blank between them, without the name of a weekday. */
static void words_of(struct span text, struct buf *ret_words)
{
    struct span rest = text;
    bool first = true;
    for (size_t i = 0; i < text.len; i++)
        CHECK(text.ptr[i] != '\n' && text.ptr[i] != '\0');
    while (rest.ptr) {
        rest = span_trim(rest);
        struct span word = span_cut(&rest, ' ');
        if (word.len == 0 || (first && word.len == 4 && word.ptr[3] == ','))
            continue;
        buf_addf(ret_words, "%s" SPAN_FMT, first ? "" : " ", SPAN_ARG(word));
        first = false;
    }
}

static void check_http(struct span text, int64_t seconds)
{
    static const char *const zones[] = { "GMT", "UTC", "+0000", "-0000" };
    time_t when = (time_t)seconds;
    struct tm parts;
    struct buf words, whole;
    char month[16];
    bool found = false;
    buf_init(&words, 256);
    buf_init(&whole, 256);
    words_of(text, &words);
    CHECK(gmtime_r(&when, &parts) && strftime(month, sizeof month, "%b", &parts) > 0);
    for (unsigned pad = 0; pad < 2; pad++) {
        for (unsigned z = 0; z < COUNT_OF(zones); z++) {
            buf_clear(&whole);
            buf_addf(&whole, pad ? "%02d" : "%d", parts.tm_mday);
            buf_addf(&whole, " %s %04d %02d:%02d:%02d %s", month, parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec, zones[z]);
            found = found || span_eq(buf_span(&whole), buf_span(&words));
        }
    }
    CHECK(found);
    buf_free(&words);
    buf_free(&whole);
}

static void check_basic(struct span text, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    struct buf again;
    buf_init(&again, 64);
    CHECK(gmtime_r(&when, &parts));
    buf_addf(&again, "%04d%02d%02dT%02d%02d%02dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
             parts.tm_min, parts.tm_sec);
    CHECK(span_eq(text, buf_span(&again)));
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    int64_t seconds, basic_seconds;
    if (!auth_date_parse(text, &seconds)) {
        CHECK(!sigv4_date_seconds(text, &basic_seconds));
    } else if (sigv4_date_seconds(text, &basic_seconds)) {
        CHECK(basic_seconds == seconds);
        check_basic(text, seconds);
    } else {
        check_http(text, seconds);
    }
    return 0;
}
