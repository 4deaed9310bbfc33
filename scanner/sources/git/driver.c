/* The git-dvc driver: what a DVC repository tracks, and
 * git+https://HOST/REPOSITORY[@REVISION]
 * [#PATH]: any repository.  The answers are "commit", "out" and "artifact" of
 * registries.d.
 *
 * A repository names the places where DVC keeps its bytes.  Credentials of the operator's
 * go there only as storage.h has it; a key, an endpoint or a header that the repository's
 * configuration names is not looked at. */
#include "sources/git/checkout.h"
#include "sources/git/dvc_file.h"
#include "sources/remote_driver.h"
#include "sources/storage/storage.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DVC_FILES_MAX = 20000, DVC_LIST_MAX = 32 << 20 };

/* A remote of DVC's, opened once. */
struct kept {
    struct storage storage;
    const char *url;
    struct kept *next;
};

struct state {
    struct driver_call *call;
    struct auth_place secrets;
    struct checkout checkout;
    struct kept *kept;
    struct listing listing;
    size_t values; /* of JSON */
    const char *unread;
};

static bool no_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

static void end(struct driver_call *c)
{
    struct state *s = c->state;
    if (!s)
        return;
    for (struct kept *k = s->kept, *next; k; k = next) {
        next = k->next;
        storage_free(&k->storage);
        free(k);
    }
    checkout_close(&s->checkout);
    listing_free(&s->listing);
    free(s);
    c->state = NULL;
}

static const char *text(struct state *s, struct span bytes)
{
    return arena_text(s->call->arena, bytes);
}

static void note_unread(struct state *s, const char *what, const char *why)
{
    if (!s->unread)
        s->unread =
            (const char *)arena_printf(s->call->arena, "%.200s: %.250s", what, why).ptr;
}

/* ---- the repository -------------------------------------------------------------- */

/* The server is the operator's only where the endpoint in force is. */
static bool open_repository(struct state *s, const char *url, const char *revision,
                            enum rest_refusal *ret_refusal, struct error *error)
{
    struct driver_call *c = s->call;
    struct url parsed;
    char origin[URL_ORIGIN_MAX + 1];
    if (!url_parse(url, &parsed, error))
        return false;
    web_origin_text(&parsed.origin, origin);
    url_free(&parsed);
    bool here = *c->session.endpoint && driver_at_endpoint(c, url);
    s->checkout.arena = c->arena;
    s->checkout.place = (struct place){ .http = c->http,
                                        .endpoint = text(s, span_of_text(origin)),
                                        .auth = here ? c->auth : NULL,
                                        .own = here && c->session.own,
                                        .offline = c->options->offline };
    return s->checkout.place.endpoint
               ? checkout_open(&s->checkout, url, revision, ret_refusal, error)
               : no_memory(error);
}

static const struct checkout_file *find_file(const struct state *s, const char *path)
{
    for (size_t i = 0; i < s->checkout.count; i++)
        if (strcmp(s->checkout.files[i].path, path) == 0)
            return &s->checkout.files[i];
    return NULL;
}

static struct state *state_new(struct driver_call *c, struct error *error)
{
    struct state *s = calloc(1, sizeof *s);
    if (!s) {
        (void)no_memory(error);
        return NULL;
    }
    s->call = c;
    s->secrets = (struct auth_place){ c->options->environment, c->options->home };
    s->listing.arena = c->arena;
    end(c); /* of an earlier address */
    c->state = s;
    return s;
}

/* ---- places of DVC --------------------------------------------------------------- */

static bool remote_scheme(struct span url)
{
    static const char *const schemes[] = { "https://", "http://",  "s3://",
                                           "gs://",    "azure://", NULL };
    for (size_t i = 0; schemes[i]; i++)
        if (span_starts(url, schemes[i]))
            return true;
    return false;
}

/* An endpoint in the repository's configuration is somebody else's word for where our
 * signature should go: it must be the operator's own. */
static bool endpoint_accepted(struct state *s, struct span endpoint)
{
    static const char *const names[] = { "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL" };
    if (endpoint.len == 0)
        return true;
    for (size_t i = 0; i < 2; i++) {
        const char *mine = s->secrets.env ? s->secrets.env(names[i]) : NULL;
        if (mine && *mine)
            return span_is(endpoint, mine);
    }
    return false;
}

