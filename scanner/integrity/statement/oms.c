#include "integrity/statement/oms.h"

#include "core/tokens.h"
#include "integrity/strict_json.h"

enum {
    TEXT_MAX = 64 << 10,
    KEY_MAX = 40,
    DRAFTS_FIRST = 256,
    STRICT = TOKEN_DUPLICATE | TOKEN_SURROGATE | TOKEN_CONTROL | TOKEN_BAD_TEXT |
             TOKEN_LEADING_ZERO | TOKEN_NOT_FINITE
};

const char *const oms_git_paths[OMS_GIT_PATHS] = { ".git", ".gitattributes", ".github",
                                                   ".gitignore" };

/* One row of "resources", or of "subject" in a legacy statement, as it was written. */
struct draft {
    struct span name, algorithm, digest;
};

struct drafts {
    struct draft *list;
    size_t count, capacity;
};

struct parse {
    struct tokens *tokens;
    struct token t;
    struct arena *arena;
    struct refusal *why;
    bool failed;
    char key[KEY_MAX]; /* of the member that comes next; cut when it is longer */
    struct drafts subjects, resources;
    struct span type, predicate_type, method, hash_type, shard_size;
    bool has_predicate, has_serialization, has_resources, has_symlinks, has_shard_size;
    bool allow_symlinks;
    struct span *ignore;
    size_t ignore_count;
};

/* ---- tokens ----------------------------------------------------------------------- */

static bool fail(struct parse *p, const char *check, const char *reason)
{
    if (!p->failed && refuse(p->why, SIGNATURE_INVALID, check, "%s", reason))
        return true;
    p->failed = true;
    return false;
}

static bool check_flags(struct parse *p, unsigned flags)
{
    if (flags & TOKEN_DUPLICATE)
        return fail(p, "json", "the statement has a key twice in one object");
    if (flags & STRICT)
        return fail(p, "json", "the statement is not strict JSON");
    return true;
}

static bool step(struct parse *p)
{
    if (p->failed)
        return false;
    if (tokens_next(p->tokens, &p->t) == TOKEN_ERROR)
        return fail(p, "json", "the statement is not JSON, or over a limit");
    if (p->t.flags & TOKEN_CUT)
        return fail(p, "json", "the statement has a text that is too long");
    return check_flags(p, p->t.flags);
}

static bool skip(struct parse *p)
{
    unsigned flags = 0;
    if (!step(p))
        return false;
    if (!tokens_skip(p->tokens, &p->t, &flags))
        return fail(p, "json", "the statement is not JSON, or over a limit");
    return check_flags(p, flags);
}

static bool expect(struct parse *p, enum token_type type, const char *what)
{
    if (!step(p))
        return false;
    return p->t.type == type || fail(p, "statement-shape", what);
}

/* The next key of the object that was begun; false at its end. */
static bool next_key(struct parse *p)
{
    if (!step(p) || p->t.type != TOKEN_KEY)
        return false;
    size_t n = p->t.text.len < KEY_MAX - 1 ? p->t.text.len : KEY_MAX - 1;
    memcpy(p->key, p->t.text.ptr ? (const char *)p->t.text.ptr : "", n);
    p->key[n] = '\0';
    return true;
}

static bool key_is(const struct parse *p, const char *name)
{
    return strcmp(p->key, name) == 0;
}

static bool read_text(struct parse *p, struct span *ret)
{
    if (!expect(p, TOKEN_STRING, "a member that must be a text is none"))
        return false;
    struct span copy = arena_copy(p->arena, p->t.text);
    if (p->t.text.len && !copy.len)
        return fail(p, "memory", "the statement needs too much memory");
    *ret = copy;
    return true;
}

static bool read_bool(struct parse *p, bool *ret)
{
    if (!step(p))
        return false;
    if (p->t.type != TOKEN_TRUE && p->t.type != TOKEN_FALSE)
        return fail(p, "statement-shape", "allow_symlinks is neither true nor false");
    *ret = p->t.type == TOKEN_TRUE;
    return true;
}

static bool read_number(struct parse *p, struct span *ret)
{
    if (!expect(p, TOKEN_NUMBER, "shard_size is no number"))
        return false;
    *ret = arena_copy(p->arena, p->t.text);
    return true;
}

/* ---- rows ------------------------------------------------------------------------- */

