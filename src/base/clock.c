/* clock: see clock.h for the contract. */
#include "base/clock.h"

int64_t clock_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_cond_init(pthread_cond_t *ret_cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(ret_cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec clock_deadline(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (the era arithmetic of Howard Hinnant's "chrono" notes). */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t clock_utc_seconds(int year, int month, int day, int hour, int minute, int second)
{
    return days_from_civil(year, month, day) * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
}

/* A moment's parts in UTC, years 0 to 9999. */
struct parts {
    unsigned year, month, day, hour, minute, second, ms;
};

/* The date of a day number: days_from_civil backwards. */
static struct parts parts_of(int64_t wall_ms)
{
    int64_t ms_of_day = wall_ms % 86400000, days = wall_ms / 86400000;
    if (ms_of_day < 0) {
        ms_of_day += 86400000;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * day_of_year + 2) / 153; /* from March */
    unsigned ms = (unsigned)ms_of_day;
    struct parts parts = { .day = day_of_year - (153 * month + 2) / 5 + 1,
                           .month = month < 10 ? month + 3 : month - 9,
                           .hour = ms / 3600000,
                           .minute = ms / 60000 % 60,
                           .second = ms / 1000 % 60,
                           .ms = ms % 1000 };
    int64_t year = era * 400 + year_of_era + (parts.month <= 2);
    parts.year = year < 0 ? 0 : year > 9999 ? 9999 : (unsigned)year;
    return parts;
}

static char *put(char *at, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

static char *put_with(char *at, unsigned value, unsigned digits, char behind)
{
    at = put(at, value, digits);
    *at = behind;
    return at + 1;
}

void clock_basic_iso(int64_t wall_ms, char ret_text[17])
{
    struct parts parts = parts_of(wall_ms);
    char *at = put(ret_text, parts.year, 4);
    at = put(at, parts.month, 2);
    at = put_with(at, parts.day, 2, 'T');
    at = put(at, parts.hour, 2);
    at = put(at, parts.minute, 2);
    at = put_with(at, parts.second, 2, 'Z');
    *at = '\0';
}

void clock_extended_iso(int64_t wall_ms, char ret_text[25])
{
    struct parts parts = parts_of(wall_ms);
    char *at = put_with(ret_text, parts.year, 4, '-');
    at = put_with(at, parts.month, 2, '-');
    at = put_with(at, parts.day, 2, 'T');
    at = put_with(at, parts.hour, 2, ':');
    at = put_with(at, parts.minute, 2, ':');
    at = put_with(at, parts.second, 2, '.');
    at = put_with(at, parts.ms, 3, 'Z');
    *at = '\0';
}
