#include "sources/git/remote.h"

#include "sources/git/pkt_line.h"

#include <stdlib.h>
#include <string.h>

static const char service[] = "/info/refs?service=git-upload-pack";

static struct span line_of(struct pkt p)
{
    struct span s = p.data;
    if (s.len && s.ptr[s.len - 1] == '\n')
        s.len--;
    return s;
}

static bool malformed(enum rest_refusal *ret_refusal, struct error *error,
                      const char *what)
{
    *ret_refusal = REST_MALFORMED;
    return error_set(error, ERROR_NETWORK, "the git server's answer: %s", what);
}

/* ---- the greeting ---------------------------------------------------------------- */

/* The repository may have another address now, on the same server. */
static void take_moved(struct git_remote *g, const char *url)
{
    size_t n = url ? strlen(url) : 0, tail = sizeof service - 1;
    if (n > tail && strcmp(url + n - tail, service) == 0 && place_holds(g->place, url)) {
        const char *copy = arena_text(g->arena, span_of(url, n - tail));
        g->url = copy ? copy : g->url;
    }
}

static bool read_greeting(struct git_remote *g, struct span body,
                          enum rest_refusal *ret_refusal, struct error *error)
{
    struct reader r = reader_of(body, 0);
    struct pkt p = pkt_next(&r);
    bool version = false, fetch = false, other = false;
    if (p.kind == PKT_DATA && span_starts(p.data, "# service=")) {
        (void)pkt_next(&r); /* a flush */
        p = pkt_next(&r);
    }
    for (; p.kind == PKT_DATA; p = pkt_next(&r)) {
        struct span line = line_of(p);
        version = version || span_is(line, "version 2");
        if (span_starts(line, "fetch")) {
            fetch = true;
            g->filters = span_find(line, "filter", 0) != SIZE_MAX;
        }
        other = other || (span_starts(line, "object-format=") &&
                          !span_is(line, "object-format=sha1"));
    }
    if (!version || !fetch || p.kind != PKT_FLUSH)
        return malformed(ret_refusal, error,
                         "it is no git server with protocol version 2");
    return !other || malformed(ret_refusal, error, "its objects are not named by SHA-1");
}

bool git_remote_open(struct git_remote *g, enum rest_refusal *ret_refusal,
                     struct error *error)
{
    static const char *const headers[] = { "Git-Protocol: version=2", NULL };
    struct buffer url;
    struct http_response r;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s%s", g->url, service);
    const struct http_request q = { .url = url.text,
                                    .headers = headers,
                                    .body_max = GIT_REFS_MAX };
    bool ok = place_ask(g->place, &q, &r, ret_refusal, error);
    if (ok) {
        take_moved(g, r.url);
        ok = read_greeting(g, buffer_span(&r.body), ret_refusal, error);
    }
    http_response_free(&r);
    buffer_free(&url);
    return ok;
}

/* ---- a command ------------------------------------------------------------------- */

static bool command(struct git_remote *g, const struct buffer *body, uint64_t max,
                    struct http_response *r, enum rest_refusal *ret_refusal,
                    struct error *error)
{
    static const char *const headers[] = {
        "Git-Protocol: version=2", "Content-Type: application/x-git-upload-pack-request",
        "Accept: application/x-git-upload-pack-result", NULL
    };
    struct buffer url;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s/git-upload-pack", g->url);
    const struct http_request q = { .method = HTTP_POST,
                                    .url = url.text,
                                    .headers = headers,
                                    .body = buffer_span(body),
                                    .body_max = max };
    bool ok = place_ask(g->place, &q, r, ret_refusal, error);
    buffer_free(&url);
    return ok;
}

/* ---- revisions ------------------------------------------------------------------- */

/* From "OID NAME[ peeled:OID]": what the ref means in the end. */
static bool read_ref(struct span line, struct span *ret_name,
                     uint8_t ret_oid[GIT_OID_SIZE])
{
    size_t space = span_find(line, " ", 0), peeled = span_find(line, " peeled:", 0);
    if (space == SIZE_MAX)
        return false;
    struct span rest = span_slice(line, space + 1, line.len),
                oid = span_slice(line, 0, space);
    *ret_name = span_slice(rest, 0, span_find(rest, " ", 0));
    if (peeled != SIZE_MAX)
        oid = span_slice(line, peeled + 8, peeled + 8 + GIT_OID_HEX);
    return git_oid_parse(oid, ret_oid);
}