static struct draft *add_draft(struct parse *p, struct drafts *d)
{
    if (d->count == MANIFEST_ENTRIES_MAX) {
        (void)fail(p, "limit", "the statement names too many files");
        return NULL;
    }
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : DRAFTS_FIRST;
        struct draft *list = reallocarray(d->list, capacity, sizeof *list);
        if (!list) {
            (void)fail(p, "memory", "the statement needs too much memory");
            return NULL;
        }
        d->list = list;
        d->capacity = capacity;
    }
    d->list[d->count] = (struct draft){ 0 };
    return &d->list[d->count++];
}

/* Nearly all rows have the algorithm of the row before: keep that text once. */
static void share_algorithm(const struct drafts *d)
{
    struct draft *last = &d->list[d->count - 1];
    if (d->count > 1 && span_compare(last[-1].algorithm, last->algorithm) == 0)
        last->algorithm = last[-1].algorithm;
}

static void read_resource(struct parse *p)
{
    struct draft *row = add_draft(p, &p->resources);
    while (row && next_key(p)) {
        if (key_is(p, "name"))
            (void)read_text(p, &row->name);
        else if (key_is(p, "algorithm"))
            (void)read_text(p, &row->algorithm);
        else if (key_is(p, "digest"))
            (void)read_text(p, &row->digest);
        else
            (void)skip(p); /* resource descriptors may have further members */
    }
    if (row)
        share_algorithm(&p->resources);
}

static void read_subject(struct parse *p)
{
    struct draft *row = add_draft(p, &p->subjects);
    while (row && next_key(p)) {
        bool digest = key_is(p, "digest");
        if (key_is(p, "name")) {
            (void)read_text(p, &row->name);
        } else if (digest || key_is(p, "annotations")) {
            const char *wanted = digest ? "sha256" : "actual_hash_algorithm";
            if (!expect(p, TOKEN_OBJECT, "a subject's digest is no object"))
                return;
            while (next_key(p))
                (void)(key_is(p, wanted)
                           ? read_text(p, digest ? &row->digest : &row->algorithm)
                           : skip(p));
        } else {
            (void)skip(p);
        }
    }
}

/* A list of objects, each read by `read_row`. */
static void read_rows(struct parse *p, void (*read_row)(struct parse *p))
{
    if (!expect(p, TOKEN_ARRAY, "subject or resources is no list"))
        return;
    while (step(p) && p->t.type != TOKEN_ARRAY_END) {
        if (p->t.type != TOKEN_OBJECT)
            (void)fail(p, "statement-shape", "a subject or resource is no object");
        else
            read_row(p);
    }
}

/* Entries that cannot match anything are passed over: signers write junk here. */
static void read_ignores(struct parse *p)
{
    if (!expect(p, TOKEN_ARRAY, "ignore_paths is no list"))
        return;
    p->ignore = arena_array(p->arena, OMS_IGNORES_MAX, sizeof *p->ignore);
    while (step(p) && p->t.type != TOKEN_ARRAY_END) {
        if (p->t.type != TOKEN_STRING || p->ignore_count == OMS_IGNORES_MAX || !p->ignore)
            (void)fail(p, "serialization", "ignore_paths holds no text, or too many");
        else if (!name_problem(p->t.text))
            p->ignore[p->ignore_count++] = arena_copy(p->arena, p->t.text);
    }
}

static void read_serialization(struct parse *p)
{
    p->has_serialization = expect(p, TOKEN_OBJECT, "serialization is no object");
    while (p->has_serialization && next_key(p)) {
        if (key_is(p, "method"))
            (void)read_text(p, &p->method);
        else if (key_is(p, "hash_type"))
            (void)read_text(p, &p->hash_type);
        else if (key_is(p, "allow_symlinks"))
            p->has_symlinks = read_bool(p, &p->allow_symlinks);
        else if (key_is(p, "shard_size"))
            p->has_shard_size = read_number(p, &p->shard_size);
        else if (key_is(p, "ignore_paths"))
            read_ignores(p);
        else
            (void)skip(p);
    }
}

static void read_predicate(struct parse *p)
{
    p->has_predicate = expect(p, TOKEN_OBJECT, "predicate is no object");
    while (p->has_predicate && next_key(p)) {
        if (key_is(p, "resources")) {
            p->has_resources = true;
            read_rows(p, read_resource);
        } else if (key_is(p, "serialization")) {
            read_serialization(p);
        } else {
            (void)skip(p);
        }
    }
}

