/* A git clone: where it was cloned from, and which commit is checked out.  Read as files;
 * git is never run, `include` and `insteadOf` are not followed.
 * Source: git-config(1), gitrepository-layout(5). */
#include "origins/reading.h"

enum { LINE_MAX_BYTES = 4096 };

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

/* The value behind `url =`, without quotes and comments; empty for any other key. */
static struct span url_of(struct span line)
{
    size_t equals = span_find(line, "=", 0);
    struct span key = origin_trim(span_slice(line, 0, equals));
    if (equals == SIZE_MAX || key.len != strlen("url") || !span_ends_nocase(key, "url"))
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

static void read_config(struct origin_reading *r)
{
    struct state *state = r->state;
    struct reader lines = reader_of(r->source.bytes, 0);
    struct span remote = { 0 };
    state->config = r->source;
    while (reader_left(&lines) > 0) {
        struct span line = origin_trim(reader_line(&lines, LINE_MAX_BYTES));
        if (!reader_ok(&lines)) {
            origin_malformed(r, "a line is very long");
            return;
        }
        if (span_starts(line, "["))
            remote = remote_of(line);
        struct span url =
            remote.len && !span_starts(line, "[") ? url_of(line) : (struct span){ 0 };
        if (url.len == 0)
            continue;
        bool better = span_is(remote, "origin") && !span_is(state->remote, "origin");
        if (state->url.len == 0 || better) {
            state->remote = remote;
            state->url = url;
        }
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
        struct span line = origin_trim(reader_line(&lines, LINE_MAX_BYTES));
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
    default:
        read_branch(r);
    }
}

static void finish(struct origin_reading *r)
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

const struct origin_parser git_origin = {
    .state_size = sizeof(struct state),
    .read = read_one,
    .finish = finish,
};