/* Always false.  Whoever made the repository wrote this; a path is one of their machine,
 * and what lies there on ours is none of theirs. */
static bool refuse_remote(const struct dvc_remote *remote, struct error *error)
{
    struct span url = remote->url;
    size_t scheme = span_find(url, "://", 0);
    int shown = (int)(url.len < 200 ? url.len : 200);
    if (scheme != SIZE_MAX)
        return error_set(error, ERROR_NETWORK,
                         "its DVC remote is kept in %.*s:, which is not read; https, "
                         "s3, gs and azure are",
                         (int)(scheme < 40 ? scheme : 40), (const char *)url.ptr);
    return error_set(error, ERROR_NETWORK,
                     "its DVC remote is a directory (%.*s) of the machine that it was "
                     "made on; a repository on a server cannot name one here",
                     shown, shown ? (const char *)url.ptr : "");
}

/* NULL: *error says why not. */
static struct storage *open_remote(struct state *s, const struct dvc_remote *remote,
                                   enum rest_refusal *ret_refusal, struct error *error)
{
    const char *url = text(s, remote->url);
    for (struct kept *k = s->kept; k && url; k = k->next)
        if (strcmp(k->url, url) == 0)
            return &k->storage;
    if (!url || !remote_scheme(remote->url)) {
        (void)refuse_remote(remote, error);
        return NULL;
    }
    if (!endpoint_accepted(s, remote->endpoint)) {
        (void)error_set(
            error, ERROR_NETWORK,
            "the DVC remote names an endpoint of its own; set AWS_ENDPOINT_URL_S3 "
            "to it if it is yours");
        return NULL;
    }
    struct kept *k = calloc(1, sizeof *k);
    if (!k) {
        (void)no_memory(error);
        return NULL;
    }
    *k = (struct kept){ .url = url, .next = s->kept };
    k->storage = (struct storage){ .uri = url,
                                   .arena = s->call->arena,
                                   .http = s->call->http,
                                   .secrets = &s->secrets,
                                   .typed = s->checkout.place.own,
                                   .offline = s->call->options->offline,
                                   .direct = true };
    s->kept = k;
    if (storage_list(&k->storage, ret_refusal, error))
        return &k->storage;
    s->kept = k->next;
    storage_free(&k->storage);
    free(k);
    return NULL;
}

static struct storage *remote_of(struct state *s, const struct dvc_out *out,
                                 enum rest_refusal *ret_refusal, struct error *error)
{
    struct arena *arena = s->call->arena;
    const char *config = (const char *)arena_printf(arena, "%s%s.dvc/config", out->root,
                                                    *out->root ? "/" : "")
                             .ptr;
    const struct checkout_file *f = config ? find_file(s, config) : NULL;
    struct span bytes = { 0 };
    if (!f) /* most often the repository's root is that of DVC */
        f = find_file(s, ".dvc/config");
    if (f && !checkout_read(&s->checkout, f->oid, &bytes, ret_refusal, error))
        return NULL;
    struct dvc_remote remote = dvc_remote_find(bytes, out->remote);
    if (remote.url.len == 0) {
        (void)error_set(error, ERROR_NETWORK, "the repository names no DVC remote%s%s",
                        out->remote ? " " : "", out->remote ? out->remote : "");
        return NULL;
    }
    return open_remote(s, &remote, ret_refusal, error);
}

/* ---- what is tracked ------------------------------------------------------------- */

static bool add_object(struct state *s, struct storage *from, const char *path,
                       const char *md5, const struct dvc_out *out, bool sized,
                       struct error *error)
{
    struct arena *arena = s->call->arena;
    const char *object = dvc_object_path(arena, md5, false, out->legacy);
    struct rest_file f = { .path = path,
                           .url = object ? storage_object(from, object) : NULL,
                           .size_known = sized && out->sized,
                           .size = sized ? out->size : 0 };
    listing_hash(arena, &f, out->legacy ? DIGEST_MD5_DOS2UNIX : DIGEST_MD5, LISTING_HEX,
                 span_of_text(md5));
    return f.url && f.hashes ? listing_add(&s->listing, &f, error) : no_memory(error);
}

