#include "net/field.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char space[] = " \t\r\n";

/* --- the list --- */

static bool is_token(uint8_t c) /* RFC 9110, 5.6.2 */
{
    return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static char *copy(struct span s)
{
    char *text = malloc(s.len + 1);
    if (!text)
        return NULL;
    for (size_t i = 0; i < s.len;
         i++) /* a tab is white space, the rest has no business */
        text[i] = s.ptr[i] < 0x20 || s.ptr[i] == 0x7f ? ' ' : (char)s.ptr[i];
    text[s.len] = '\0';
    return text;
}

bool fields_add(struct fields *f, struct span line)
{
    size_t colon = span_find(line, ":", 0);
    struct span name = span_slice(line, 0, colon);
    if (colon == SIZE_MAX || colon == 0)
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (!is_token(name.ptr[i]))
            return true;
    if (f->count == FIELDS_MAX)
        return false;
    if (f->count % 16 == 0) {
        struct field *list = realloc(f->list, (f->count + 16) * sizeof *list);
        if (!list)
            return false;
        f->list = list;
    }
    struct field *new = &f->list[f->count];
    new->name = copy(name);
    new->value = copy(span_trim(span_slice(line, colon + 1, line.len), space));
    if (!new->name || !new->value) {
        free(new->name);
        free(new->value);
        return false;
    }
    f->count++;
    return true;
}

void fields_free(struct fields *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->list[i].name);
        free(f->list[i].value);
    }
    free(f->list);
    *f = (struct fields){ 0 };
}

const char *fields_get(const struct fields *f, const char *name, size_t n)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcasecmp(f->list[i].name, name) == 0 && n-- == 0)
            return f->list[i].value;
    return NULL;
}

/* --- numbers and dates --- */

/* Digits at *at, which moves behind them; large numbers stay at the largest. */
static bool take_number(const char **at, uint64_t *ret)
{
    uint64_t n = 0;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        unsigned digit = (unsigned)(**at - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *ret = n;
    return true;
}

static bool whole_number(const char *text, uint64_t *ret)
{
    uint64_t n;
    if (!text || !take_number(&text, &n) || *text)
        return false;
    *ret = n;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar; month 1 to 12. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    int64_t y = month > 2 ? year : year - 1; /* the leap days that have passed */
    return 365 * (year - 1970) + y / 4 - y / 100 + y / 400 - 477 + before[month - 1] +
           day - 1;
}

static int month_of(struct span word)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12 && word.len == 3; i++)
        if (strncasecmp((const char *)word.ptr, names + 3 * i, 3) == 0)
            return i + 1;
    return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
 * "Sun Nov  6 08:49:37 1994": the same words, and the month tells which. */
bool field_date(const char *text, int64_t *ret_time)
{
    static const char between[] = " ,-:";
    struct span words[9];
    uint64_t n[8];
    size_t count = 0;
    for (const char *at = text + strspn(text, between); *at; at += strspn(at, between)) {
        size_t len = strcspn(at, between);
        if (count == 9)
            return false;
        words[count++] = span_of(at, len);
        at += len;
    }
    if (count < 7)
        return false;
    bool asctime = month_of(words[1]) != 0;
    int month = month_of(words[asctime ? 1 : 2]);
    size_t at_year = asctime ? 6 : 3, at_day = asctime ? 2 : 1, at_hour = asctime ? 3 : 4;
    if (!month)
        return false;
    for (size_t i = 1; i < 7; i++) {
        const char *digits = (const char *)words[i].ptr, *end = digits;
        if (words[i].len > 4)
            return false;
        if (i != (asctime ? 1 : 2) &&
            (!take_number(&end, &n[i]) || (size_t)(end - digits) != words[i].len))
            return false;
    }
    if (words[at_year].len == 2) /* RFC 850: until 1970 it is the next century */
        n[at_year] += n[at_year] < 70 ? 2000 : 1900;
    if (n[at_year] < 1970 || n[at_day] < 1 || n[at_day] > 31 || n[at_hour] > 23 ||
        n[at_hour + 1] > 59 || n[at_hour + 2] > 60)
        return false;
    *ret_time = days_since_1970((int64_t)n[at_year], month, (int64_t)n[at_day]) * 86400 +
                (int64_t)(n[at_hour] * 3600 + n[at_hour + 1] * 60 + n[at_hour + 2]);
    return true;
}

