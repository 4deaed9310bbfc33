#include "integrity/manifest.h"

/* ---- names ------------------------------------------------------------------------ */

/* Bytes of the character at `at`, 0 when it is none.  Source: RFC 3629, section 4. */
static size_t utf8_length(struct span s, size_t at)
{
    const uint8_t *c = s.ptr + at;
    size_t left = s.len - at;
    size_t n = c[0] < 0x80   ? 1
               : c[0] < 0xc2 ? 0
               : c[0] < 0xe0 ? 2
               : c[0] < 0xf0 ? 3
               : c[0] < 0xf5 ? 4
                             : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return n;
}

static const char *component_problem(struct span part)
{
    if (part.len == 0)
        return "has an empty component";
    if (span_is(part, "."))
        return "has a component \".\"";
    return span_is(part, "..") ? "has a component \"..\"" : NULL;
}

const char *path_problem(struct span path)
{
    if (path.len == 0)
        return "is empty";
    if (path.len > MANIFEST_NAME_MAX)
        return "is too long";
    if (memchr(path.ptr, 0, path.len))
        return "has a NUL byte";
    if (path.ptr[0] == '/')
        return "is absolute";
    for (size_t at = 0; at <= path.len;) {
        size_t end = span_find(path, "/", at);
        const char *problem = component_problem(span_slice(path, at, end));
        if (problem)
            return problem;
        at = end == SIZE_MAX ? path.len + 1 : end + 1;
    }
    return NULL;
}

const char *name_problem(struct span name)
{
    for (size_t at = 0, n; at < name.len && name.len <= MANIFEST_NAME_MAX; at += n) {
        uint8_t c = name.ptr[at];
        n = utf8_length(name, at);
        if (n == 0)
            return "is not UTF-8";
        if (c < 0x20 || c == 0x7f)
            return "has a control character";
        if (c == '\\')
            return "has a backslash";
    }
    return path_problem(name);
}

bool name_ignored(struct span path, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = names[i].len;
        if (n && path.len >= n && memcmp(path.ptr, names[i].ptr, n) == 0 &&
            (path.len == n || path.ptr[n] == '/'))
            return true;
    }
    return false;
}

bool digest_canonical(struct span digits, enum digest_algorithm a)
{
    if (digits.len != digest_digits(a))
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = digits.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

/* ---- entries ---------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const struct manifest_entry *left = a, *right = b;
    int order = span_compare(left->path, right->path);
    if (!order)
        order = (left->start > right->start) - (left->start < right->start);
    return order ? order : (int)left->algorithm - (int)right->algorithm;
}

static bool check_neighbours(const struct manifest_entry *before,
                             const struct manifest_entry *e, struct refusal *why)
{
    bool same = before && span_compare(before->path, e->path) == 0;
    if (same && e->end == WHOLE_FILE && before->end == WHOLE_FILE &&
        before->algorithm != e->algorithm)
        return true; /* one more digest of it */
    int len = (int)e->path.len;
    const char *path = (const char *)e->path.ptr;
    if (same &&
        (e->end == WHOLE_FILE || before->end == WHOLE_FILE || before->start == e->start))
        return refuse(why, SIGNATURE_INVALID, "duplicate-name", "%.*s is named twice",
                      len, path);
    if (same && before->end > e->start)
        return refuse(why, SIGNATURE_INVALID, "shard-overlap",
                      "shards of %.*s overlap at %llu", len, path,
                      (unsigned long long)e->start);
    if (e->end != WHOLE_FILE && e->start != (same ? before->end : 0))
        return refuse(why, SIGNATURE_INVALID, "shard-gap",
                      "shards of %.*s leave a gap before %llu", len, path,
                      (unsigned long long)e->start);
    return true;
}

bool manifest_sort(struct manifest *m, struct refusal *ret_why)
{
    if (m->count)
        qsort(m->entries, m->count, sizeof *m->entries, compare_entries);
    for (size_t i = 0; i < m->count; i++)
        if (!check_neighbours(i ? &m->entries[i - 1] : NULL, &m->entries[i], ret_why))
            return false;
    return true;
}

const struct manifest_entry *manifest_find(const struct manifest *m, struct span path,
                                           size_t *ret_count)
{
    size_t low = 0, high = m->count, n = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (span_compare(m->entries[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < m->count && span_compare(m->entries[low + n].path, path) == 0)
        n++;
    if (n == 0)
        return NULL;
    *ret_count = n;
    return &m->entries[low];
}

struct span manifest_line(struct reader *r, size_t max)
{
    size_t left = reader_left(r), look = left <= max ? left : max + 1;
    struct span ahead = reader_peek(r, look);
    size_t end = span_find(ahead, "\n", 0);
    if (end == SIZE_MAX && look < left) {
        r->failed = true;
        return (struct span){ 0 };
    }
    struct span line = reader_bytes(r, end == SIZE_MAX ? left : end);
    if (end != SIZE_MAX)
        reader_skip(r, 1);
    return span_ends(line, "\r") ? span_slice(line, 0, line.len - 1) : line;
}
