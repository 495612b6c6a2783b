#include "common/base/clock.h"

#include <stdio.h>
#include <time.h>

#define US_PER_S  1000000LL
#define S_PER_DAY 86400LL

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t tb_clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t tb_clock_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* Days since 1970-01-01 of a proleptic Gregorian date. Years are counted from March, so that the
 * leap day is the last of the year; 146097 days make 400 years. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t shifted = month + (month > 2 ? -3 : 9);
    int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

size_t tb_time_format(int64_t time_us, char out[TB_TIME_TEXT_MAX])
{
    int64_t seconds = time_us / US_PER_S;
    int64_t us = time_us % US_PER_S;
    if (us < 0) {
        us += US_PER_S;
        seconds--;
    }
    time_t t = (time_t)seconds;
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    int n =
        snprintf(out, TB_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)us);
    return n > 0 ? (size_t)n : 0;
}

static bool digits(tb_str s, size_t *at, int n, int64_t *ret)
{
    int64_t value = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (*at >= s.len || s.ptr[*at] < '0' || s.ptr[*at] > '9') {
            return false;
        }
        value = value * 10 + (s.ptr[*at] - '0');
    }
    *ret = value;
    return true;
}

static bool literal(tb_str s, size_t *at, char upper, char lower)
{
    if (*at >= s.len || (s.ptr[*at] != upper && s.ptr[*at] != lower)) {
        return false;
    }
    (*at)++;
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* The part after the seconds: fraction and offset. */
static bool parse_tail(tb_str s, size_t *at, int64_t *ret_us, int64_t *ret_offset_s)
{
    *ret_us = 0;
    if (*at < s.len && s.ptr[*at] == '.') {
        (*at)++;
        int64_t scale = US_PER_S / 10;
        size_t start = *at;
        for (; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; (*at)++) {
            *ret_us += (s.ptr[*at] - '0') * scale;
            scale /= 10;
        }
        if (*at == start) {
            return false;
        }
    }
    if (literal(s, at, 'Z', 'z')) {
        *ret_offset_s = 0;
        return *at == s.len;
    }
    if (*at >= s.len || (s.ptr[*at] != '+' && s.ptr[*at] != '-')) {
        return false;
    }
    int64_t sign = s.ptr[(*at)++] == '-' ? -1 : 1;
    int64_t hours;
    int64_t minutes;
    if (!digits(s, at, 2, &hours) || !literal(s, at, ':', ':') || !digits(s, at, 2, &minutes) ||
        hours > 23 || minutes > 59) {
        return false;
    }
    *ret_offset_s = sign * (hours * 3600 + minutes * 60);
    return *at == s.len;
}

bool tb_time_parse(tb_str s, int64_t *ret_us)
{
    size_t at = 0;
    int64_t year, month, day, hour, minute, second, us, offset;
    if (!s.ptr || !digits(s, &at, 4, &year) || !literal(s, &at, '-', '-') ||
        !digits(s, &at, 2, &month) || !literal(s, &at, '-', '-') || !digits(s, &at, 2, &day) ||
        !literal(s, &at, 'T', 't') || !digits(s, &at, 2, &hour) || !literal(s, &at, ':', ':') ||
        !digits(s, &at, 2, &minute) || !literal(s, &at, ':', ':') || !digits(s, &at, 2, &second) ||
        !parse_tail(s, &at, &us, &offset)) {
        return false;
    }
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
        hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    int64_t seconds =
        days_of_date(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second - offset;
    *ret_us = seconds * US_PER_S + us;
    return true;
}
