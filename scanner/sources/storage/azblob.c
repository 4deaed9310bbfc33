/* azure://CONTAINER[/PREFIX], wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PREFIX,
 * abfss://…, https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX[?SAS]: Azure Blob
 * Storage.  Source: Azure Blob Storage REST API, List Blobs, Get Blob. */
#include "net/azure.h"
#include "net/url.h"
#include "sources/storage/storage.h"
#include "sources/storage/xml.h"

#include <stdlib.h>
#include <string.h>

enum { AZURE_PAGES_MAX = 1000 };

struct container {
    struct storage *storage;
    const char *endpoint, *name, *prefix, *sas; /* sas: of the URI itself, or NULL */
    bool own;
    struct place *place;
};

/* ---- where it is ----------------------------------------------------------------- */

/* A part of the operator's connection string, or NULL. */
static const char *connection(struct storage *s, const char *key)
{
    const char *text = storage_env(s, "AZURE_STORAGE_CONNECTION_STRING");
    struct span part = azure_connection_part(text, key);
    return part.len ? arena_text(s->arena, part) : NULL;
}

/* Where accounts lie, and who gives tokens for them.  Source: azure-identity,
 * AzureAuthorityHosts; the resource, https://storage.azure.com, is the same in all. */
#define TOKEN_PATH "/$AZURE_TENANT_ID/oauth2/v2.0/token"
static const struct {
    const char *suffix, *token_url;
} clouds[] = {
    {"core.windows.net",        "https://login.microsoftonline.com" TOKEN_PATH},
    { "core.usgovcloudapi.net", "https://login.microsoftonline.us" TOKEN_PATH },
    { "core.chinacloudapi.cn",  "https://login.chinacloudapi.cn" TOKEN_PATH   },
};
enum { CLOUDS = sizeof clouds / sizeof *clouds, SUFFIX_MAX = 128 };

/* "core.windows.net": a domain below which accounts are, and nothing else. */
static bool suffix_valid(struct span text)
{
    bool dot = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        bool edge = i == 0 || i + 1 == text.len || text.ptr[i - 1] == '.';
        if (c == '.' ? edge : !strchr("abcdefghijklmnopqrstuvwxyz0123456789-", c) || !c)
            return false;
        dot = dot || c == '.';
    }
    return dot && text.len <= SUFFIX_MAX;
}

/* Of the operator's connection string; NULL: it names none, or none that is a domain. */
static const char *operator_suffix(struct storage *s)
{
    const char *suffix = connection(s, "EndpointSuffix");
    return suffix && suffix_valid(span_of_text(suffix)) ? suffix : NULL;
}

/* "ACCOUNT" of "ACCOUNT.blob.SUFFIX", with a suffix of Azure's or of the operator's;
 * empty: it is no such host. */
static struct span account_of(struct storage *s, struct span host, const char *service)
{
    for (size_t i = 0; i <= CLOUDS; i++) {
        const char *suffix = i < CLOUDS ? clouds[i].suffix : operator_suffix(s);
        struct span end = arena_printf(s->arena, ".%s.%s", service, suffix ? suffix : "");
        if (suffix && end.len && host.len > end.len &&
            span_ends(host, (const char *)end.ptr))
            return span_slice(host, 0, host.len - end.len);
    }
    return span_of(NULL, 0);
}

bool storage_azure_host(struct storage *s, struct span host)
{
    return account_of(s, host, "blob").len > 0;
}

/* What the connection string says wrong is not passed over: the operator means a place.
 */
static bool check_connection(struct storage *s, struct error *error)
{
    static const char where[] = "AZURE_STORAGE_CONNECTION_STRING";
    const char *endpoint = connection(s, "BlobEndpoint");
    struct url url = { 0 };
    struct error why;
    if (connection(s, "EndpointSuffix") && !operator_suffix(s))
        return error_set(error, ERROR_CONFIG, "%s: EndpointSuffix is no domain", where);
    bool fine = !endpoint || (!strpbrk(endpoint, "?#") &&
                              url_parse(storage_endpoint(s, endpoint), &url, &why));
    url_free(&url);
    return fine || error_set(error, ERROR_CONFIG,
                             "%s: BlobEndpoint is not the address of a server", where);
}

/* The account's endpoint as the operator configured it, for azure://, or NULL. */
static const char *configured_endpoint(struct storage *s)
{
    const char *endpoint = connection(s, "BlobEndpoint"), *suffix = operator_suffix(s);
    const char *account = connection(s, "AccountName");
    if (endpoint)
        return storage_endpoint(s, endpoint);
    if (!account)
        account = storage_env(s, "AZURE_STORAGE_ACCOUNT");
    if (!account || account[strspn(account, "abcdefghijklmnopqrstuvwxyz0123456789")])
        return NULL;
    return (const char *)arena_printf(s->arena, "https://%s.blob.%s", account,
                                      suffix ? suffix : clouds[0].suffix)
        .ptr;
}

