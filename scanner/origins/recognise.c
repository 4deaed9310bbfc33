/* Which names promise that a file says where a model comes from: names only. */
#include "origins/origins.h"

static const struct row {
    enum origin_kind kind;
    const char *pattern, *beside;
} rows[] = {
#define ORIGIN(symbol, parser, pattern, beside) { ORIGIN_##symbol, pattern, beside },
#include "origins/origins.def"
#undef ORIGIN
};

/* Cut the last component off: what stood in front of it, without the '/'. */
static struct span cut_last(struct span *path)
{
    size_t slash = span_find_last(*path, "/", path->len);
    struct span last = span_slice(*path, slash == SIZE_MAX ? 0 : slash + 1, path->len);
    *path = span_slice(*path, 0, slash == SIZE_MAX ? 0 : slash);
    return last;
}

static bool equal_text(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* One name against one part of a pattern, with a '*' at most, which is never nothing. */
static bool name_matches(struct span name, struct span pattern)
{
    size_t star = span_find(pattern, "*", 0);
    if (star == SIZE_MAX)
        return equal_text(name, pattern);
    size_t behind = pattern.len - star - 1;
    return name.len >= pattern.len &&
           equal_text(span_slice(name, 0, star), span_slice(pattern, 0, star)) &&
           equal_text(span_slice(name, name.len - behind, name.len),
                      span_slice(pattern, star + 1, pattern.len));
}

/* Does `path` end in `pattern`?  *ret_base is what stands in front, with its '/'. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the pattern, which is ours, has "**" */
static bool tail_matches(struct span path, struct span pattern, size_t *ret_base)
{
    while (pattern.len > 0) {
        struct span part = cut_last(&pattern);
        if (span_is(part, "**")) {
            /* any number of directories: the innermost match is the store's own */
            for (;; (void)cut_last(&path)) {
                if (path.len == 0)
                    return false;
                if (tail_matches(path, pattern, ret_base))
                    return true;
            }
        }
        if (path.len == 0 || !name_matches(cut_last(&path), part))
            return false;
    }
    *ret_base = path.len ? path.len + 1 : 0;
    return true;
}

bool origin_recognise(struct span path, enum origin_kind *ret_kind, size_t *ret_base,
                      const char **ret_beside)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span pattern = span_of_text(rows[i].pattern);
        bool whole = span_starts(pattern, "/");
        size_t base = 0;
        if (!tail_matches(path, span_slice(pattern, whole, pattern.len), &base))
            continue;
        *ret_kind = rows[i].kind;
        *ret_base = whole ? 0 : base;
        *ret_beside = rows[i].beside;
        return true;
    }
    return false;
}

bool origin_is_blob(enum origin_kind kind)
{
    return kind == ORIGIN_OCI_BLOB || kind == ORIGIN_OCI_BLOB_512;
}
