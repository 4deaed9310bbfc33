#include "integrity/rfc3339.h"

/* `digits` decimal digits at *at, which moves behind them; -1 when there are fewer. */
static int number(struct span text, size_t *at, size_t digits)
{
    int value = 0;
    for (size_t i = 0; i < digits; i++) {
        size_t k = *at + i;
        if (k >= text.len || text.ptr[k] < '0' || text.ptr[k] > '9')
            return -1;
        value = value * 10 + (text.ptr[k] - '0');
    }
    *at += digits;
    return value;
}

static bool literal(struct span text, size_t *at, const char *any_of)
{
    if (*at >= text.len || text.ptr[*at] == 0 || !strchr(any_of, text.ptr[*at]))
        return false;
    ++*at;
    return true;
}

static int days_in(int month, int year)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "Z" or "+01:00", as seconds east of Greenwich, at the end of the text. */
static bool offset(struct span text, size_t *at, int64_t *ret_seconds)
{
    if (literal(text, at, "Zz")) {
        *ret_seconds = 0;
        return *at == text.len;
    }
    bool west = *at < text.len && text.ptr[*at] == '-';
    if (!literal(text, at, "+-"))
        return false;
    int hours = number(text, at, 2);
    if (hours < 0 || hours > 23 || !literal(text, at, ":"))
        return false;
    int minutes = number(text, at, 2);
    if (minutes < 0 || minutes > 59 || *at != text.len)
        return false;
    *ret_seconds = (west ? -60 : 60) * (hours * 60 + minutes);
    return true;
}

bool rfc3339_parse(struct span text, int64_t *ret_seconds)
{
    size_t at = 0;
    int64_t east = 0;
    struct tm t = { .tm_isdst = 0 };
    int year = number(text, &at, 4);
    if (year < 0 || !literal(text, &at, "-"))
        return false;
    int month = number(text, &at, 2);
    if (month < 1 || month > 12 || !literal(text, &at, "-"))
        return false;
    t.tm_mday = number(text, &at, 2);
    if (t.tm_mday < 1 || t.tm_mday > days_in(month, year) || !literal(text, &at, "Tt"))
        return false;
    t.tm_hour = number(text, &at, 2);
    if (t.tm_hour < 0 || t.tm_hour > 23 || !literal(text, &at, ":"))
        return false;
    t.tm_min = number(text, &at, 2);
    if (t.tm_min < 0 || t.tm_min > 59 || !literal(text, &at, ":"))
        return false;
    t.tm_sec = number(text, &at, 2);
    if (t.tm_sec < 0 || t.tm_sec > 60)
        return false;
    if (t.tm_sec == 60)
        t.tm_sec = 59;
    if (literal(text, &at, ".")) {
        size_t first = at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
            at++;
        if (at == first)
            return false;
    }
    if (!offset(text, &at, &east))
        return false;
    t.tm_year = year - 1900;
    t.tm_mon = month - 1;
    *ret_seconds = rfc3339_seconds(&t) - east;
    return true;
}

void rfc3339_format(int64_t seconds, char ret_text[RFC3339_MAX])
{
    struct tm utc;
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, &utc) ||
        strftime(ret_text, RFC3339_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        ret_text[0] = '\0';
}

int64_t rfc3339_seconds(const struct tm *utc)
{
    struct tm copy = *utc;
    return (int64_t)timegm(&copy);
}
