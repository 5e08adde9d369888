/* clock: see clock.h for the contract. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

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

static void utc_parts(int64_t wall_ms, struct tm *ret_tm, int *ret_ms)
{
    int64_t ms = wall_ms % 1000;
    time_t seconds = (time_t)(wall_ms / 1000);
    if (ms < 0) {
        ms += 1000;
        seconds -= 1;
    }
    gmtime_r(&seconds, ret_tm);
    *ret_ms = (int)ms;
}

void clock_basic_iso(int64_t wall_ms, char ret_text[17])
{
    struct tm tm;
    int ms;
    char text[64];
    utc_parts(wall_ms, &tm, &ms);
    snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec);
    snprintf(ret_text, 17, "%.16s", text);
}

void clock_extended_iso(int64_t wall_ms, char ret_text[25])
{
    struct tm tm;
    int ms;
    char text[96];
    utc_parts(wall_ms, &tm, &ms);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
    snprintf(ret_text, 25, "%.24s", text);
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
    return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
