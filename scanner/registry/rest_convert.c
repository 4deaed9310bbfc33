/* What "as" does to a value.  A value that does not fit is unknown. */
#include "registry/entry.h"
#include "registry/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- times --------------------------------------------------------------------- */

static bool number_at(const char **at, size_t digits, int *ret_number)
{
    int value = 0;
    for (size_t i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (**at - '0');
    }
    *ret_number = value;
    return true;
}

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool clock_parse(const char **at, int64_t *ret_seconds)
{
    int hour, minute, second;
    if (!number_at(at, 2, &hour) || *(*at)++ != ':' || !number_at(at, 2, &minute) ||
        *(*at)++ != ':' || !number_at(at, 2, &second) || hour > 24 || minute > 59 ||
        second > 60)
        return false;
    if (**at == '.')
        *at += 1 + strspn(*at + 1, "0123456789");
    *ret_seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

static bool zone_parse(const char *at, int64_t *ret_offset)
{
    int hours = 0, minutes = 0;
    bool west = *at == '-';
    *ret_offset = 0;
    if (!*at || ((*at == 'Z' || *at == 'z') && !at[1]))
        return true;
    if (*at != '+' && *at != '-')
        return false;
    at++;
    if (!number_at(&at, 2, &hours))
        return false;
    at += *at == ':';
    if (*at && !number_at(&at, 2, &minutes))
        return false;
    *ret_offset = (west ? -1 : 1) * (hours * 60 + minutes) * 60;
    return !*at;
}

bool time_parse(const char *text, int64_t *ret_seconds)
{
    int year, month, day;
    int64_t clock = 0, offset = 0;
    const char *at = text;
    if (!number_at(&at, 4, &year) || *at++ != '-' || !number_at(&at, 2, &month) ||
        *at++ != '-' || !number_at(&at, 2, &day) || month < 1 || month > 12 || day < 1 ||
        day > 31 || year < 1)
        return false;
    if (*at) {
        if (*at != 'T' && *at != 't' && *at != ' ')
            return false;
        at++;
        if (!clock_parse(&at, &clock) || !zone_parse(at, &offset))
            return false;
    }
    *ret_seconds = days_of(year, month, day) * 86400 + clock - offset;
    return true;
}

void time_write(int64_t seconds, struct buffer *out)
{
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year_of_era =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    buffer_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month, (int)day,
                  (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}

static json_t *json_time(int64_t seconds)
{
    struct buffer text;
    buffer_init(&text, 64);
    time_write(seconds, &text);
    json_t *json = text.text ? json_string(text.text) : NULL;
    buffer_free(&text);
    return json;
}

/* ---- numbers ------------------------------------------------------------------- */

/* A number, or the text of one. */
static bool number_of(const json_t *json, double *ret_number)
{
    if (json_is_number(json)) {
        *ret_number = json_number_value(json);
    } else {
        const char *text = json_string_value(json);
        char *end = NULL;
        if (!text || !*text || strspn(text, "0123456789+-.eE") != strlen(text))
            return false;
        *ret_number = strtod(text, &end);
        if (*end)
            return false;
    }
    return isfinite(*ret_number);
}

/* Times outside of the years 1 to 9999 are nonsense. */
static json_t *epoch(const json_t *json, double scale)
{
    double number;
    if (!number_of(json, &number) || number / scale < -62135596800.0 ||
        number / scale > 253402300799.0)
        return NULL;
    int64_t seconds = (int64_t)(number / scale);
    return json_time(seconds - ((double)seconds > number / scale));
}

static json_t *as_iso8601(const json_t *json, const json_t *how)
{
    int64_t seconds;
    (void)how;
    return json_is_string(json) && time_parse(json_string_value(json), &seconds)
               ? json_time(seconds)
               : NULL;
}

static json_t *as_epoch_s(const json_t *json, const json_t *how)
{
    (void)how;
    return epoch(json, 1.0);
}

static json_t *as_epoch_ms(const json_t *json, const json_t *how)
{
    (void)how;
    return epoch(json, 1000.0);
}

/* Nothing beyond 2^53, where a double no longer tells neighbours apart. */
static json_t *whole(const json_t *json, double scale)
{
    double number;
    if (json_is_integer(json) && scale == 1.0)
        return json_integer(json_integer_value(json));
    if (!number_of(json, &number) || fabs(number * scale) > 9007199254740992.0)
        return NULL;
    return json_integer((json_int_t)(number * scale + (number < 0 ? -0.5 : 0.5)));
}

static json_t *as_int(const json_t *json, const json_t *how)
{
    (void)how;
    return whole(json, 1.0);
}

static json_t *as_float(const json_t *json, const json_t *how)
{
    double number;
    (void)how;
    return number_of(json, &number) ? json_real(number) : NULL;
}

static json_t *as_kib(const json_t *json, const json_t *how)
{
    (void)how;
    return whole(json, 1024.0);
}

/* ---- texts and lists ----------------------------------------------------------- */

static json_t *as_str(const json_t *json, const json_t *how)
{
    struct buffer text;
    (void)how;
    buffer_init(&text, VALUE_TEXT_MAX);
    json_t *made = json_scalar_text(json, &text) && text.text
                       ? json_stringn(text.text, text.len)
                       : NULL;
    buffer_free(&text);
    return made;
}

/* "auto", "manual", a number but 0, true: yes.  A registry that says false says no. */
static json_t *as_truthy(const json_t *json, const json_t *how)
{
    (void)how;
    if (json_is_boolean(json))
        return json_boolean(json_is_true(json));
    if (json_is_number(json))
        return json_boolean(json_number_value(json) != 0.0);
    return json_is_string(json) ? json_true() : NULL;
}

static json_t *as_in(const json_t *json, const json_t *how)
{
    const json_t *list = json_object_get(how, "in");
    if (!json_is_string(json))
        return NULL;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json, json_array_get(list, i)))
            return json_true();
    return json_false();
}

