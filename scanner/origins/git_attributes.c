#include "origins/git_attributes.h"

#include "origins/reading.h"

/* As much as 100,000 files and 20 usual patterns need, a hundred times over. */
static const uint64_t work_max = UINT64_C(1) << 30;

/* The next word of the line, and what is behind it. */
static struct span next_word(struct span *line)
{
    size_t start = 0;
    while (start < line->len && strchr(" \t\r", line->ptr[start]))
        start++;
    size_t end = start;
    while (end < line->len && !strchr(" \t\r", line->ptr[end]))
        end++;
    struct span word = span_slice(*line, start, end);
    *line = span_slice(*line, end, line->len);
    return word;
}

static bool changes_bytes(struct span attribute)
{
    return span_is(attribute, "filter") || span_starts(attribute, "filter=") ||
           span_is(attribute, "ident") || span_starts(attribute, "working-tree-encoding");
}

/* As `matches` wants it: of "x", "?" and "*", which also stands for "/".  False for one
 * that says more than that. */
static bool simplify(struct span pattern, uint8_t *ret, size_t *ret_len)
{
    size_t len = 0;
    if (span_starts(pattern, "/"))
        pattern = span_slice(pattern, 1, pattern.len);
    if (pattern.len == 0 || pattern.len > GIT_PATTERN_MAX)
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        uint8_t c = pattern.ptr[i];
        if (c == '[' || c == '\\' || c == '"')
            return false;
        if (c == '*' && len > 0 && ret[len - 1] == '*') {
            if (i + 1 < pattern.len && pattern.ptr[i + 1] == '/')
                i++; /* two of them and '/' may stand for no directory at all */
            continue;
        }
        ret[len++] = c;
    }
    *ret_len = len;
    return true;
}

static void add_line(struct git_attributes *a, struct arena *arena, struct span line)
{
    uint8_t simple[GIT_PATTERN_MAX];
    size_t len = 0;
    struct span pattern = next_word(&line), attribute;
    bool changes = false;
    if (pattern.len == 0 || pattern.ptr[0] == '#')
        return;
    while ((attribute = next_word(&line)).len > 0)
        changes |= changes_bytes(attribute);
    if (!changes)
        return;
    /* a macro may have any name, and stand for it anywhere */
    if (span_starts(pattern, "[attr]") || a->count == GIT_PATTERNS_MAX ||
        !simplify(pattern, simple, &len)) {
        a->all = true;
        return;
    }
    struct span kept = arena_copy(arena, span_of(simple, len));
    a->all |= kept.len == 0;
    a->patterns[a->count++] = kept;
}

void git_attributes_add(struct git_attributes *a, struct arena *arena, struct span text)
{
    struct reader lines = reader_of(text, 0);
    while (reader_left(&lines) > 0)
        add_line(a, arena, origin_line(&lines));
}

/* A '*' takes as little as it can, then more of it: only the last one needs to be tried
 * again, so that a pattern costs its length for each byte of the name at most. */
static bool matches(struct git_attributes *a, struct span name, struct span pattern)
{
    size_t n = 0, p = 0, star = SIZE_MAX, taken = 0;
    while (n < name.len) {
        a->work++;
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            taken = n;
        } else if (p < pattern.len &&
                   (pattern.ptr[p] == '?' || pattern.ptr[p] == name.ptr[n])) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

bool git_attributes_change(struct git_attributes *a, struct span path)
{
    size_t slash = span_find_last(path, "/", path.len);
    struct span name = span_slice(path, slash == SIZE_MAX ? 0 : slash + 1, path.len);
    for (size_t i = 0; i < a->count && !a->all; i++) {
        if (a->work > work_max)
            a->all = true;
        else if (matches(a, path, a->patterns[i]) || matches(a, name, a->patterns[i]))
            return true;
    }
    return a->all;
}