/* "ACCOUNT.dfs.core.windows.net" → the account's blob endpoint. */
static const char *named_endpoint(struct storage *s, struct span host)
{
    struct span account = account_of(s, host, "dfs");
    if (account.len)
        host = arena_printf(s->arena, "%.*s.blob%.*s", (int)account.len,
                            (const char *)account.ptr, (int)(host.len - account.len - 4),
                            (const char *)host.ptr + account.len + 4);
    const char *text = arena_text(s->arena, host);
    if (!text || !storage_azure_host(s, host) ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.")])
        return NULL;
    return (const char *)arena_printf(s->arena, "https://%s", text).ptr;
}

static bool expected(const struct storage *s, struct error *error)
{
    return error_set(
        error, ERROR_USAGE,
        "%.200s: azure://CONTAINER/PREFIX with AZURE_STORAGE_ACCOUNT set, or "
        "wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PREFIX is expected",
        s->uri);
}

static bool read_uri(struct container *c, struct error *error)
{
    struct storage *s = c->storage;
    struct span authority;
    const char *path;
    if (!storage_split(s, &authority, &path, error) || !check_connection(s, error))
        return false;
    const char *query = strchr(path, '?'), *own = configured_endpoint(s);
    struct span rest = span_of(path, query ? (size_t)(query - path) : strlen(path));
    size_t at = span_find(authority, "@", 0);
    if (strncmp(s->uri, "https:", 6) == 0) {
        size_t slash = span_find(rest, "/", 0);
        c->endpoint = named_endpoint(s, authority);
        c->name = arena_text(s->arena, span_slice(rest, 0, slash));
        rest =
            slash == SIZE_MAX ? span_of(NULL, 0) : span_slice(rest, slash + 1, rest.len);
        c->sas = query ? query + 1 : NULL;
    } else if (at != SIZE_MAX) {
        c->endpoint = named_endpoint(s, span_slice(authority, at + 1, authority.len));
        c->name = arena_text(s->arena, span_slice(authority, 0, at));
    } else {
        c->endpoint = own;
        c->name = arena_text(s->arena, authority);
    }
    c->prefix = arena_text(s->arena, rest);
    c->own = c->endpoint && own && strcmp(c->endpoint, own) == 0;
    return (c->endpoint && c->name && *c->name && c->prefix &&
            c->name[strspn(c->name, "abcdefghijklmnopqrstuvwxyz0123456789-$")] == '\0') ||
           expected(s, error);
}

static const char *token_url(const struct container *c)
{
    size_t i = CLOUDS - 1;
    while (i > 0 && !span_ends(span_of_text(c->endpoint), clouds[i].suffix))
        i--;
    return clouds[i].token_url;
}

/* The operator's credentials are for the operator's account, never for one that a
 * reference names. */
static bool open_place(struct container *c, struct error *error)
{
    static const char *const sas[] = { "AZURE_STORAGE_SAS_TOKEN", NULL };
    static const char *const none[] = { NULL };
    static const char *const form[] = {
        "grant_type=client_credentials", "client_id=$AZURE_CLIENT_ID",
        "client_secret=$AZURE_CLIENT_SECRET",
        "scope=https%3A%2F%2Fstorage.azure.com%2F.default", NULL
    };
    const struct auth_method methods[] = {
        {.kind = AUTH_QUERY,     .env = sas,  .files = none, .exchange_form = none},
        { .kind = AUTH_AZURE,    .env = none, .files = none, .exchange_form = none},
        { .kind = AUTH_EXCHANGE,
         .env = none,
         .files = none,
         .exchange_url = token_url(c),
         .exchange_pointer = "/access_token",
         .exchange_form = form },
        { .kind = AUTH_NONE,  .env = none,            .files = none,        .exchange_form = none                },
    };
    bool known = c->own && !c->sas;
    if (known)
        c->sas = connection(c->storage, "SharedAccessSignature");
    known = known && !c->sas;
    c->place = storage_place(c->storage, c->endpoint, c->own, methods,
                             known ? sizeof methods / sizeof *methods : 0, error);
    return c->place != NULL;
}

/* ---- the list -------------------------------------------------------------------- */

struct page {
    struct container *container;
    struct buffer name, md5, etag, next, last; /* last: the marker that asked for it */
    uint64_t size;
    bool size_known;
    struct error *error;
};

static bool add_blob(struct page *p)
{
    struct container *c = p->container;
    struct storage *s = c->storage;
    struct rest_file f = { .size = p->size,
                           .size_known = p->size_known,
                           .credentials = true };
    struct buffer url;
    if (!p->name.text || memchr(p->name.text, '\0', p->name.len))
        return error_set(p->error, ERROR_NETWORK, "the list has a blob without a name");
    f.path = storage_below(c->prefix, p->name.text);
    if (!f.path || (p->size == 0 && span_ends(buffer_span(&p->name), "/")))
        return true;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s/%s/", c->endpoint, c->name);
    place_add_path(&url, p->name.text);
    if (c->sas)
        buffer_printf(&url, "?%s", c->sas);
    f.url = arena_text(s->arena, buffer_span(&url));
    buffer_free(&url);
    listing_hash(s->arena, &f, DIGEST_MD5, LISTING_BASE64, buffer_span(&p->md5));
    if (p->etag.len)
        f.etag = arena_text(s->arena, storage_unquoted(p->etag.text));
    return listing_add(&s->listing, &f, p->error);
}

static void keep(struct buffer *to, struct span text)
{
    buffer_clear(to);
    buffer_add(to, text);
}

static bool on_element(void *self, const char *path, struct span text)
{
    static const char blob[] = "EnumerationResults/Blobs/Blob";
    struct page *p = self;
    if (strcmp(path, "EnumerationResults/NextMarker") == 0)
        keep(&p->next, text);
    if (strncmp(path, blob, sizeof blob - 1) != 0)
        return true;
    path += sizeof blob - 1;
    if (strcmp(path, "/Name") == 0) {
        keep(&p->name, text);
    } else if (strcmp(path, "/Properties/Content-MD5") == 0) {
        keep(&p->md5, text);
    } else if (strcmp(path, "/Properties/Etag") == 0) {
        keep(&p->etag, text);
    } else if (strcmp(path, "/Properties/Content-Length") == 0) {
        char digits[24] = "", *end;
        memcpy(digits, text.ptr, text.len < sizeof digits ? text.len : 0);
        p->size = strtoull(digits, &end, 10);
        p->size_known = *digits >= '0' && *digits <= '9' && *end == '\0';
    } else if (*path == '\0') {
        bool ok = add_blob(p);
        buffer_clear(&p->name);
        buffer_clear(&p->md5);
        buffer_clear(&p->etag);
        p->size_known = false;
        p->size = 0;
        return ok;
    }
    return true;
}

static bool list_page(struct page *p, enum rest_refusal *ret_refusal, struct error *error)
{
    static const char *const headers[] = { "x-ms-version: " AZURE_VERSION, NULL };
    const struct container *c = p->container;
    struct buffer url;
    struct http_response r;
    buffer_init(&url, URL_MAX);
    buffer_printf(&url, "%s/%s?restype=container&comp=list&prefix=", c->endpoint,
                  c->name);
    place_add(&url, c->prefix);
    if (p->next.len) {
        buffer_add_text(&url, "&marker=");
        place_add(&url, p->next.text);
    }
    if (c->sas)
        buffer_printf(&url, "&%s", c->sas);
    keep(&p->last, buffer_span(&p->next));
    buffer_clear(&p->next);
    const struct http_request q = { .url = url.text,
                                    .headers = headers,
                                    .anchored = true };
    bool ok = place_ask(c->place, &q, &r, ret_refusal, error);
    if (ok) {
        *ret_refusal = REST_MALFORMED;
        ok = xml_walk(buffer_span(&r.body), on_element, p, error);
        if (ok && p->next.len && span_equal(buffer_span(&p->next), buffer_span(&p->last)))
            ok = error_set(error, ERROR_NETWORK,
                           "the list of the container does not go on");
    }
    http_response_free(&r);
    buffer_free(&url);
    return ok;
}

bool storage_list_azblob(struct storage *s, enum rest_refusal *ret_refusal,
                         struct error *error)
{
    struct container c = { .storage = s };
    struct page p = { .container = &c, .error = error };
    size_t pages = 0;
    bool ok = true;
    *ret_refusal = REST_NOT_ASKED;
    if (!read_uri(&c, error) || !open_place(&c, error))
        return false;
    if (s->direct) {
        struct span base = arena_printf(s->arena, "%s/%s/", c.endpoint, c.name);
        struct span tail =
            arena_printf(s->arena, "%s%s", c.sas ? "?" : "", c.sas ? c.sas : "");
        return storage_direct(s, (const char *)base.ptr, c.prefix, false,
                              tail.len ? (const char *)tail.ptr : "", error);
    }
    buffer_init(&p.name, 4096);
    buffer_init(&p.md5, 64);
    buffer_init(&p.etag, 256);
    buffer_init(&p.next, 4096);
    buffer_init(&p.last, 4096);
    do {
        ok = list_page(&p, ret_refusal, error);
        if (ok && ++pages == AZURE_PAGES_MAX)
            ok = error_set(error, ERROR_NETWORK, "the container lists more than %d pages",
                           AZURE_PAGES_MAX);
    } while (ok && p.next.len);
    buffer_free(&p.name);
    buffer_free(&p.md5);
    buffer_free(&p.etag);
    buffer_free(&p.next);
    buffer_free(&p.last);
    return ok;
}