static void read_statement(struct parse *p)
{
    if (!expect(p, TOKEN_OBJECT, "the statement is no JSON object"))
        return;
    while (next_key(p)) {
        if (key_is(p, "_type"))
            (void)read_text(p, &p->type);
        else if (key_is(p, "predicateType"))
            (void)read_text(p, &p->predicate_type);
        else if (key_is(p, "subject"))
            read_rows(p, read_subject);
        else if (key_is(p, "predicate"))
            read_predicate(p);
        else
            (void)skip(p);
    }
    (void)expect(p, TOKEN_END, "something follows the statement");
}

/* ---- what it means ---------------------------------------------------------------- */

static const struct {
    const char *name;
    enum digest_algorithm algorithm;
} algorithms[] = {
    {"sha256",   DIGEST_SHA256 },
    { "blake2b", DIGEST_BLAKE2B},
    { "blake3",  DIGEST_BLAKE3 },
};

bool oms_algorithm(struct span name, enum digest_algorithm *ret_algorithm)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (span_is(name, algorithms[i].name)) {
            *ret_algorithm = algorithms[i].algorithm;
            return true;
        }
    return false;
}

const char *oms_algorithm_name(enum digest_algorithm a)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (algorithms[i].algorithm == a)
            return algorithms[i].name;
    return "";
}

/* A plain decimal number; "1000000000.0" too, for Python writes integers so. */
static bool parse_integral(struct span text, uint64_t *ret)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(text.ptr[i] - '0'), &n))
            return false;
    bool digits = i > 0;
    if (i < text.len && text.ptr[i] == '.')
        for (i++; i < text.len && text.ptr[i] == '0'; i++)
            ;
    if (!digits || i != text.len)
        return false;
    *ret = n;
    return true;
}

static bool check_serialization(struct parse *p, struct oms_manifest *m)
{
    if (!p->has_serialization || !p->has_symlinks)
        return fail(p, "serialization", "the predicate does not say how it was made");
    m->allow_symlinks = p->allow_symlinks;
    if (span_is(p->method, "files"))
        m->method = OMS_FILES;
    else if (span_is(p->method, "shards"))
        m->method = OMS_SHARDS;
    else
        return fail(p, "serialization-method", "the method is neither files nor shards");
    if (p->has_shard_size != (m->method == OMS_SHARDS))
        return fail(p, "shard-size", "shard_size and the method do not fit");
    if (p->has_shard_size && (!parse_integral(p->shard_size, &m->shard_size) ||
                              m->shard_size == 0 || m->shard_size > INT64_MAX))
        return fail(p, "shard-size", "shard_size is no whole number of at least 1");
    if (!oms_algorithm(p->hash_type, &m->algorithm)) {
        p->failed = true;
        return refuse(p->why, SIGNATURE_UNSUPPORTED, "hash-type",
                      "hash_type %.*s is not known", (int)(p->hash_type.len & 0xff),
                      (const char *)p->hash_type.ptr);
    }
    return true;
}

/* "hash_type", or as Python writes it for shards "hash_type-sharded-SIZE". */
static bool algorithm_fits(const struct oms_manifest *m, struct span name)
{
    char sharded[64];
    const char *plain = oms_algorithm_name(m->algorithm);
    (void)snprintf(sharded, sizeof sharded, "%s-sharded-%llu", plain,
                   (unsigned long long)m->shard_size);
    return span_is(name, plain) || (m->method == OMS_SHARDS && span_is(name, sharded));
}

/* Cut ":NUMBER" off the end of a name. */
static bool cut_number(struct span *name, uint64_t *ret)
{
    size_t colon = span_find_last(*name, ":", name->len);
    if (colon == SIZE_MAX)
        return false;
    struct span digits = span_slice(*name, colon + 1, name->len);
    if ((digits.len > 1 && digits.ptr[0] == '0') ||
        memchr(digits.ptr ? (const char *)digits.ptr : "", '.', digits.len) ||
        !parse_integral(digits, ret))
        return false;
    *name = span_slice(*name, 0, colon);
    return true;
}