/* --- waiting --- */

enum { EPOCH_SINCE = 1000000000 }; /* a reset above that is a point in time */

static uint64_t seconds_until(int64_t then, int64_t now)
{
    return then > now ? (uint64_t)(then - now) : 0;
}

/* What one RateLimit field says of the most exhausted policy in it. */
static bool rate_limit(const char *value, uint64_t *ret_seconds)
{
    bool found = false;
    uint64_t left = UINT64_MAX, longest = 0;
    while (*value) {
        value += strspn(value, " \t,;");
        size_t len = strcspn(value, "=,;");
        struct span key = span_trim(span_of(value, len), space);
        value += len;
        uint64_t n = 0;
        if (*value == '=') {
            value += 1 + strspn(value + 1, " ");
            if (!take_number(&value, &n))
                key = (struct span){ 0 };
            value += strcspn(value, ",;");
        }
        if (span_is(key, "r") || span_is(key, "remaining"))
            left = n;
        if (left == 0 && (span_is(key, "t") || span_is(key, "reset"))) {
            found = true;
            longest = n > longest ? n : longest;
        }
    }
    if (found)
        *ret_seconds = longest;
    return found;
}

bool field_wait(const struct fields *f, int64_t now, uint64_t *ret_seconds)
{
    const char *value = fields_get(f, "Retry-After", 0);
    uint64_t n;
    int64_t then;
    if (whole_number(value, ret_seconds))
        return true;
    if (value && field_date(value, &then)) {
        *ret_seconds = seconds_until(then, now);
        return true;
    }
    value = fields_get(f, "RateLimit", 0);
    if (value && rate_limit(value, ret_seconds))
        return true;
    if (whole_number(fields_get(f, "RateLimit-Remaining", 0), &n) && n == 0 &&
        whole_number(fields_get(f, "RateLimit-Reset", 0), ret_seconds))
        return true;
    if (!whole_number(fields_get(f, "X-RateLimit-Remaining", 0), &n) || n != 0 ||
        !whole_number(fields_get(f, "X-RateLimit-Reset", 0), &n))
        return false;
    *ret_seconds = n < EPOCH_SINCE ? n
                   : n > INT64_MAX ? n
                                   : seconds_until((int64_t)n, now);
    return true;
}

bool field_exhausted(const struct fields *f)
{
    uint64_t n;
    const char *value = fields_get(f, "RateLimit", 0);
    return (value && rate_limit(value, &n)) ||
           (whole_number(fields_get(f, "RateLimit-Remaining", 0), &n) && n == 0) ||
           (whole_number(fields_get(f, "X-RateLimit-Remaining", 0), &n) && n == 0);
}

/* --- ranges and validators --- */

bool field_content_range(const char *value, uint64_t *ret_first, uint64_t *ret_last,
                         uint64_t *ret_total)
{
    uint64_t first, last, total = UINT64_MAX;
    if (strncasecmp(value, "bytes ", 6) != 0)
        return false;
    value += 6;
    if (!take_number(&value, &first) || *value++ != '-' || !take_number(&value, &last) ||
        *value++ != '/')
        return false;
    if (strcmp(value, "*") != 0 && !whole_number(value, &total))
        return false;
    if (first > last || last >= total)
        return false;
    *ret_first = first;
    *ret_last = last;
    *ret_total = total;
    return true;
}

const char *field_validator(const struct fields *f)
{
    const char *tag = fields_get(f, "ETag", 0);
    const char *changed = fields_get(f, "Last-Modified", 0),
               *date = fields_get(f, "Date", 0);
    int64_t then, now;
    size_t len = tag ? strlen(tag) : 0;
    if (len >= 2 && tag[0] == '"' && strchr(tag + 1, '"') == tag + len - 1)
        return tag;
    if (changed && date && field_date(changed, &then) && field_date(date, &now) &&
        now - then >= 60)
        return changed;
    return NULL;
}

/* --- parameters: name=token, name="quoted \" text" --- */

/* Take one parameter's value at *at onto `out`. */
static void take_value(const char **at, struct buffer *out)
{
    const char *c = *at;
    if (*c != '"') {
        size_t len = strcspn(c, " \t,;");
        buffer_add(out, span_of(c, len));
        *at = c + len;
        return;
    }
    for (c++; *c && *c != '"'; c++) {
        if (*c == '\\' && c[1])
            c++;
        buffer_add(out, span_of(c, 1));
    }
    *at = *c ? c + 1 : c;
}