/* As git does: a full name, then tags, then branches. */
static const char *const places[] = { "", "refs/tags/", "refs/heads/" };
enum { PLACES = sizeof places / sizeof *places, REF_MAX = 512 };

static void name_in(size_t place, const char *revision, char ret[REF_MAX])
{
    (void)snprintf(ret, REF_MAX, "%s%.400s", places[place], revision);
}

static bool find_ref(struct git_remote *g, const char *revision, struct span body,
                     uint8_t ret_oid[GIT_OID_SIZE], const char **ret_name,
                     bool *ret_whole)
{
    size_t best = PLACES;
    struct reader r = reader_of(body, 0);
    struct pkt p = pkt_next(&r);
    for (; p.kind == PKT_DATA; p = pkt_next(&r)) {
        struct span name;
        uint8_t oid[GIT_OID_SIZE];
        if (!read_ref(line_of(p), &name, oid))
            continue;
        for (size_t i = 0; i < best; i++) {
            char wanted[REF_MAX];
            name_in(i, revision, wanted);
            if (!span_is(name, wanted))
                continue;
            best = i;
            memcpy(ret_oid, oid, sizeof oid);
            *ret_name = arena_text(g->arena, name);
        }
    }
    *ret_whole = p.kind == PKT_FLUSH;
    return best < PLACES && *ret_name;
}

static bool revision_valid(const char *text)
{
    if (*text == '-' || strlen(text) > 400 || strstr(text, ".."))
        return false;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f ||
            strchr("~^:?*[\\", *c))
            return false;
    return *text != '\0';
}

bool git_remote_resolve(struct git_remote *g, const char *revision,
                        uint8_t ret_oid[GIT_OID_SIZE], const char **ret_name,
                        enum rest_refusal *ret_refusal, struct error *error)
{
    const char *wanted = revision && *revision ? revision : "HEAD";
    struct buffer body;
    struct http_response r;
    if (git_oid_parse(span_of_text(wanted), ret_oid)) {
        *ret_name = wanted;
        return true;
    }
    *ret_refusal = REST_NOT_ASKED;
    if (!revision_valid(wanted))
        return error_set(error, ERROR_USAGE, "%.100s: no name of a revision", wanted);
    buffer_init(&body, 64 << 10);
    pkt_add(&body, "command=ls-refs");
    pkt_add(&body, "object-format=sha1");
    pkt_add_delimiter(&body);
    pkt_add(&body, "peel");
    for (size_t i = 0; i < PLACES; i++) {
        char name[REF_MAX];
        name_in(i, wanted, name);
        pkt_add(&body, "ref-prefix %s", name);
    }
    pkt_add_flush(&body);
    bool ok = command(g, &body, GIT_REFS_MAX, &r, ret_refusal, error);
    bool whole = false, found = ok && find_ref(g, wanted, buffer_span(&r.body), ret_oid,
                                               ret_name, &whole);
    if (ok && !whole) { /* what is missing might have been the one */
        ok = malformed(ret_refusal, error, "its list of revisions does not end");
    } else if (ok && !found) {
        *ret_refusal = REST_REVISION_NOT_FOUND;
        ok = error_set(error, ERROR_NOT_FOUND, "the repository has no revision %.200s",
                       wanted);
    }
    http_response_free(&r);
    buffer_free(&body);
    return ok;
}

/* ---- objects --------------------------------------------------------------------- */

static bool read_objects(struct git_remote *g, struct span body,
                         struct git_pack *ret_pack, enum rest_refusal *ret_refusal,
                         struct error *error)
{
    struct reader r = reader_of(body, 0);
    struct buffer pack;
    struct span why;
    struct pkt p = pkt_next(&r);
    while (p.kind == PKT_DELIMITER ||
           (p.kind == PKT_DATA && !span_is(line_of(p), "packfile"))) {
        if (p.kind == PKT_DATA && span_starts(p.data, "ERR ")) {
            *ret_refusal = REST_NOT_FOUND;
            return error_set(error, ERROR_NETWORK, "the git server says: %.*s",
                             (int)(p.data.len < 300 ? p.data.len : 300),
                             (const char *)p.data.ptr);
        }
        p = pkt_next(&r);
    }
    if (p.kind != PKT_DATA)
        return malformed(ret_refusal, error, "it has no pack");
    buffer_init(&pack, GIT_ANSWER_MAX);
    bool ok = pkt_side_band(&r, &pack, &why);
    if (!ok)
        (void)error_set(error, ERROR_NETWORK, "the git server's pack: %.*s",
                        (int)(why.len < 300 ? why.len : 300), (const char *)why.ptr);
    *ret_refusal = REST_MALFORMED;
    ok = ok && git_pack_read(buffer_span(&pack), g->arena, ret_pack, error);
    buffer_free(&pack);
    return ok;
}