static bool name_entry(struct parse *p, const struct oms_manifest *m,
                       const struct draft *row, bool alone, struct manifest_entry *e)
{
    e->path = row->name;
    e->end = WHOLE_FILE;
    if (m->method == OMS_SHARDS) {
        if (!cut_number(&e->path, &e->end) || !cut_number(&e->path, &e->start))
            return fail(p, "shard-name", "the name of a shard has no range");
        if (e->start >= e->end || e->start % m->shard_size != 0 ||
            e->end - e->start > m->shard_size)
            return fail(p, "shard-range", "the range of a shard does not fit shard_size");
    }
    const char *problem = name_problem(e->path);
    if (!problem || (span_is(e->path, ".") && alone))
        return true;
    p->failed = true;
    return refuse(p->why, SIGNATURE_INVALID, "resource-name", "the name %.*s %s",
                  (int)(e->path.len < 200 ? e->path.len : 200),
                  e->path.ptr ? (const char *)e->path.ptr : "", problem);
}

/* Does the model consist of one file, named so or "." (Python)? */
static bool is_alone(const struct drafts *d, enum oms_method method)
{
    if (method == OMS_FILES)
        return d->count == 1;
    for (size_t i = 0; i < d->count; i++)
        if (!span_starts(d->list[i].name, ".:"))
            return false;
    return true;
}

static bool build_entries(struct parse *p, const struct drafts *d, struct oms_manifest *m)
{
    bool alone = is_alone(d, m->method);
    m->files.entries = arena_array(p->arena, d->count, sizeof *m->files.entries);
    if (!m->files.entries)
        return fail(p, "memory", "the statement needs too much memory");
    for (size_t i = 0; i < d->count; i++) {
        struct manifest_entry *e = &m->files.entries[m->files.count++];
        const struct draft *row = &d->list[i];
        *e = (struct manifest_entry){ .algorithm = m->algorithm, .digest = row->digest };
        if (!name_entry(p, m, row, alone, e))
            return false;
        if (!m->legacy && !algorithm_fits(m, row->algorithm))
            return fail(p, "resource-algorithm",
                        "the algorithm of a file is not the statement's hash_type");
        if (!digest_canonical(row->digest, m->algorithm))
            return fail(p, "resource-digest",
                        "a digest has not as many lower-case hex digits as its "
                        "algorithm gives");
    }
    return true;
}

static bool build_legacy(struct parse *p, struct oms_manifest *m)
{
    m->legacy = true;
    m->algorithm = DIGEST_SHA256;
    for (size_t i = 0; i < p->subjects.count; i++) {
        struct span a = p->subjects.list[i].algorithm;
        if (a.len && !span_is(a, "file-sha256") && !span_is(a, "sha256")) {
            p->failed = true;
            return refuse(p->why, SIGNATURE_UNSUPPORTED, "hash-type",
                          "this algorithm of a legacy statement is not known");
        }
    }
    return p->subjects.count ? build_entries(p, &p->subjects, m)
                             : fail(p, "empty-model", "the statement names no file");
}

static bool build(struct parse *p, struct oms_manifest *m)
{
    bool legacy = span_is(p->predicate_type, OMS_LEGACY_PREDICATE);
    if (!span_is(p->type, STATEMENT_TYPE))
        return fail(p, "statement-type", "_type is not that of an in-toto Statement v1");
    if (legacy)
        return build_legacy(p, m) && manifest_sort(&m->files, p->why);
    if (!span_is(p->predicate_type, OMS_PREDICATE)) {
        p->failed = true;
        return refuse(p->why, SIGNATURE_UNSUPPORTED, "predicate-type",
                      "the predicate type is not that of a model signature");
    }
    if (p->subjects.count != 1 || p->subjects.list[0].name.len == 0)
        return fail(p, "subject", "there is not exactly one subject with a name");
    if (!p->has_predicate || !check_serialization(p, m))
        return fail(p, "predicate", "the statement has no predicate");
    if (!p->has_resources || p->resources.count == 0)
        return fail(p, "empty-model", "the statement names no file");
    struct span root = p->subjects.list[0].digest;
    if (!build_entries(p, &p->resources, m))
        return false;
    if (!oms_root(&m->files, m->root) || !span_is(root, m->root))
        return fail(p, "root-digest",
                    "the subject's digest is not that of the resources");
    m->subject = p->subjects.list[0].name;
    m->ignore = p->ignore;
    m->ignore_count = p->ignore_count;
    return manifest_sort(&m->files, p->why);
}