/* [{"md5", "relpath"}, …], which has the MD5 that the output names. */
static bool read_list(struct state *s, struct storage *from, const struct dvc_out *out,
                      const char *wanted, struct span list, struct error *error)
{
    struct error why = { .code = ERROR_NONE };
    json_t *json = answer_parse(list, &s->values, &why);
    bool ok = json_is_array(json) ||
              error_set(error, ERROR_NETWORK, "the list of the directory %.200s is none",
                        out->path);
    for (size_t i = 0; ok && i < json_array_size(json); i++) {
        const json_t *one = json_array_get(json, i);
        const char *relative = json_string_value(json_object_get(one, "relpath"));
        const char *md5 = json_string_value(json_object_get(one, "md5"));
        if (!relative || !md5 || strlen(md5) != 32 ||
            md5[strspn(md5, "0123456789abcdef")] != '\0') {
            ok = error_set(error, ERROR_NETWORK,
                           "the list of the directory %.200s is none", out->path);
            break;
        }
        struct span path = arena_printf(s->call->arena, "%s/%s", out->path, relative);
        if (!path.len)
            ok = no_memory(error);
        else if (checkout_below((const char *)path.ptr, wanted))
            ok = add_object(s, from, (const char *)path.ptr, md5, out, false, error);
    }
    json_decref(json);
    return ok;
}

static bool md5_is(struct span bytes, const char *md5)
{
    char hex[DIGEST_HEX_MAX + 1];
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_MD5), bytes.len);
    if (!d)
        return false;
    digester_add(d, bytes);
    digester_finish(d);
    bool same = digester_hex(d, DIGEST_MD5, hex) && strcmp(hex, md5) == 0;
    digester_free(d);
    return same;
}

static bool add_directory(struct state *s, struct storage *from,
                          const struct dvc_out *out, const char *wanted,
                          enum rest_refusal *ret_refusal, struct error *error)
{
    const char *object = dvc_object_path(s->call->arena, out->md5, true, out->legacy);
    struct http_request q = { .url = object ? storage_object(from, object) : NULL,
                              .body_max = DVC_LIST_MAX };
    struct http_response r;
    if (!q.url)
        return no_memory(error);
    bool ok = place_ask(from->places, &q, &r, ret_refusal, error);
    if (ok) {
        *ret_refusal = REST_MALFORMED;
        struct span list = arena_copy(s->call->arena, buffer_span(&r.body));
        ok = (md5_is(list, out->md5) ||
              error_set(error, ERROR_NETWORK,
                        "the list of the directory %.200s has another MD5", out->path)) &&
             read_list(s, from, out, wanted, list, error);
    }
    http_response_free(&r);
    return ok;
}

/* What cannot be had of an output is told, and the rest is still scanned. */
static bool add_out(struct state *s, const struct dvc_out *out, const char *wanted,
                    enum rest_refusal *ret_refusal, struct error *error)
{
    struct error why = { .code = ERROR_NONE };
    struct storage *from = remote_of(s, out, ret_refusal, &why);
    bool ok = from && (out->directory
                           ? add_directory(s, from, out, wanted, ret_refusal, &why)
                           : add_object(s, from, out->path, out->md5, out, true, &why));
    if (!ok && why.code == ERROR_MEMORY)
        return no_memory(error);
    if (!ok)
        note_unread(s, out->path, why.message);
    return true;
}

static bool named(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, name) == 0;
}

static bool tracks(const struct checkout_file *f)
{
    bool regular = (f->mode & 0170000) == 0100000;
    return regular &&
           (span_ends(span_of_text(f->path), ".dvc") || named(f->path, "dvc.lock"));
}

/* Every output of the repository.  A file that cannot be read may be the one that counts.
 */
static bool gather(struct state *s, struct dvc_out **ret_outs,
                   enum rest_refusal *ret_refusal, struct error *error)
{
    size_t read = 0, passed = 0;
    for (size_t i = 0; i < s->checkout.count; i++) {
        const struct checkout_file *f = &s->checkout.files[i];
        struct error why = { .code = ERROR_NONE };
        struct span bytes;
        if (!tracks(f))
            continue;
        if (++read > DVC_FILES_MAX)
            return error_set(error, ERROR_NETWORK,
                             "the repository has more than %d DVC files", DVC_FILES_MAX);
        if (!checkout_read(&s->checkout, f->oid, &bytes, ret_refusal, error))
            return false;
        if (!dvc_outs_read(bytes, f->path, s->call->arena, ret_outs, &passed, &why))
            note_unread(s, f->path, why.message);
    }
    return !arena_exhausted(s->call->arena) || no_memory(error);
}

