#include "formats/member_name.h"

enum { NAME_LONGEST = 4096 };

static bool is_slash(uint8_t c)
{
    return c == '/' || c == '\\';
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The next component of a path, empty ones left out; false at the end. */
static bool next_component(struct reader *r, struct span *ret_component)
{
    struct reader ahead = *r;
    while (reader_left(&ahead) > 0 && is_slash(reader_u8(&ahead)))
        *r = ahead;
    ahead = *r;
    size_t n = 0;
    while (reader_left(&ahead) > 0 && !is_slash(reader_u8(&ahead)))
        n++;
    *ret_component = reader_bytes(r, n);
    return n > 0;
}

static bool is_absolute(struct span name)
{
    struct reader r = reader_of(name, 0);
    uint8_t first = reader_u8(&r);
    return is_slash(first) || (is_letter(first) && reader_u8(&r) == ':');
}

const char *member_name_unsafe(struct span name)
{
    if (name.len > NAME_LONGEST)
        return "is longer than any path may be";
    if (is_absolute(name))
        return "is absolute";
    struct reader bytes = reader_of(name, 0);
    while (reader_left(&bytes) > 0)
        if (reader_u8(&bytes) == 0)
            return "holds a NUL, at which some loaders cut it";
    struct reader r = reader_of(name, 0);
    struct span component;
    while (next_component(&r, &component))
        if (span_is(component, ".."))
            return "leads out of the directory it is extracted to";
    return NULL;
}

/* One well-formed UTF-8 sequence (Unicode table 3-7). */
static bool utf8_next(struct reader *r)
{
    uint8_t lead = reader_u8(r);
    if (lead < 0x80)
        return true;
    if (lead < 0xc2 || lead > 0xf4)
        return false;
    unsigned more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (; more > 0; more--) {
        uint8_t c = reader_u8(r);
        if (c < low || c > high)
            return false;
        low = 0x80;
        high = 0xbf;
    }
    return reader_ok(r);
}

const char *member_name_odd(struct span name, bool promises_utf8)
{
    struct reader r = reader_of(name, 0);
    while (reader_left(&r) > 0) {
        uint8_t c = reader_u8(&r);
        if (c == '\\')
            return "holds a backslash, a separator on some systems only";
        if (c < 0x20 || c == 0x7f)
            return "holds control characters";
    }
    r = reader_of(name, 0);
    while (promises_utf8 && reader_left(&r) > 0)
        if (!utf8_next(&r))
            return "is marked as UTF-8 and is not";
    return NULL;
}

bool member_link_escapes(struct span name, struct span target)
{
    if (is_absolute(target))
        return true;
    struct reader r = reader_of(name, 0);
    struct span component;
    uint64_t depth = 0; /* of the directory the link lies in, plus one */
    while (next_component(&r, &component))
        if (!span_is(component, "."))
            depth++;
    r = reader_of(target, 0);
    while (next_component(&r, &component)) {
        if (span_is(component, "..")) {
            if (depth <= 1)
                return true;
            depth--;
        } else if (!span_is(component, ".")) {
            depth++;
        }
    }
    return false;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool next_real_component(struct reader *r, struct span *ret_component)
{
    do
        if (!next_component(r, ret_component))
            return false;
    while (span_is(*ret_component, "."));
    return true;
}

static int component_compare(struct span a, struct span b)
{
    struct reader ra = reader_of(a, 0), rb = reader_of(b, 0);
    while (reader_left(&ra) > 0 && reader_left(&rb) > 0) {
        int order = fold(reader_u8(&ra)) - fold(reader_u8(&rb));
        if (order != 0)
            return order;
    }
    return (reader_left(&ra) > 0) - (reader_left(&rb) > 0);
}

int member_name_compare(struct span a, struct span b)
{
    struct reader ra = reader_of(a, 0), rb = reader_of(b, 0);
    for (;;) {
        struct span ca, cb;
        bool more_a = next_real_component(&ra, &ca);
        bool more_b = next_real_component(&rb, &cb);
        if (!more_a || !more_b)
            return more_a - more_b;
        int order = component_compare(ca, cb);
        if (order != 0)
            return order;
    }
}

bool member_name_below(struct span name, struct span top)
{
    struct reader rn = reader_of(name, 0), rt = reader_of(top, 0);
    struct span cn, ct;
    while (next_real_component(&rt, &ct))
        if (!next_real_component(&rn, &cn) || !span_equal(cn, ct))
            return false;
    return next_real_component(&rn, &cn);
}