static struct span take_token(const char **at)
{
    const char *start = *at;
    while (is_token((uint8_t) * *at))
        ++*at;
    return span_of(start, (size_t)(*at - start));
}

static bool name_is(struct span name, const char *literal)
{
    return name.len == strlen(literal) &&
           strncasecmp((const char *)name.ptr, literal, name.len) == 0;
}

/* Does a list of link relations hold `next`? */
static bool relation_is_next(const char *list)
{
    while (*list) {
        size_t len = strcspn(list, " \t");
        if (name_is(span_of(list, len), "next"))
            return true;
        list += len + strspn(list + len, " \t");
    }
    return false;
}

/* One link-value at *at: <target> *( ; name=value ).  True when it is the next page. */
static bool take_link(const char **at, struct buffer *ret_target)
{
    bool next = false, decided = false; /* only the first rel counts */
    const char *c = *at + 1;
    size_t len = strcspn(c, ">");
    struct span target = span_of(c, len);
    struct buffer value;
    buffer_init(&value, 1024);
    for (c += len + (c[len] == '>'); *c && *c != ',';) {
        c += strspn(c, " \t;");
        struct span name = take_token(&c);
        c += strspn(c, " \t");
        if (*c == '=') {
            c += 1 + strspn(c + 1, " \t");
            buffer_clear(&value);
            take_value(&c, &value);
            if (name_is(name, "rel") && !decided) {
                decided = true;
                next = value.text && relation_is_next(value.text);
            }
        } else if (name.len == 0 && *c && *c != ',' && *c != ';') {
            c++; /* no parameter: pass over it */
        }
    }
    buffer_free(&value);
    *at = c;
    if (next && target.len) {
        buffer_clear(ret_target);
        buffer_add(ret_target, target);
    }
    return next && target.len;
}

bool field_link_next(const struct fields *f, struct buffer *ret_target)
{
    const char *c;
    for (size_t n = 0; (c = fields_get(f, "Link", n)) != NULL; n++)
        for (c += strcspn(c, "<"); *c; c += strcspn(c, "<"))
            if (take_link(&c, ret_target))
                return true;
    return false;
}

static bool keep(char *to, size_t size, const struct buffer *value)
{
    if (value->truncated || value->len >= size)
        return false;
    memcpy(to, value->text ? value->text : "", value->len + 1);
    return true;
}

/* The parameters of a challenge; stops before the next scheme. */
static bool take_challenge(const char *c, struct challenge *ret)
{
    bool fits = true;
    struct buffer value;
    buffer_init(&value, sizeof ret->realm);
    for (;;) {
        c += strspn(c, " \t,");
        struct span name = take_token(&c);
        c += strspn(c, " \t");
        if (name.len == 0 || *c != '=')
            break;
        c += 1 + strspn(c + 1, " \t");
        buffer_clear(&value);
        take_value(&c, &value);
        if (name_is(name, "realm"))
            fits = fits && keep(ret->realm, sizeof ret->realm, &value);
        else if (name_is(name, "service"))
            fits = fits && keep(ret->service, sizeof ret->service, &value);
        else if (name_is(name, "scope"))
            fits = fits && keep(ret->scope, sizeof ret->scope, &value);
    }
    buffer_free(&value);
    return fits && ret->realm[0];
}

bool field_challenge(const struct fields *f, struct challenge *ret_challenge)
{
    struct challenge found = { .realm = "" };
    const char *c;
    struct buffer skipped;
    for (size_t n = 0; (c = fields_get(f, "WWW-Authenticate", n)) != NULL; n++) {
        while (*c) {
            c += strspn(c, " \t,");
            struct span name = take_token(&c);
            if (name_is(name, "Bearer") && (*c == ' ' || *c == '\t')) {
                if (!take_challenge(c, &found))
                    return false;
                *ret_challenge = found;
                return true;
            }
            c += strspn(c, " \t");
            if (*c == '=') { /* another scheme's parameter; its value may hold commas */
                c++;
                buffer_init(&skipped, 1);
                take_value(&c, &skipped);
                buffer_free(&skipped);
            } else if (name.len == 0 && *c) {
                c++;
            }
        }
    }
    return false;
}