static json_t *as_prefixed(const json_t *json, const json_t *how)
{
    const char *prefix = json_string_value(json_object_get(how, "prefix"));
    if (!json_is_array(json))
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(json); i++) {
        const char *text = json_string_value(json_array_get(json, i));
        if (text && strncmp(text, prefix, strlen(prefix)) == 0)
            json_array_append_new(list, json_string(text + strlen(prefix)));
    }
    return list;
}

/* [{"key": K, "value": V}, …]. */
static json_t *as_kv(const json_t *json, const json_t *how)
{
    const char *key = json_string_value(json_object_get(how, "key"));
    if (!json_is_array(json))
        return NULL;
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *pair = json_array_get(json, i);
        const char *name = json_string_value(json_object_get(pair, "key"));
        if (name && strcmp(name, key) == 0)
            return json_incref(json_object_get(pair, "value"));
    }
    return json_null();
}

/* One member of each element. */
static json_t *as_each(const json_t *json, const json_t *how)
{
    const char *key = json_string_value(json_object_get(how, "key"));
    if (!json_is_array(json))
        return NULL;
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(json); i++) {
        json_t *found = NULL;
        if (pointer_get(json_array_get(json, i), key, &found) == VALUE_KNOWN)
            json_array_append(list, found);
    }
    return list;
}

static json_t *as_join(const json_t *json, const json_t *how)
{
    const char *prefix = json_string_value(json_object_get(how, "prefix"));
    struct buffer text;
    json_t *made = NULL;
    if (!json_is_array(json))
        return NULL;
    buffer_init(&text, VALUE_TEXT_MAX);
    buffer_add_text(&text, prefix ? prefix : "");
    for (size_t i = 0; i < json_array_size(json); i++) {
        buffer_add_text(&text, i > 0 ? "," : "");
        (void)json_scalar_text(json_array_get(json, i), &text);
    }
    if (text.text)
        made = json_stringn(text.text, text.len);
    buffer_free(&text);
    return made;
}

static json_t *as_count(const json_t *json, const json_t *how)
{
    (void)how;
    if (json_is_array(json))
        return json_integer((json_int_t)json_array_size(json));
    return json_is_object(json) ? json_integer((json_int_t)json_object_size(json)) : NULL;
}

static json_t *as_strip(const json_t *json, const json_t *how)
{
    const char *prefix = json_string_value(json_object_get(how, "prefix"));
    const char *text = json_string_value(json);
    if (!text)
        return NULL;
    size_t n = strlen(prefix);
    return json_string(strncmp(text, prefix, n) == 0 ? text + n : text);
}

static json_t *as_first_line(const json_t *json, const json_t *how)
{
    const char *text = json_string_value(json);
    (void)how;
    if (!text)
        return NULL;
    text += strspn(text, " \t\r\n");
    return json_stringn(text, strcspn(text, "\r\n"));
}

