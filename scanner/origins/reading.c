#include "origins/reading.h"

static struct span cut(struct span text)
{
    return span_slice(text, 0, STATEMENT_TEXT_MAX);
}

static void say_problem(struct origin_reading *r, enum statement_problem problem,
                        struct span note)
{
    struct statement s = { .kind = STATEMENT_PROBLEM,
                           .source = r->source.number,
                           .problem = problem,
                           .note = cut(note) };
    r->say(r->self, &s);
}

void origin_say(struct origin_reading *r, struct statement s)
{
    if (r->spent || s.path.len > STATEMENT_TEXT_MAX) /* no such path can exist */
        return;
    if (!budget_take(r->budget, BUDGET_ORIGIN_STATEMENTS, 1)) {
        r->spent = true;
        say_problem(r, PROBLEM_LIMIT,
                    span_of_text("it says more than --max-origin-statements allows"));
        return;
    }
    s.source = r->source.number;
    s.reference = cut(s.reference);
    s.registry = cut(s.registry);
    s.name = cut(s.name);
    s.revision = cut(s.revision);
    s.note = cut(s.note);
    r->say(r->self, &s);
}

void origin_malformed(struct origin_reading *r, const char *why)
{
    if (r->malformed == why && r->malformed_source == r->source.number)
        return; /* once is enough: a manifest may have it in each of its rows */
    r->malformed = why;
    r->malformed_source = r->source.number;
    origin_say(r, (struct statement){ .kind = STATEMENT_PROBLEM,
                                      .problem = PROBLEM_MALFORMED,
                                      .note = span_of_text(why) });
}

static bool hex_digit(uint8_t c, uint8_t *ret_lower)
{
    if (c >= 'A' && c <= 'F')
        c = (uint8_t)(c + ('a' - 'A'));
    *ret_lower = c;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool origin_is_hex(struct span text, size_t length)
{
    uint8_t lower;
    for (size_t i = 0; i < text.len; i++)
        if (!hex_digit(text.ptr[i], &lower) || lower != text.ptr[i])
            return false;
    return text.len == length;
}

void origin_expect(struct origin_reading *r, struct span path,
                   enum digest_algorithm algorithm, struct span digits,
                   const uint64_t *size)
{
    uint8_t lower[DIGEST_HEX_MAX];
    if (digits.len > digest_digits(algorithm)) {
        origin_malformed(r, "a digest is too long");
        return;
    }
    for (size_t i = 0; i < digits.len; i++)
        if (!hex_digit(digits.ptr[i], &lower[i])) {
            origin_malformed(r, "a digest is not hexadecimal");
            return;
        }
    struct span digest = arena_copy(r->arena, span_of(lower, digits.len));
    if (digest.len == 0 && !size)
        return;
    origin_say(r, (struct statement){ .kind = STATEMENT_EXPECT,
                                      .path = path,
                                      .algorithm = algorithm,
                                      .digest = digest,
                                      .has_size = size != NULL,
                                      .size = size ? *size : 0 });
}

struct span origin_line(struct reader *lines)
{
    struct span rest = reader_peek(lines, SIZE_MAX);
    size_t end = span_find(rest, "\n", 0);
    struct span line = reader_bytes(lines, end < rest.len ? end : rest.len);
    reader_skip(lines, end < rest.len);
    return line;
}

/* ---- paths ------------------------------------------------------------------ */

struct span origin_directory(struct span path)
{
    size_t slash = span_find_last(path, "/", path.len);
    return span_slice(path, 0, slash == SIZE_MAX ? 0 : slash);
}

struct span origin_base_name(struct span path)
{
    size_t slash = span_find_last(path, "/", path.len);
    return span_slice(path, slash == SIZE_MAX ? 0 : slash + 1, path.len);
}

/* A path under construction: components with '/' between them. */
struct joined {
    char text[STATEMENT_TEXT_MAX];
    size_t len;
};

/* Add `text` component by component; false when it climbs out or grows too long. */
static bool join(struct joined *path, struct span text)
{
    for (size_t at = 0; at < text.len;) {
        size_t end = span_find(text, "/", at);
        struct span part = span_slice(text, at, end);
        at = end == SIZE_MAX ? text.len : end + 1;
        if (part.len == 0 || span_is(part, "."))
            continue;
        if (span_is(part, "..")) {
            if (path->len == 0)
                return false;
            path->len = origin_directory(span_of(path->text, path->len)).len;
            continue;
        }
        size_t slash = path->len > 0;
        if (part.len + slash > sizeof path->text - path->len)
            return false;
        if (slash)
            path->text[path->len++] = '/';
        memcpy(path->text + path->len, part.ptr, part.len);
        path->len += part.len;
    }
    return true;
}

bool origin_path(struct origin_reading *r, struct span dir, struct span text,
                 struct span *ret_path)
{
    struct joined path = { .len = 0 };
    bool fits = text.len > 0 && text.ptr[0] != '/' && !memchr(text.ptr, '\0', text.len);
    if (!fits || !join(&path, dir) || !join(&path, text) || path.len == 0) {
        origin_say(r, (struct statement){ .kind = STATEMENT_PROBLEM,
                                          .problem = PROBLEM_PATH,
                                          .note = text });
        return false;
    }
    *ret_path = arena_copy(r->arena, span_of(path.text, path.len));
    return ret_path->len > 0;
}

/* ---- documents -------------------------------------------------------------- */

static const struct node *settle(struct origin_reading *r, enum document_outcome outcome,
                                 const struct node *root, const char *why)
{
    if (outcome == DOCUMENT_READ && (node_is(root, NODE_MAP) || node_is(root, NODE_LIST)))
        return root;
    if (outcome == DOCUMENT_LIMIT)
        say_problem(r, PROBLEM_LIMIT, span_of_text(why));
    else
        origin_malformed(r, why);
    return NULL;
}

const struct node *origin_json(struct origin_reading *r)
{
    struct node *root = NULL;
    const char *why = "it holds no JSON object";
    enum document_outcome outcome =
        document_json(r->source.bytes, r->arena, r->budget, &root, &why);
    return settle(r, outcome, root, why);
}

const struct node *origin_yaml(struct origin_reading *r)
{
    struct node *root = NULL;
    const char *why = "it holds no YAML map";
    enum document_outcome outcome =
        document_yaml(r->source.bytes, r->arena, r->budget, &root, &why);
    return settle(r, outcome, root, why);
}

/* ---- text ------------------------------------------------------------------- */

struct span origin_trim(struct span text)
{
    return span_trim(text, " \t\r\n");
}

struct span origin_public_url(struct origin_reading *r, struct span url)
{
    size_t scheme = span_find(url, "://", 0);
    if (scheme == SIZE_MAX)
        return url;
    size_t host = scheme + 3, end = host;
    while (end < url.len && url.ptr[end] != '?' && url.ptr[end] != '#')
        end++;
    size_t slash = span_find(span_slice(url, 0, end), "/", host);
    size_t at = span_find_last(span_slice(url, 0, slash), "@", end);
    size_t from = at == SIZE_MAX || at < host ? host : at + 1;
    return arena_printf(r->arena, "%.*s%.*s", (int)host, (const char *)url.ptr,
                        (int)(end - from), (const char *)url.ptr + from);
}

struct span origin_escape(struct origin_reading *r, struct span name)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc(r->arena, 3 * name.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || (c && strchr("._-/", c));
        if (plain) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        }
    }
    return span_of(out, out ? n : 0);
}