bool oms_parse(struct span payload, struct arena *arena, struct budget *budget,
               struct oms_manifest *ret_manifest, struct refusal *ret_why)
{
    struct parse p = { .arena = arena, .why = ret_why };
    struct oms_manifest m = { 0 };
    if (payload.len > OMS_PAYLOAD_MAX)
        return refuse(ret_why, SIGNATURE_INVALID, "limit", "the statement is too large");
    p.tokens = tokens_open(payload, 0, TEXT_MAX, budget);
    if (!p.tokens)
        return refuse(ret_why, SIGNATURE_INVALID, "memory", "out of memory");
    if (tokens_encoding(p.tokens) != JSON_UTF8 || tokens_marked(p.tokens))
        (void)fail(&p, "json", "the statement is not UTF-8, or has a byte order mark");
    read_statement(&p);
    bool ok = !p.failed && build(&p, &m);
    tokens_close(p.tokens);
    free(p.subjects.list);
    free(p.resources.list);
    if (ok && arena_exhausted(arena))
        ok = refuse(ret_why, SIGNATURE_INVALID, "memory",
                    "the statement needs too much memory");
    if (ok)
        *ret_manifest = m;
    return ok;
}

/* ---- root and writing ------------------------------------------------------------- */

static uint8_t nibble(uint8_t c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

bool oms_root(const struct manifest *m, char ret_hex[DIGEST_HEX_MAX + 1])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    uint8_t raw[DIGEST_HEX_MAX / 2];
    for (size_t i = 0; d && i < m->count; i++) {
        struct span hex = m->entries[i].digest;
        for (size_t k = 0; k < hex.len / 2; k++)
            raw[k] = (uint8_t)(nibble(hex.ptr[2 * k]) << 4 | nibble(hex.ptr[2 * k + 1]));
        digester_add(d, span_of(raw, hex.len / 2));
    }
    if (d)
        digester_finish(d);
    bool ok = d && digester_hex(d, DIGEST_SHA256, ret_hex);
    digester_free(d);
    return ok;
}

/* Of a range "sha256-sharded-SIZE": the specification says "sha256", but every release of
 * model_signing compares with this and takes nothing else. */
static void write_entry(struct buffer *out, const struct oms_manifest *m,
                        const struct manifest_entry *e)
{
    struct buffer name;
    buffer_init(&name, 2 * MANIFEST_NAME_MAX);
    buffer_add(&name, e->path);
    if (e->end != WHOLE_FILE)
        buffer_printf(&name, ":%llu:%llu", (unsigned long long)e->start,
                      (unsigned long long)e->end);
    buffer_add_text(out, "{\"name\":");
    strict_json_write(out, buffer_span(&name));
    buffer_printf(out, ",\"algorithm\":\"%s", oms_algorithm_name(e->algorithm));
    if (m->method == OMS_SHARDS)
        buffer_printf(out, "-sharded-%llu", (unsigned long long)m->shard_size);
    buffer_printf(out, "\",\"digest\":\"%.*s\"}", (int)e->digest.len,
                  (const char *)e->digest.ptr);
    buffer_free(&name);
}

void oms_write(struct buffer *out, const struct oms_manifest *m)
{
    buffer_add_text(out, "{\"_type\":\"" STATEMENT_TYPE "\",\"subject\":[{\"name\":");
    strict_json_write(out, m->subject);
    buffer_printf(out,
                  ",\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":\"" OMS_PREDICATE
                  "\",\"predicate\":{\"resources\":[",
                  m->root);
    for (size_t i = 0; i < m->files.count; i++) {
        buffer_add_text(out, i ? "," : "");
        write_entry(out, m, &m->files.entries[i]);
    }
    buffer_printf(out,
                  "],\"serialization\":{\"method\":\"%s\",\"hash_type\":\"%s\","
                  "\"allow_symlinks\":%s,",
                  m->method == OMS_SHARDS ? "shards" : "files",
                  oms_algorithm_name(m->algorithm), m->allow_symlinks ? "true" : "false");
    if (m->method == OMS_SHARDS)
        buffer_printf(out, "\"shard_size\":%llu,", (unsigned long long)m->shard_size);
    buffer_add_text(out, "\"ignore_paths\":[");
    for (size_t i = 0; i < m->ignore_count; i++) {
        buffer_add_text(out, i ? "," : "");
        strict_json_write(out, m->ignore[i]);
    }
    buffer_add_text(out, "]}}}");
}
