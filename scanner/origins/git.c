/* A git clone: where it was cloned from, which commit is checked out, and which bytes its
 * files have.  Read as files; git is never run, `include` and `insteadOf` are not
 * followed. Source: git-config(1), gitrepository-layout(5). */
#include "origins/git_attributes.h"
#include "origins/git_index.h"
#include "origins/reading.h"

enum { LINE_MAX_BYTES = 4096, NESTED_MAX = 256 };

struct branch {
    struct span name, commit; /* "refs/heads/main" */
    struct branch *next;
};

struct state {
    struct origin_source config;
    struct span remote, url; /* origin's, else the first one's */
    struct span head;        /* "refs/heads/main", or a commit */
    struct span packed;      /* packed-refs as a whole */
    struct branch *branches;
    struct origin_source index;
    struct git_attributes attributes;
    bool top_attributes;            /* of the clone's top were read */
    bool sha256;                    /* names objects by it */
    bool elsewhere;                 /* the work tree or attributes lie in another place */
    struct span nested[NESTED_MAX]; /* directories with attributes of their own */
    size_t nested_count;
};

/* ---- .git/config ---------------------------------------------------------- */

/* [remote "NAME"] → NAME; empty for any other section. */
static struct span remote_of(struct span line)
{
    size_t open = span_find(line, "\"", 0);
    size_t close = span_find_last(line, "\"", line.len);
    struct span section = origin_trim(span_slice(line, 1, open));
    if (open == SIZE_MAX || close <= open || section.len != strlen("remote") ||
        !span_ends_nocase(section, "remote"))
        return (struct span){ 0 };
    return span_slice(line, open + 1, close);
}

/* The value behind `KEY =`, without quotes and comments; empty for any other key. */
static struct span value_of(struct span line, const char *name)
{
    size_t equals = span_find(line, "=", 0);
    struct span key = origin_trim(span_slice(line, 0, equals));
    if (equals == SIZE_MAX || key.len != strlen(name) || !span_ends_nocase(key, name))
        return (struct span){ 0 };
    struct span value = origin_trim(span_slice(line, equals + 1, line.len));
    if (value.len >= 2 && value.ptr[0] == '"') {
        size_t close = span_find(value, "\"", 1);
        return span_slice(value, 1, close == SIZE_MAX ? value.len : close);
    }
    for (size_t i = 1; i < value.len; i++)
        if ((value.ptr[i] == '#' || value.ptr[i] == ';') &&
            (value.ptr[i - 1] == ' ' || value.ptr[i - 1] == '\t'))
            return origin_trim(span_slice(value, 0, i));
    return value;
}

static void read_url(struct state *state, struct span remote, struct span line)
{
    struct span url = value_of(line, "url");
    bool better = span_is(remote, "origin") && !span_is(state->remote, "origin");
    if (url.len && (state->url.len == 0 || better)) {
        state->remote = remote;
        state->url = url;
    }
}

/* Whatever the section: what matters is where files lie and how objects are named. */
static void read_layout(struct state *state, struct span line)
{
    state->sha256 |= span_is(value_of(line, "objectformat"), "sha256");
    state->elsewhere |= value_of(line, "worktree").len > 0 ||
                        value_of(line, "attributesfile").len > 0 ||
                        span_is(value_of(line, "bare"), "true");
}

static void read_config(struct origin_reading *r)
{
    struct state *state = r->state;
    struct reader lines = reader_of(r->source.bytes, 0);
    struct span remote = { 0 };
    state->config = r->source;
    while (reader_left(&lines) > 0) {
        struct span line = origin_trim(origin_line(&lines));
        if (line.len > LINE_MAX_BYTES) {
            origin_malformed(r, "a line is very long");
            return;
        }
        if (span_starts(line, "["))
            remote = remote_of(line);
        else if (remote.len)
            read_url(state, remote, line);
        else
            read_layout(state, line);
    }
}

/* ---- HEAD and what it points at --------------------------------------------- */

static void read_head(struct origin_reading *r)
{
    struct state *state = r->state;
    struct span text = origin_trim(r->source.bytes);
    if (span_starts(text, "ref:"))
        state->head = origin_trim(span_slice(text, strlen("ref:"), text.len));
    else if (origin_is_hex(text, 40) || origin_is_hex(text, 64))
        state->head = text;
    else
        origin_malformed(r, "it is neither a commit nor a reference");
}

static void read_branch(struct origin_reading *r)
{
    struct state *state = r->state;
    struct span commit = origin_trim(r->source.bytes);
    struct branch *b = arena_alloc(r->arena, sizeof *b);
    if (!b || (!origin_is_hex(commit, 40) && !origin_is_hex(commit, 64)))
        return;
    *b = (struct branch){ span_slice(r->source.path, strlen(".git/"), r->source.path.len),
                          commit, state->branches };
    state->branches = b;
}

/* "COMMIT SP NAME" a line; '#' and '^' begin others. */
static struct span packed_commit(struct span packed, struct span name)
{
    struct reader lines = reader_of(packed, 0);
    while (reader_left(&lines) > 0) {
        struct span line = origin_trim(origin_line(&lines));
        size_t space = span_find(line, " ", 0);
        if (space == 40 || space == 64) {
            struct span commit = span_slice(line, 0, space);
            struct span rest = span_slice(line, space + 1, line.len);
            if (origin_is_hex(commit, space) && span_compare(rest, name) == 0)
                return commit;
        }
    }
    return (struct span){ 0 };
}

static struct span head_commit(const struct state *state)
{
    if (!span_starts(state->head, "refs/"))
        return state->head;
    for (const struct branch *b = state->branches; b; b = b->next)
        if (span_compare(b->name, state->head) == 0)
            return b->commit; /* a loose reference is newer than a packed one */
    return packed_commit(state->packed, state->head);
}