/* ---- answers --------------------------------------------------------------------- */

static struct span line_after(struct span header, const char *key)
{
    size_t end = span_find(header, "\n\n", 0), at = span_find(header, key, 0);
    if (at == SIZE_MAX || at >= end)
        return span_of(NULL, 0);
    at += strlen(key);
    return span_slice(header, at, span_find(header, "\n", at));
}

static void set_text(json_t *object, const char *key, struct span value)
{
    if (value.len)
        (void)json_object_set_new(object, key,
                                  json_stringn((const char *)value.ptr, value.len));
}

/* "Ann <ann@x> 1700000000 +0100" */
static json_t *commit_json(const struct state *s)
{
    struct span header = s->checkout.header, author = line_after(header, "\nauthor ");
    struct span who = span_slice(author, 0, span_find(author, " <", 0));
    size_t mail = span_find(author, "> ", 0);
    json_t *json = json_object();
    char digits[24] = "", date[32];
    set_text(json, "sha", span_of_text(s->checkout.revision));
    set_text(json, "ref", span_of_text(s->checkout.ref));
    set_text(json, "author", who);
    if (mail != SIZE_MAX) {
        struct span when = span_slice(author, mail + 2, author.len);
        when = span_slice(when, 0, span_find(when, " ", 0));
        if (when.len < sizeof digits)
            memcpy(digits, when.ptr, when.len);
        time_t t = (time_t)strtoll(digits, NULL, 10);
        struct tm utc;
        if (*digits && gmtime_r(&t, &utc) &&
            strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc))
            set_text(json, "date", span_of_text(date));
    }
    /* one that is there was not checked, so it is not known */
    if (line_after(header, "\ngpgsig ").len == 0)
        (void)json_object_set_new(json, "signed", json_false());
    return json;
}

static json_t *out_json(const struct state *s, const struct dvc_out *out)
{
    json_t *json = json_object();
    (void)s;
    if (!out)
        return json;
    set_text(json, "md5", span_of_text(out->md5));
    set_text(json, "path", span_of_text(out->path));
    set_text(json, "remote", span_of_text(out->remote));
    if (out->sized)
        (void)json_object_set_new(json, "size", json_integer((json_int_t)out->size));
    (void)json_object_set_new(json, "frozen", json_boolean(out->frozen));
    return json;
}

static json_t *artifact_json(struct state *s, const char *path)
{
    json_t *json = json_object();
    for (size_t i = 0; i < s->checkout.count; i++) {
        const struct checkout_file *f = &s->checkout.files[i];
        struct dvc_artifact a;
        struct span bytes;
        enum rest_refusal refusal;
        struct error ignored;
        if (!named(f->path, "dvc.yaml") || (f->mode & 0170000) != 0100000 ||
            !checkout_read(&s->checkout, f->oid, &bytes, &refusal, &ignored) ||
            !dvc_artifact_find(bytes, f->path, path, s->call->arena, &a))
            continue;
        set_text(json, "type", a.type);
        set_text(json, "desc", a.desc);
        set_text(json, "labels", a.labels);
        break;
    }
    return json;
}

static bool describe(struct state *s, const char *path, const struct dvc_out *out,
                     struct rest_result *ret_result, struct error *error)
{
    json_t *parts[] = { commit_json(s), out_json(s, out), artifact_json(s, path) };
    static const char *const names[] = { "commit", "out", "artifact" };
    struct rest_root roots[3];
    bool ok = true;
    for (size_t i = 0; i < 3; i++) {
        char *body = json_dumps(parts[i], JSON_COMPACT);
        roots[i] = (struct rest_root){ .name = names[i], .json = true };
        roots[i].body = arena_copy(s->call->arena, span_of_text(body));
        ok = ok && body && roots[i].body.len;
        free(body);
        json_decref(parts[i]);
    }
    return ok ? rest_describe(&s->call->session, roots, 3, s->call->arena, ret_result,
                              error)
              : no_memory(error);
}