bool git_remote_fetch(struct git_remote *g, const uint8_t oid[GIT_OID_SIZE],
                      uint64_t blob_max, struct git_pack *ret_pack,
                      enum rest_refusal *ret_refusal, struct error *error)
{
    char hex[GIT_OID_HEX + 1];
    struct buffer body;
    struct http_response r;
    git_oid_write(oid, hex);
    buffer_init(&body, 64 << 10);
    pkt_add(&body, "command=fetch");
    pkt_add(&body, "object-format=sha1");
    pkt_add_delimiter(&body);
    pkt_add(&body, "ofs-delta");
    pkt_add(&body, "no-progress");
    pkt_add(&body, "want %s", hex);
    pkt_add(&body, "deepen 1");
    if (blob_max && g->filters)
        pkt_add(&body, "filter blob:limit=%llu", (unsigned long long)blob_max);
    pkt_add(&body, "done");
    pkt_add_flush(&body);
    bool ok = command(g, &body, GIT_ANSWER_MAX, &r, ret_refusal, error) &&
              read_objects(g, buffer_span(&r.body), ret_pack, ret_refusal, error);
    http_response_free(&r);
    buffer_free(&body);
    return ok;
}

/* ---- trees ----------------------------------------------------------------------- */

struct walk {
    const struct git_pack *pack;
    struct arena *arena;
    git_tree_visit *visit;
    void *self;
    struct error *error;
    size_t left;
    bool stopped;
};

static bool read_mode(struct reader *r, uint32_t *ret_mode)
{
    uint32_t mode = 0;
    for (int i = 0; i < 7; i++) {
        uint8_t c = reader_u8(r);
        if (c == ' ') {
            *ret_mode = mode;
            return i > 0;
        }
        if (c < '0' || c > '7')
            return false;
        mode = mode << 3 | (uint32_t)(c - '0');
    }
    return false;
}

static bool walk_tree(struct walk *w, const uint8_t *oid, const char *prefix, int depth)
{
    const struct git_object *tree = git_pack_find(w->pack, oid);
    if (!tree || tree->type != GIT_TREE)
        return error_set(w->error, ERROR_NETWORK, "a tree of the commit is missing");
    if (depth == GIT_TREE_DEPTH_MAX)
        return error_set(w->error, ERROR_NETWORK, "the tree is too deep");
    struct reader r = reader_of(tree->bytes, 0);
    while (reader_left(&r) && !w->stopped) {
        uint32_t mode;
        struct span rest, name, id;
        if (!read_mode(&r, &mode))
            return error_set(w->error, ERROR_NETWORK,
                             "a tree of the commit is malformed");
        rest = reader_peek(&r, SIZE_MAX);
        const uint8_t *end = memchr(rest.ptr, '\0', rest.len);
        name = reader_bytes(&r, end ? (uint64_t)(end - rest.ptr) : UINT64_MAX);
        reader_skip(&r, 1);
        id = reader_bytes(&r, GIT_OID_SIZE);
        if (!reader_ok(&r) || name.len == 0)
            return error_set(w->error, ERROR_NETWORK,
                             "a tree of the commit is malformed");
        if (w->left-- == 0)
            return error_set(w->error, ERROR_NETWORK, "the commit has too many files");
        struct span path = arena_printf(w->arena, "%s%s%.*s", prefix, *prefix ? "/" : "",
                                        (int)name.len, (const char *)name.ptr);
        if (!path.len)
            return error_set(w->error, ERROR_MEMORY, "out of memory");
        const struct git_tree_entry e = { (const char *)path.ptr, mode, id.ptr };
        if ((mode & 0170000) == 0040000) {
            if (!walk_tree(w, id.ptr, e.path, depth + 1))
                return false;
        } else if (!w->visit(w->self, &e)) {
            w->stopped = true;
        }
    }
    return true;
}

bool git_tree_walk(const struct git_pack *pack, const uint8_t tree[GIT_OID_SIZE],
                   size_t max, git_tree_visit *visit, void *self, struct arena *arena,
                   struct error *error)
{
    struct walk w = { pack, arena, visit, self, error, max, false };
    return walk_tree(&w, tree, "", 0);
}