/* ---- the remote's URL --------------------------------------------------------- */

/* "git@host:org/name" → "https://host/org/name"; and "ssh://git@host/org/name". */
static struct span web_url(struct origin_reading *r, struct span url)
{
    size_t scheme = span_find(url, "://", 0), colon = span_find(url, ":", 0);
    if (scheme != SIZE_MAX) {
        struct span public = origin_public_url(r, url);
        bool web = span_starts(public, "http://") || span_starts(public, "https://");
        bool ssh = span_starts(public, "ssh://") || span_starts(public, "git://");
        if (web || !ssh)
            return public;
        struct span rest = span_slice(public, strlen("ssh://"), public.len);
        return arena_printf(r->arena, "https://%.*s", (int)rest.len, rest.ptr);
    }
    size_t slash = span_find(url, "/", 0);
    if (colon == SIZE_MAX || colon == 0 || slash < colon)
        return url; /* a path */
    size_t at = span_find_last(span_slice(url, 0, colon), "@", colon);
    size_t host = at == SIZE_MAX ? 0 : at + 1;
    return arena_printf(r->arena, "https://%.*s/%.*s", (int)(colon - host),
                        url.ptr + host, (int)(url.len - colon - 1), url.ptr + colon + 1);
}

static struct span without_suffix(struct span url)
{
    while (span_ends(url, "/"))
        url = span_slice(url, 0, url.len - 1);
    if (span_ends(url, ".git"))
        url = span_slice(url, 0, url.len - strlen(".git"));
    return url;
}

/* ---- what is checked out ------------------------------------------------------ */

/* Attributes of a directory below the top are not read: nothing is said of its files. */
static void note_nested(void *self, const struct git_index_entry *e)
{
    struct origin_reading *r = self;
    struct state *state = r->state;
    if (!span_is(origin_base_name(e->path), ".gitattributes"))
        return;
    struct span directory = arena_copy(r->arena, origin_directory(e->path));
    if (directory.len == 0)
        state->attributes.all |= !state->top_attributes;
    else if (state->nested_count < NESTED_MAX)
        state->nested[state->nested_count++] = directory;
    else
        state->attributes.all = true;
}

static bool is_nested(const struct state *state, struct span path)
{
    for (size_t i = 0; i < state->nested_count; i++) {
        struct span directory = state->nested[i];
        if (path.len > directory.len && path.ptr[directory.len] == '/' &&
            memcmp(path.ptr, directory.ptr, directory.len) == 0)
            return true;
    }
    return false;
}

static void expect_blob(void *self, const struct git_index_entry *e)
{
    static const char digits[] = "0123456789abcdef";
    struct origin_reading *r = self;
    struct state *state = r->state;
    char hex[2 * GIT_SHA256_SIZE];
    struct span path;
    if (r->spent || git_attributes_change(&state->attributes, e->path) ||
        is_nested(state, e->path) || !origin_path(r, (struct span){ 0 }, e->path, &path))
        return;
    for (size_t i = 0; i < e->oid.len; i++) {
        hex[2 * i] = digits[e->oid.ptr[i] >> 4];
        hex[2 * i + 1] = digits[e->oid.ptr[i] & 15];
    }
    struct statement s = {
        .kind = STATEMENT_EXPECT,
        .path = path,
        .algorithm = state->sha256 ? DIGEST_GIT_SHA256 : DIGEST_GIT_SHA1,
        .digest = arena_copy(r->arena, span_of(hex, 2 * e->oid.len)),
        .line_ends = true,
    };
    origin_say(r, s);
}

static void say_checked_out(struct origin_reading *r)
{
    struct state *state = r->state;
    size_t oid_size = state->sha256 ? GIT_SHA256_SIZE : GIT_SHA1_SIZE;
    struct span index = state->index.bytes;
    const char *why = "";
    if (!state->index.bytes.len || !state->config.bytes.len || state->elsewhere)
        return;
    r->source = state->index;
    if (git_index_read(index, oid_size, note_nested, r, &why) == GIT_INDEX_MALFORMED)
        origin_malformed(r, why);
    else
        (void)git_index_read(index, oid_size, expect_blob, r, &why);
}

static void read_one(struct origin_reading *r)
{
    struct state *state = r->state;
    switch (r->source.kind) {
    case ORIGIN_GIT_CONFIG:
        read_config(r);
        break;
    case ORIGIN_GIT_HEAD:
        read_head(r);
        break;
    case ORIGIN_GIT_PACKED_REFS:
        state->packed = r->source.bytes;
        break;
    case ORIGIN_GIT_INDEX:
        state->index = r->source;
        break;
    case ORIGIN_GIT_ATTRIBUTES:
        state->top_attributes = true;
        git_attributes_add(&state->attributes, r->arena, r->source.bytes);
        break;
    case ORIGIN_GIT_INFO_ATTRIBUTES:
        git_attributes_add(&state->attributes, r->arena, r->source.bytes);
        break;
    default:
        read_branch(r);
    }
}

static void say_remote(struct origin_reading *r)
{
    const struct state *state = r->state;
    if (state->url.len == 0)
        return;
    r->source = state->config;
    struct span url = without_suffix(web_url(r, state->url));
    origin_say(r, (struct statement){ .kind = STATEMENT_CLAIM,
                                      .reference = url,
                                      .revision = head_commit(state),
                                      .note = arena_printf(r->arena, "remote \"%.*s\"",
                                                           (int)state->remote.len,
                                                           state->remote.ptr) });
}

static void finish(struct origin_reading *r)
{
    say_remote(r);
    say_checked_out(r);
}

const struct origin_parser git_origin = {
    .state_size = sizeof(struct state),
    .read = read_one,
    .finish = finish,
};