static bool conclude(struct state *s, struct rest_result *result, struct error *error)
{
    result->why_unlisted = s->unread ? s->unread : s->checkout.unread;
    return listing_finish(&s->listing, result, error);
}

/* ---- the two ways in ------------------------------------------------------------- */

/* The file or directory that the reference names: tracked by DVC, or by git, or below
 * what is, or above. */
static bool ask(struct driver_call *c, struct rest_result *ret_result,
                enum rest_refusal *ret_refusal, struct error *error)
{
    struct registry_git entry;
    struct dvc_out *outs = NULL, *exact = NULL;
    *ret_refusal = REST_NOT_ASKED;
    if (!registry_git(c->reference, c->arena, &entry, error))
        return false;
    struct state *s = state_new(c, error);
    if (!s || !open_repository(s, entry.url, entry.ref, ret_refusal, error) ||
        !gather(s, &outs, ret_refusal, error))
        return false;
    for (struct dvc_out *o = outs; o; o = o->next) {
        bool below = checkout_below(o->path, entry.path);
        if (strcmp(o->path, entry.path) == 0)
            exact = o;
        if ((below || (o->directory && checkout_below(entry.path, o->path))) &&
            !add_out(s, o, entry.path, ret_refusal, error))
            return false;
    }
    if (!checkout_list(&s->checkout, entry.path, &s->listing, ret_refusal, error))
        return false;
    *ret_refusal = REST_NOT_FOUND;
    if (s->listing.count + s->listing.refused == 0 && !s->unread && !s->checkout.unread)
        return error_set(error, ERROR_NOT_FOUND, "the repository has no %.200s at %s",
                         entry.path, s->checkout.revision);
    *ret_refusal = REST_MALFORMED;
    return describe(s, entry.path, exact, ret_result, error) &&
           conclude(s, ret_result, error);
}

/* "git+https://HOST/REPOSITORY[@REVISION][#PATH]" */
static bool list(struct driver_call *c, const char *address,
                 struct rest_result *ret_result, enum rest_refusal *ret_refusal,
                 struct error *error)
{
    const char *url = address + strlen("git+"), *hash = strchr(url, '#');
    size_t n = hash ? (size_t)(hash - url) : strlen(url);
    size_t at = span_find_last(span_of(url, n), "@", n);
    struct state *s = state_new(c, error);
    *ret_refusal = REST_NOT_ASKED;
    if (!s)
        return false;
    const char *revision =
        at == SIZE_MAX ? NULL : text(s, span_of(url + at + 1, n - at - 1));
    const char *repository = text(s, span_of(url, at == SIZE_MAX ? n : at));
    const char *path = hash ? hash + 1 : "";
    if (!repository || strpbrk(repository, "?") || (*path && !path_clean(path)))
        return error_set(
            error, ERROR_USAGE,
            "%.200s: git+https://HOST/REPOSITORY[@REVISION][#PATH] is expected", address);
    if (!open_repository(s, repository, revision, ret_refusal, error) ||
        !checkout_list(&s->checkout, path, &s->listing, ret_refusal, error))
        return false;
    *ret_refusal = REST_NOT_FOUND;
    if (s->listing.count + s->listing.refused == 0 && !s->checkout.unread)
        return error_set(error, ERROR_NOT_FOUND, "the repository has no %.200s", path);
    ret_result->revision = span_of_text(s->checkout.revision);
    return conclude(s, ret_result, error);
}

static bool sign(struct driver_call *c, const struct rest_file *file,
                 struct download *job, struct error *error)
{
    struct state *s = c->state;
    (void)file;
    (void)error;
    for (struct kept *k = s->kept; k; k = k->next)
        if (storage_sign(&k->storage, job))
            return true;
    (void)checkout_sign(&s->checkout, job);
    return true;
}

static int open_file(struct driver_call *c, const struct rest_file *file,
                     struct error *error)
{
    struct state *s = c->state;
    return checkout_file_open(&s->checkout, file, error);
}

static const char *const schemes[] = { "git+https", "git+http", NULL };

const struct driver driver_git = { .name = "git-dvc",
                                   .elsewhere = true,
                                   .schemes = schemes,
                                   .ask = ask,
                                   .list = list,
                                   .sign = sign,
                                   .open = open_file,
                                   .end = end };
