/* https://HOST/PATH: one file of a web server; with what the server says of its bytes, or
 * puts beside it as FILE.sha256.  Addresses of Azure and Artifactory go to their drivers.
 */
#include "sources/storage/storage.h"

#include "registry/uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SIDECAR_MAX = 64 << 10 };

/* ---- digests that the server tells ----------------------------------------------- */

/* "sha-256=:BASE64:" (RFC 9530), "SHA-256=BASE64" (RFC 3230): one among others. */
static void read_digest_field(struct storage *s, const char *value, struct rest_file *f)
{
    static const char name[] = "sha-256=";
    for (; value && *value; value += strcspn(value, ","), value += *value == ',') {
        value += strspn(value, " \t");
        if (strncasecmp(value, name, sizeof name - 1) != 0)
            continue;
        struct span text =
            span_of(value + sizeof name - 1, strcspn(value + sizeof name - 1, ", ;"));
        if (text.len > 2 && text.ptr[0] == ':' && text.ptr[text.len - 1] == ':')
            text = span_slice(text, 1, text.len - 1);
        listing_hash(s->arena, f, DIGEST_SHA256, LISTING_BASE64, text);
    }
}

static void read_fields(struct storage *s, const struct fields *fields,
                        struct rest_file *f)
{
    const char *length = fields_get(fields, "Content-Length", 0);
    const char *md5 = fields_get(fields, "Content-MD5", 0);
    const char *sha256 = fields_get(fields, "X-Checksum-Sha256", 0);
    struct span etag = storage_unquoted(fields_get(fields, "ETag", 0));
    char *end = NULL;
    if (etag.len)
        f->etag = arena_text(s->arena, etag);
    if (length && isdigit((unsigned char)*length)) {
        f->size = strtoull(length, &end, 10);
        f->size_known = *end == '\0';
    }
    listing_hash(s->arena, f, DIGEST_MD5, LISTING_BASE64, span_of_text(md5));
    listing_hash(s->arena, f, DIGEST_SHA256, LISTING_HEX, span_of_text(sha256));
    read_digest_field(s, fields_get(fields, "Digest", 0), f);
    read_digest_field(s, fields_get(fields, "Repr-Digest", 0), f);
}

/* "HEX", or a line of sha256sum that names this file. */
static void read_sidecar(struct storage *s, struct span text, struct rest_file *f)
{
    size_t n = 0;
    while (n < text.len && isxdigit(text.ptr[n]))
        n++;
    size_t end = span_find(text, "\n", 0);
    struct span rest = span_slice(text, n, end);
    while (rest.len && (isspace(rest.ptr[0]) || rest.ptr[0] == '*'))
        rest = span_slice(rest, 1, rest.len);
    while (rest.len && isspace(rest.ptr[rest.len - 1]))
        rest.len--;
    const char *name = strrchr(f->path, '/');
    if (rest.len == 0 || span_is(rest, name ? name + 1 : f->path))
        listing_hash(s->arena, f, DIGEST_SHA256, LISTING_HEX, span_slice(text, 0, n));
}

static void ask_sidecar(struct storage *s, const struct place *p, struct rest_file *f)
{
    struct http_request q = { .body_max = SIDECAR_MAX };
    struct http_response r;
    enum rest_refusal refusal;
    struct error ignored;
    if (strchr(f->url, '?'))
        return; /* a signed address is for one file */
    q.url = (const char *)arena_printf(s->arena, "%s.sha256", f->url).ptr;
    if (q.url && place_ask(p, &q, &r, &refusal, &ignored))
        read_sidecar(s, buffer_span(&r.body), f);
    if (q.url)
        http_response_free(&r);
}

/* ---- the file -------------------------------------------------------------------- */

static const char *file_name(struct storage *s, const char *path)
{
    size_t n = strcspn(path, "?#");
    struct buffer name;
    const char *copy = NULL;
    buffer_init(&name, 1024);
    while (n > 0 && path[n - 1] != '/' && memchr(path, '/', n)) {
        const char *slash = memrchr(path, '/', n);
        n -= (size_t)(slash + 1 - path);
        path = slash + 1;
    }
    if (n > 0 && !uri_decode(span_of(path, n), &name) && name.text &&
        path_clean(name.text) && !strchr(name.text, '/'))
        copy = arena_text(s->arena, buffer_span(&name));
    buffer_free(&name);
    return copy;
}

bool storage_list_https(struct storage *s, enum rest_refusal *ret_refusal,
                        struct error *error)
{
    struct span host;
    const char *path;
    struct http_response r;
    *ret_refusal = REST_NOT_ASKED;
    if (!storage_split(s, &host, &path, error))
        return false;
    if (strncmp(s->uri, "https:", 6) == 0 && storage_azure_host(s, host))
        return storage_list_azblob(s, ret_refusal, error);
    if (strncmp(path, "artifactory/", 12) == 0 && !s->direct)
        return storage_list_jfrog(s, ret_refusal, error);
    /* a remote of DVC's may be all of a host; it is no file */
    struct rest_file f = { .path = s->direct ? "" : file_name(s, path), .url = s->uri };
    if (!f.path)
        return error_set(error, ERROR_USAGE,
                         "%.200s: the address of one file is expected", s->uri);
    struct span endpoint =
        span_of(s->uri, (size_t)(host.ptr + host.len - (const uint8_t *)s->uri));
    struct place *p =
        storage_place(s, arena_text(s->arena, endpoint), s->typed, NULL, 0, error);
    const struct http_request q = { .method = HTTP_HEAD, .url = s->uri };
    if (!p)
        return false;
    if (s->direct) {
        struct span base = arena_printf(s->arena, "%s/", p->endpoint);
        return strpbrk(path, "?#%")
                   ? error_set(error, ERROR_USAGE, "%.200s: no remote of DVC's", s->uri)
                   : storage_direct(s, (const char *)base.ptr, path, false, "", error);
    }
    bool ok = place_ask(p, &q, &r, ret_refusal, error);
    if (ok)
        read_fields(s, &r.fields, &f);
    http_response_free(&r);
    if (!ok)
        return false;
    ask_sidecar(s, p, &f);
    return listing_add(&s->listing, &f, error);
}
