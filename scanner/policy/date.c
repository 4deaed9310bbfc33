#include "policy/date.h"

#include <stdio.h>
#include <time.h>

enum { SECONDS_A_DAY = 86400, YEAR_MIN = 1970, YEAR_MAX = 9999 };

static bool digits(struct span text, int *ret_number)
{
    int n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + (text.ptr[i] - '0');
    }
    *ret_number = n;
    return text.len > 0;
}

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t day_of(int year, int month, int day)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int64_t y = year - 1;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162;
    return days + before[month - 1] + (month > 2 && leap(year)) + day - 1;
}

bool date_parse(struct span text, int64_t *ret_day)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;
    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' ||
        !digits(span_slice(text, 0, 4), &year) ||
        !digits(span_slice(text, 5, 7), &month) || !digits(span_slice(text, 8, 10), &day))
        return false;
    if (year < YEAR_MIN || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && leap(year)))
        return false;
    *ret_day = day_of(year, month, day);
    return true;
}

bool date_of_time(struct span text, int64_t *ret_day)
{
    if (text.len >= 10 && text.ptr[4] == '-')
        return (text.len == 10 || text.ptr[10] == 'T' || text.ptr[10] == ' ') &&
               date_parse(span_slice(text, 0, 10), ret_day);
    size_t whole = span_find(text, ".", 0);
    struct span number = span_slice(text, 0, whole);
    int high, low;
    if (number.len != 10 && number.len != 13) /* seconds, milliseconds since 2001 */
        return false;
    if (!digits(span_slice(number, 0, 5), &high) ||
        !digits(span_slice(number, 5, 10), &low) ||
        !digits(span_slice(number, 10 - 1, number.len), &(int){ 0 }))
        return false;
    *ret_day = ((int64_t)high * 100000 + low) / SECONDS_A_DAY;
    return true;
}

void date_text(int64_t day, char ret_text[DATE_TEXT])
{
    struct tm parts = { 0 };
    time_t seconds = (time_t)day * SECONDS_A_DAY;
    if (!gmtime_r(&seconds, &parts) || parts.tm_year > YEAR_MAX - 1900 ||
        strftime(ret_text, DATE_TEXT, "%Y-%m-%d", &parts) == 0)
        (void)snprintf(ret_text, DATE_TEXT, "a far day");
}
