#include "trust/look_alike.h"

#include "core/json.h"
#include "registry/driver.h"

#include <stdlib.h>
#include <string.h>

enum { PUBLISHER_MAX = 96, SHORTEST_FOR_ONE = 5, SHORTEST_FOR_TWO = 11 };

struct publishers {
    json_t *root;
    const json_t *names; /* borrowed from root */
};

struct publishers *publishers_load(const char *path, struct error *error)
{
    static const char *const known[] = { "schema", "publishers", NULL };
    json_t *root = json_read_file(path, error);
    const json_t *names = json_object_get(root, "publishers");
    const char *odd = root ? json_unknown_key(root, known) : NULL;
    bool valid = !odd && json_is_array(names) &&
                 json_integer_value(json_object_get(root, "schema")) == 1;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        valid = valid && name && *name && strlen(name) < PUBLISHER_MAX;
    }
    struct publishers *p = root && valid ? malloc(sizeof *p) : NULL;
    if (root && !valid)
        error_set(error, ERROR_CONFIG, "%s:1: is no list of publishers of schema 1",
                  path);
    else if (root && !p)
        error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    if (!p) {
        json_decref(root);
        return NULL;
    }
    *p = (struct publishers){ .root = root, .names = names };
    return p;
}

void publishers_free(struct publishers *p)
{
    if (p)
        json_decref(p->root);
    free(p);
}

/* ---- how a name looks ------------------------------------------------------------ */

/* What the eye takes for something else, longest first.  Source: the confusables of
 * Unicode UTS 39, those of Latin letters. */
static const struct {
    const char *looks, *like;
} confusables[] = {
    {"rn",            "m"},
    { "vv",           "w"},
    { "0",            "o"},
    { "1",            "l"},
    { "i",            "l"},
    { "|",            "l"},
    { "5",            "s"},
    { "-",            "" },
    { "_",            "" },
    { ".",            "" },
    { "\xd0\xb0",     "a"}, /* Cyrillic */
    { "\xd0\xb5",     "e"},
    { "\xd0\xbe",     "o"},
    { "\xd1\x80",     "p"},
    { "\xd1\x81",     "c"},
    { "\xd1\x83",     "y"},
    { "\xd1\x85",     "x"},
    { "\xd1\x96",     "l"},
    { "\xd1\x95",     "s"},
    { "\xd1\x98",     "j"},
    { "\xd4\x81",     "d"},
    { "\xd4\x9b",     "q"},
    { "\xce\xbf",     "o"}, /* Greek */
    { "\xce\xb1",     "a"},
    { "\xce\xbd",     "v"},
    { "\xce\xb9",     "l"},
    { "\xc4\xb1",     "l"}, /* dotless i */
    { "\xe2\x80\x8b", "" }, /* nothing at all */
};

static struct span lower(struct span name, char out[PUBLISHER_MAX])
{
    size_t n = name.len < PUBLISHER_MAX ? name.len : 0;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] - 'A' + 'a'
                                                                 : name.ptr[i]);
    return span_of(out, n);
}

/* The name as it looks. */
static struct span skeleton(struct span name, char out[PUBLISHER_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < PUBLISHER_MAX;) {
        struct span rest = span_slice(name, i, name.len);
        size_t k = 0, count = sizeof confusables / sizeof *confusables;
        while (k < count && !span_starts(rest, confusables[k].looks))
            k++;
        if (k == count)
            out[n++] = (char)name.ptr[i++];
        else if (confusables[k].like[0])
            out[n++] = confusables[k].like[0];
        i += k < count ? strlen(confusables[k].looks) : 0;
    }
    return span_of(out, n);
}

/* Edits (insert, delete, replace, swap neighbours) from one to the other. */
static size_t edits(struct span a, struct span b)
{
    size_t rows[3][PUBLISHER_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = before[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
            best = before[j] + 1 < best ? before[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
                a.ptr[i - 2] == b.ptr[j - 1] && earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a.len % 3][b.len];
}

static bool near(struct span name, struct span known)
{
    size_t allowed = known.len >= SHORTEST_FOR_TWO ? 2 : known.len >= SHORTEST_FOR_ONE;
    size_t gap = name.len > known.len ? name.len - known.len : known.len - name.len;
    return allowed > 0 && gap <= allowed && edits(name, known) <= allowed;
}

const char *publisher_like(const struct publishers *p, struct span name)
{
    char small[PUBLISHER_MAX], looks[PUBLISHER_MAX], other[PUBLISHER_MAX];
    struct span plain = lower(name, small);
    const char *like = NULL;
    if (plain.len == 0)
        return NULL;
    struct span seen = skeleton(plain, looks);
    for (size_t i = 0; i < json_array_size(p->names); i++) {
        const char *known = json_string_value(json_array_get(p->names, i));
        if (span_is(plain, known))
            return NULL;
        struct span text = span_of_text(known);
        if (!like && (span_equal(seen, skeleton(text, other)) || near(plain, text)))
            like = known;
    }
    return like;
}

void look_alike_report(const struct publishers *p, const struct reference *ref,
                       struct finding_list *findings, struct arena *arena)
{
    const char *name = reference_publisher(ref, arena);
    const char *like = name ? publisher_like(p, span_of_text(name)) : NULL;
    if (!like)
        return;
    struct span message =
        arena_printf(arena, "\"%s\" is not \"%s\", but nearly", name, like);
    (void)finding_add(findings, arena, &rules[RULE_TRUST_LOOK_ALIKE], 0, message,
                      span_of_text(name));
}
