#include "sources/git/pkt_line.h"

#include <string.h>

static struct pkt bad(struct reader *r)
{
    r->failed = true;
    return (struct pkt){ .kind = PKT_BAD };
}

static bool read_length(struct span digits, size_t *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = digits.ptr[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        n = n << 4 | (size_t)digit;
    }
    *ret = n;
    return digits.len == 4;
}

struct pkt pkt_next(struct reader *r)
{
    size_t n = 0;
    if (!read_length(reader_bytes(r, 4), &n) || n == 3)
        return bad(r);
    if (n < 3)
        return (struct pkt){ .kind = n == 0   ? PKT_FLUSH
                                     : n == 1 ? PKT_DELIMITER
                                              : PKT_RESPONSE_END };
    struct span data = reader_bytes(r, n - 4);
    if (!reader_ok(r))
        return bad(r);
    return (struct pkt){ .kind = PKT_DATA, .data = data };
}

void pkt_add(struct buffer *out, const char *format, ...)
{
    struct buffer line;
    va_list args;
    buffer_init(&line, 4096);
    va_start(args, format);
    buffer_vprintf(&line, format, args);
    va_end(args);
    buffer_printf(out, "%04zx%s\n", line.len + 5, line.text ? line.text : "");
    buffer_free(&line);
}

void pkt_add_flush(struct buffer *out)
{
    buffer_add_text(out, "0000");
}

void pkt_add_delimiter(struct buffer *out)
{
    buffer_add_text(out, "0001");
}

bool pkt_side_band(struct reader *r, struct buffer *ret_bytes, struct span *ret_why)
{
    for (;;) {
        struct pkt p = pkt_next(r);
        if (p.kind == PKT_FLUSH || p.kind == PKT_RESPONSE_END)
            return true;
        *ret_why = span_of_text("it ends early");
        if (p.kind != PKT_DATA || p.data.len == 0)
            return false;
        struct span rest = span_slice(p.data, 1, p.data.len);
        *ret_why = rest;
        if (p.data.ptr[0] == 3)
            return false;
        if (p.data.ptr[0] == 1)
            buffer_add(ret_bytes, rest);
        *ret_why = span_of_text("it is too large");
        if (ret_bytes->truncated)
            return false;
    }
}
