#include "common/base/clock.h"

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

/* The inverse of days_of_date. */
static void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    /* Leave out the leap days, so that every year has 365. */
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static char *put(char *to, int64_t value, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    to[digits] = after;
    return to + digits + 1;
}

/* By hand: gmtime and snprintf took a third of the time of rendering an event. */
size_t tb_time_format(int64_t time_us, char out[TB_TIME_TEXT_MAX])
{
    int64_t us_per_day = S_PER_DAY * US_PER_S;
    int64_t days = time_us / us_per_day;
    int64_t us = time_us % us_per_day;
    if (us < 0) {
        us += us_per_day;
        days--;
    }
    int64_t year, month, day;
    date_of_days(days, &year, &month, &day);
    int64_t s = us / US_PER_S;
    char *to = put(out, year, 4, '-');
    to = put(to, month, 2, '-');
    to = put(to, day, 2, 'T');
    to = put(to, s / 3600, 2, ':');
    to = put(to, s / 60 % 60, 2, ':');
    to = put(to, s % 60, 2, '.');
    to = put(to, us % US_PER_S, 6, 'Z');
    *to = '\0';
    return (size_t)(to - out);
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
