#include "sources/answer_store.h"

#include "core/digest.h"
#include "core/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORED_MAX = REST_ANSWER_MAX + (1 << 20), LINE_MAX = 64 << 10 };

static bool digest(struct span bytes, char ret_hex[DIGEST_HEX_MAX + 1])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), bytes.len);
    if (!d)
        return false;
    digester_add(d, bytes);
    digester_finish(d);
    bool ok = digester_hex(d, DIGEST_SHA256, ret_hex);
    digester_free(d);
    return ok;
}

/* The question; a body is part of it. */
static bool identity(const struct rest_request *q, struct buffer *out)
{
    char hex[DIGEST_HEX_MAX + 1];
    buffer_init(out, 32 << 10);
    buffer_printf(out, "answer %s %s", q->method, q->url);
    if (q->body.len && digest(q->body, hex))
        buffer_printf(out, " %s", hex);
    return !out->truncated && out->text;
}

/* Answers that say something about the model, and no more than once. */
static bool worth_keeping(const struct rest_answer *a)
{
    return (a->status >= 200 && a->status < 400) || a->status == 404;
}

void answer_keep(struct cache *c, const struct rest_request *q,
                 const struct rest_answer *answer)
{
    struct buffer name, text;
    char hex[DIGEST_HEX_MAX + 1];
    struct error ignored;
    int fd = -1;
    buffer_init(&text, STORED_MAX);
    buffer_printf(&text, "%d %s\n", answer->status, answer->url ? answer->url : q->url);
    for (size_t i = 0; i < answer->header_count; i++)
        if (strcasecmp(answer->headers[i].name, "Set-Cookie") != 0)
            buffer_printf(&text, "%s: %s\n", answer->headers[i].name,
                          answer->headers[i].value);
    buffer_add_text(&text, "\n");
    buffer_add(&text, answer->body);
    if (identity(q, &name) && worth_keeping(answer) && !text.truncated &&
        digest(buffer_span(&text), hex) &&
        cache_store(c, name.text, hex, buffer_span(&text), NULL, &fd, &ignored))
        (void)close(fd);
    buffer_free(&name);
    buffer_free(&text);
}

/* ---- and back -------------------------------------------------------------------- */

static bool read_all(int fd, struct arena *arena, struct span *ret)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || st.st_size > STORED_MAX)
        return false;
    size_t size = (size_t)st.st_size, done = 0;
    uint8_t *bytes = arena_alloc(arena, size + 1);
    while (bytes && done < size) {
        ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    *ret = span_of(bytes, size);
    return bytes != NULL;
}

static bool parse(struct span text, struct arena *arena, struct rest_answer *ret)
{
    struct reader r = reader_of(text, 0);
    struct span first = reader_line(&r, LINE_MAX), line;
    size_t space = span_find(first, " ", 0);
    struct rest_header *headers = arena_array(arena, REST_HEADERS_MAX, sizeof *headers);
    struct rest_answer answer = { .headers = headers };
    if (space == SIZE_MAX || !headers)
        return false;
    for (size_t i = 0; i < space && i < 3; i++)
        answer.status = answer.status * 10 + (first.ptr[i] - '0');
    answer.url = arena_text(arena, span_slice(first, space + 1, first.len));
    while ((line = reader_line(&r, LINE_MAX)).len > 0 &&
           answer.header_count < REST_HEADERS_MAX) {
        size_t colon = span_find(line, ": ", 0);
        if (colon != SIZE_MAX)
            headers[answer.header_count++] = (struct rest_header){
                arena_text(arena, span_slice(line, 0, colon)),
                arena_text(arena, span_slice(line, colon + 2, line.len)),
            };
    }
    answer.body = reader_bytes(&r, reader_left(&r));
    if (!reader_ok(&r) || arena_exhausted(arena))
        return false;
    *ret = answer;
    return true;
}

bool answer_recall(struct cache *c, const struct rest_request *q, struct arena *arena,
                   struct rest_answer *ret_answer)
{
    struct buffer name;
    struct cache_entry entry;
    struct span text;
    char hex[DIGEST_HEX_MAX + 1];
    int fd = identity(q, &name) && cache_recall(c, name.text, &entry)
                 ? cache_find(c, entry.sha256)
                 : -1;
    buffer_free(&name);
    if (fd < 0)
        return false;
    bool ok = read_all(fd, arena, &text) && digest(text, hex) &&
              strcmp(hex, entry.sha256) == 0 && parse(text, arena, ret_answer);
    (void)close(fd);
    return ok;
}
