/* The digest of a whole directory, as DVC makes it: the md5 of a JSON list of its files,
 * [{"md5": "…", "relpath": "…"}, …] in the order of their paths.  No list needs to be
 * there: it is written again from the files' own digests.
 * Source: dvc-data, hashfile/tree.py; Python's json.dumps with its defaults. */
#include "engine/evidence/private.h"

#include <inttypes.h>

static const char algorithm_name[] = "md5-dir";

/* What DVC leaves out of every directory. */
static bool is_ignored(struct span path)
{
    for (size_t at = 0; at < path.len;) {
        size_t end = span_find(path, "/", at);
        struct span part = span_slice(path, at, end);
        if (span_is(part, ".git") || span_is(part, ".hg") || span_is(part, ".dvc"))
            return true;
        at = end == SIZE_MAX ? path.len : end + 1;
    }
    return false;
}

static struct range members_of(struct evidence *e, const struct bundle *b,
                               const struct statement *s)
{
    const struct voice *v = &b->voices[s->source];
    return range_below(&e->ranges[v->list - e->lists], e->arena,
                       voice_path(e->arena, v, s->path));
}

bool listing_promise(struct evidence *e, const struct bundle *b,
                     const struct statement *s)
{
    struct range members = members_of(e, b, s);
    if (members.count > e->listing_left)
        return false;
    e->listing_left -= members.count;
    for (size_t i = 0; i < members.count; i++)
        members.jobs[i].also |= DIGEST_BIT(s->algorithm);
    return true;
}

/* ---- the list -------------------------------------------------------------------- */

/* The next character of UTF-8; false when it is none, and `rest` is then unusable. */
static bool next_character(struct span *rest, uint32_t *ret_character)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {
        {0x80,  0x00, 0      },
        { 0xe0, 0xc0, 0x80   },
        { 0xf0, 0xe0, 0x800  },
        { 0xf8, 0xf0, 0x10000}
    };
    for (size_t more = 0; more < sizeof forms / sizeof *forms; more++) {
        if ((rest->ptr[0] & forms[more].mask) != forms[more].lead || rest->len <= more)
            continue;
        uint32_t c = rest->ptr[0] & (uint8_t)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((rest->ptr[i] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (rest->ptr[i] & 0x3f);
        }
        *rest = span_slice(*rest, more + 1, rest->len);
        *ret_character = c;
        return c >= forms[more].least && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
    }
    return false;
}

static void add_character(struct buffer *out, uint32_t c)
{
    static const char named[] =
        "\"\"\\\\\nn\rr\tt\bb\ff"; /* pairs: character, its letter */
    for (const char *p = named; *p && c < 0x80; p += 2)
        if (c == (uint32_t)p[0]) {
            buffer_printf(out, "\\%c", p[1]);
            return;
        }
    if (c >= ' ' && c <= '~')
        buffer_printf(out, "%c", (int)c);
    else if (c < 0x10000)
        buffer_printf(out, "\\u%04" PRIx32, c);
    else
        buffer_printf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd7c0 + (c >> 10),
                      0xdc00 + (c & 0x3ff));
}

/* One element of the list; false when Python would not spell the name so. */
static bool add_entry(struct digester *d, struct buffer *out, bool first, struct span md5,
                      struct span name)
{
    uint32_t c;
    buffer_clear(out);
    buffer_printf(out, "%s{\"md5\": \"%.*s\", \"relpath\": \"", first ? "" : ", ",
                  (int)md5.len, (const char *)md5.ptr);
    while (name.len > 0) {
        if (!next_character(&name, &c))
            return false;
        add_character(out, c);
    }
    buffer_add_text(out, "\"}");
    digester_add(d, buffer_span(out));
    return !out->truncated;
}

/* False when the list cannot be made: a file was not read, a name is no text. */
static bool digest_list(const struct range *members, struct span directory,
                        enum digest_algorithm algorithm, char ret[DIGEST_HEX_MAX + 1],
                        uint64_t *ret_count)
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_MD5), 0);
    struct buffer entry;
    uint64_t count = 0;
    bool ok = d != NULL;
    buffer_init(&entry, SIZE_MAX / 2);
    if (ok)
        digester_add(d, span_of("[", 1));
    for (size_t i = 0; ok && i < members->count; i++) {
        const struct job *job = &members->jobs[i];
        struct span path = job->source->path;
        struct span name = span_slice(path, directory.len + 1, path.len);
        if (is_ignored(name))
            continue;
        ok = job->digests[algorithm].len > 0 &&
             add_entry(d, &entry, count == 0, job->digests[algorithm], name);
        count++;
    }
    if (ok) {
        digester_add(d, span_of("]", 1));
        digester_finish(d);
        ok = digester_hex(d, DIGEST_MD5, ret);
        *ret_count = count;
    }
    buffer_free(&entry);
    digester_free(d);
    return ok;
}

/* ---- what follows from it ---------------------------------------------------------- */

static void expect(struct job *job, struct span source, struct span digest, bool kept)
{
    struct expectation **last = &job->file->expected;
    struct expectation *e = arena_alloc(job->file->arena, sizeof *e);
    while (*last)
        last = &(*last)->next;
    if (!e)
        return;
    *e = (struct expectation){
        .by = BY_TARGET,
        .source = arena_copy(job->file->arena, source),
        .algorithm = algorithm_name,
        .value = arena_copy(job->file->arena, digest),
        .state = kept ? EXPECT_CONSISTENT : EXPECT_INCONSISTENT,
        .weak = true,
    };
    *last = e;
}

static void report(struct job *says, const struct statement *s, struct span actual,
                   uint64_t count)
{
    struct artifact *a = says->file->artifact;
    bool fewer = s->has_size && count < s->size;
    struct span message =
        fewer ? arena_printf(a->arena,
                             "of the %" PRIu64
                             " files in the directory %.*s that it names, "
                             "%" PRIu64 " are there",
                             s->size, (int)s->path.len, (const char *)s->path.ptr, count)
              : arena_printf(a->arena,
                             "it names %s %.*s for the directory %.*s, the files in it "
                             "have %.*s",
                             algorithm_name, (int)s->digest.len,
                             (const char *)s->digest.ptr, (int)s->path.len,
                             (const char *)s->path.ptr, (int)actual.len,
                             (const char *)actual.ptr);
    enum rule_id rule = fewer ? RULE_INTEGRITY_MISSING : RULE_INTEGRITY_INCONSISTENT;
    finding_add(&a->findings, a->arena, &rules[rule], 0, message,
                fewer ? (struct span){ 0 } : actual);
}

void listing_check(struct evidence *e, const struct bundle *b, const struct statement *s)
{
    const struct voice *v = &b->voices[s->source];
    struct range members = members_of(e, b, s);
    char hex[DIGEST_HEX_MAX + 1];
    uint64_t count;
    /* what --exclude leaves out, or DVC, cannot be told from what was taken or added */
    if (!v->job || v->list->excluded ||
        !digest_list(&members, voice_path(e->arena, v, s->path), s->algorithm, hex,
                     &count) ||
        (s->has_size && count > s->size))
        return;
    struct span actual = span_of_text(hex);
    bool kept = span_equal(actual, s->digest);
    if (!kept)
        report(v->job, s, actual, count);
    if (!s->has_size || count == s->size)
        for (size_t i = 0; i < members.count; i++)
            expect(&members.jobs[i], v->file->path, s->digest, kept);
}