/* JSON in a text, and a pointer into it. */
static json_t *as_json(const json_t *json, const json_t *how)
{
    const char *text = json_string_value(json);
    const char *key = json_string_value(json_object_get(how, "key"));
    json_t *found = NULL, *inner = NULL;
    if (text && json_string_length(json) <= VALUE_TEXT_MAX)
        inner = json_loadb(text, json_string_length(json),
                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    enum value_state state = pointer_get(inner, key ? key : "", &found);
    json_t *made = state == VALUE_KNOWN             ? json_incref(found)
                   : state == VALUE_ABSENT && inner ? json_null()
                                                    : NULL;
    json_decref(inner);
    return made;
}

/* The group of an expression, from a text. */
static json_t *as_match(const json_t *json, const json_t *how)
{
    const char *expression = json_string_value(json_object_get(how, "re"));
    size_t group = (size_t)json_integer_value(json_object_get(how, "group"));
    const char *text = json_string_value(json);
    regmatch_t groups[10];
    regex_t compiled;
    struct error ignored;
    json_t *made = NULL;
    if (!text || group >= sizeof groups / sizeof *groups || strlen(text) > URL_MAX ||
        !expression_compile(expression, &compiled, &ignored))
        return NULL;
    if (regexec(&compiled, text, sizeof groups / sizeof *groups, groups, 0) == 0 &&
        groups[group].rm_so >= 0)
        made = json_stringn(text + groups[group].rm_so,
                            (size_t)(groups[group].rm_eo - groups[group].rm_so));
    regfree(&compiled);
    return made;
}

/* How bad a word is: its place in "order"; what is not listed is worse than all. */
static size_t rank(const json_t *word, const json_t *order)
{
    size_t i = 0;
    while (i < json_array_size(order) && !json_equal(word, json_array_get(order, i)))
        i++;
    return i;
}

/* The worst of several words.  What lacks the word makes the whole unknown. */
static json_t *as_worst(const json_t *json, const json_t *how)
{
    const char *key = json_string_value(json_object_get(how, "key"));
    const json_t *order = json_object_get(how, "order");
    json_t *worst = NULL;
    if (!json_is_array(json))
        return NULL;
    for (size_t i = 0; i < json_array_size(json); i++) {
        json_t *word = NULL;
        if (pointer_get(json_array_get(json, i), key ? key : "", &word) != VALUE_KNOWN ||
            !json_is_string(word))
            return NULL;
        if (!worst || rank(word, order) > rank(worst, order))
            worst = word;
    }
    return worst ? json_incref(worst) : json_null();
}

/* ---- the table ----------------------------------------------------------------- */

static const struct {
    const char *name;
    json_t *(*convert)(const json_t *json, const json_t *how); /* NULL: does not fit */
} conversions[] = {
    {"iso8601",      as_iso8601   },
    { "epoch_s",     as_epoch_s   },
    { "epoch_float", as_epoch_s   },
    { "epoch_ms",    as_epoch_ms  },
    { "int",         as_int       },
    { "float",       as_float     },
    { "kib",         as_kib       },
    { "str",         as_str       },
    { "truthy",      as_truthy    },
    { "in",          as_in        },
    { "prefixed",    as_prefixed  },
    { "kv",          as_kv        },
    { "each",        as_each      },
    { "join",        as_join      },
    { "count",       as_count     },
    { "strip",       as_strip     },
    { "first_line",  as_first_line},
    { "json",        as_json      },
    { "match",       as_match     },
    { "worst",       as_worst     },
};

/* "empty" stands for a list that was there and has nothing in it. */
static struct value when_empty(const json_t *how, struct value v)
{
    json_t *stand_in = json_object_get(how, "empty");
    return v.empty_list && stand_in ? value_of_json(json_incref(stand_in)) : v;
}

struct value value_convert(const json_t *how, struct value v)
{
    const char *as = json_string_value(json_object_get(how, "as"));
    if (v.state != VALUE_KNOWN || !as)
        return v.state == VALUE_ABSENT ? when_empty(how, v) : v;
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
        if (strcmp(as, conversions[i].name) == 0) {
            json_t *made = conversions[i].convert(v.json, how);
            value_free(&v);
            return made ? value_of_json(made) : v;
        }
    value_free(&v);
    return v;
}

bool conversion_known(const char *name)
{
    for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++)
        if (strcmp(name, conversions[i].name) == 0)
            return true;
    return false;
}
