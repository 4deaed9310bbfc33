/* s3://BUCKET[/PREFIX][?versionId=ID]: Amazon S3, and what speaks its protocol behind
 * AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.  Source: Amazon S3 API reference. */
#include "net/aws.h"
#include "sources/storage/storage.h"
#include "sources/storage/xml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* An ETag is an MD5 only of what was uploaded in one piece and is not encrypted by a key
 * service, so each object is asked for; but not for ever. */
enum { HEADS_MAX = 1000, PAGES_MAX = 1000 };

struct bucket {
    struct storage *storage;
    const char *name, *prefix, *version; /* version NULL: the latest */
    char region[AWS_WORD_MAX + 1];
    bool amazon; /* else at the operator's endpoint */
    const struct place *place;
    const char *base; /* URL of the bucket */
    size_t heads;
};

/* ---- where it is ----------------------------------------------------------------- */

static bool name_valid(struct span name)
{
    if (name.len < 3 || name.len > 63)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    ((c == '-' || c == '.' || c == '_') && i > 0);
        if (!fine || (c == '.' && name.ptr[i - 1] == '.'))
            return false;
    }
    return true;
}

static bool region_valid(const char *region)
{
    return *region &&
           region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* The bucket is part of the host where a certificate for it can be valid. */
static bool open_bucket(struct bucket *b, struct error *error)
{
    static const char *const env[] = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                       "AWS_SESSION_TOKEN", NULL };
    static const char *const files[] = { "~/.aws/credentials", NULL };
    static const char *const none[] = { NULL };
    const struct auth_method methods[] = {
        {.kind = AUTH_SIGV4, .env = env,  .files = files},
        { .kind = AUTH_NONE, .env = none, .files = none },
    };
    struct storage *s = b->storage;
    const char *endpoint = storage_env(s, "AWS_ENDPOINT_URL_S3");
    const char *cn = strncmp(b->region, "cn-", 3) == 0 ? ".cn" : "";
    if (!endpoint)
        endpoint = storage_env(s, "AWS_ENDPOINT_URL");
    b->amazon = !endpoint;
    struct span host = { 0 };
    if (endpoint) {
        host = span_of_text(storage_endpoint(s, endpoint));
    } else if (strpbrk(b->name, "._")) {
        host = arena_printf(s->arena, "https://s3.%s.amazonaws.com%s", b->region, cn);
    } else {
        host = arena_printf(s->arena, "https://%s.s3.%s.amazonaws.com%s", b->name,
                            b->region, cn);
    }
    bool in_host = !endpoint && !strpbrk(b->name, "._");
    b->base = (const char *)arena_printf(s->arena, "%.*s%s%s", (int)host.len,
                                         (const char *)host.ptr, in_host ? "" : "/",
                                         in_host ? "" : b->name)
                  .ptr;
    b->place = storage_place(s, (const char *)host.ptr, endpoint != NULL, methods,
                             sizeof methods / sizeof *methods, error);
    return b->place != NULL;
}

static bool read_uri(struct bucket *b, struct error *error)
{
    struct storage *s = b->storage;
    struct span name;
    const char *path;
    static const char version[] = "?versionId=";
    if (!storage_split(s, &name, &path, error))
        return false;
    const char *query = strpbrk(path, "?#");
    size_t n = query ? (size_t)(query - path) : strlen(path);
    if (!name_valid(name) || (query && strncmp(query, version, sizeof version - 1) != 0))
        return error_set(error, ERROR_USAGE,
                         "%.200s: s3://BUCKET[/KEY][?versionId=ID] is expected", s->uri);
    struct aws_target t;
    aws_target_of("", NULL, s->secrets, &t);
    if (!region_valid(t.region))
        return error_set(error, ERROR_CONFIG, "AWS_REGION is no region");
    memcpy(b->region, t.region, sizeof b->region);
    b->name = arena_text(s->arena, name);
    b->prefix = arena_text(s->arena, span_of(path, n));
    b->version = query ? query + sizeof version - 1 : NULL;
    return (b->name && b->prefix) || error_set(error, ERROR_MEMORY, "out of memory");
}

/* A bucket of another region says so; 400 is what a signature for the wrong one gets. */
static bool moved(struct bucket *b, const struct http_response *r)
{
    const char *region = fields_get(&r->fields, "x-amz-bucket-region", 0);
    if (!b->amazon || !region || !region_valid(region) || strlen(region) > AWS_WORD_MAX ||
        strcmp(region, b->region) == 0)
        return false;
    (void)snprintf(b->region, sizeof b->region, "%s", region);
    return true;
}

static bool ask(struct bucket *b, enum http_method method, const char *path,
                const char *query, struct http_response *r,
                enum rest_refusal *ret_refusal, struct error *error)
{
    static const char *const headers[] = { "x-amz-checksum-mode: ENABLED", NULL };
    for (int attempt = 0;; attempt++) {
        struct buffer url;
        buffer_init(&url, URL_MAX);
        buffer_printf(&url, "%s/", b->base);
        place_add_path(&url, path);
        buffer_add_text(&url, query);
        struct http_request q = {
            .method = method, .url = url.text, .headers = headers, .stay = true
        }; /* a signature is for one host */
        bool ok = place_ask(b->place, &q, r, ret_refusal, error);
        buffer_free(&url);
        if (ok || attempt > 0 || !moved(b, r))
            return ok;
        http_response_free(r);
        *r = (struct http_response){ 0 };
        if (!open_bucket(b, error))
            return false;
    }
}

/* ---- an object ------------------------------------------------------------------- */

static bool weak_etag_is_md5(const struct fields *f, struct span etag)
{
    const char *encryption = fields_get(f, "x-amz-server-side-encryption", 0);
    const char *customer =
        fields_get(f, "x-amz-server-side-encryption-customer-algorithm", 0);
    return etag.len == 32 && !customer &&
           (!encryption || strcmp(encryption, "AES256") == 0);
}

/* Checksums that prove less, where there is nothing else. */
static void read_weak(struct arena *arena, const struct fields *f, struct rest_file *file)
{
    static const struct {
        const char *header;
        enum digest_algorithm algorithm;
    } weak[] = {
        {"x-amz-checksum-sha1",       DIGEST_SHA1     },
        { "x-amz-checksum-crc64nvme", DIGEST_CRC64NVME},
        { "x-amz-checksum-crc32c",    DIGEST_CRC32C   },
        { "x-amz-checksum-crc32",     DIGEST_CRC32    },
    };
    for (size_t i = 0; !file->hashes && i < sizeof weak / sizeof *weak; i++) {
        const char *sum = fields_get(f, weak[i].header, 0);
        if (sum)
            listing_hash(arena, file, weak[i].algorithm, LISTING_BASE64,
                         span_of_text(sum));
    }
}

static void read_head(struct bucket *b, const struct fields *f, struct rest_file *file)
{
    struct arena *arena = b->storage->arena;
    const char *sum = fields_get(f, "x-amz-checksum-sha256", 0);
    struct span etag = storage_unquoted(fields_get(f, "ETag", 0));
    const char *length = fields_get(f, "Content-Length", 0);
    if (weak_etag_is_md5(f, etag))
        listing_hash(arena, file, DIGEST_MD5, LISTING_HEX, etag);
    if (sum) /* "…-3": of the parts' sums, not of the object */
        listing_hash(arena, file, DIGEST_SHA256, LISTING_BASE64, span_of_text(sum));
    read_weak(arena, f, file);
    file->etag = etag.len ? arena_text(arena, etag) : NULL;
    if (!file->size_known && length) {
        char *end;
        file->size = strtoull(length, &end, 10);
        file->size_known = *end == '\0' && isdigit((unsigned char)*length);
    }
}

static bool add_object(struct bucket *b, const char *key, uint64_t size, bool size_known,
                       enum rest_refusal *ret_refusal, struct error *error)
{
    struct storage *s = b->storage;
    struct rest_file file = { .path = storage_below(b->prefix, key),
                              .size = size,
                              .size_known = size_known,
                              .credentials = true };
    struct buffer url, query;
    struct http_response r = { 0 };
    bool ok = true;
    size_t n = strlen(key);
    if (!file.path || (n > 0 && key[n - 1] == '/' && size == 0))
        return true; /* a neighbour, or what stands for a directory */
    buffer_init(&url, URL_MAX);
    buffer_init(&query, URL_MAX);
    if (b->version) {
        buffer_add_text(&query, "?versionId=");
        place_add(&query, b->version);
    }
    buffer_printf(&url, "%s/", b->base);
    place_add_path(&url, key);
    buffer_add(&url, buffer_span(&query));
    file.url = arena_text(s->arena, buffer_span(&url));
    if (b->heads++ < HEADS_MAX && path_clean(file.path)) {
        ok = ask(b, HTTP_HEAD, key, query.text ? query.text : "", &r, ret_refusal, error);
        if (ok)
            read_head(b, &r.fields, &file);
        http_response_free(&r);
    }
    buffer_free(&url);
    buffer_free(&query);
    return ok && listing_add(&s->listing, &file, error);
}

/* ---- the list -------------------------------------------------------------------- */

struct page {
    struct bucket *bucket;
    struct buffer key, next;
    uint64_t size;
    bool size_known, more;
    enum rest_refusal refusal;
    struct error *error;
};

static bool on_element(void *self, const char *path, struct span text)
{
    static const char top[] = "ListBucketResult/";
    struct page *p = self;
    if (strncmp(path, top, sizeof top - 1) != 0)
        return true;
    path += sizeof top - 1;
    if (strcmp(path, "IsTruncated") == 0) {
        p->more = span_is(text, "true");
    } else if (strcmp(path, "NextContinuationToken") == 0) {
        buffer_clear(&p->next);
        buffer_add(&p->next, text);
    } else if (strcmp(path, "Contents/Key") == 0) {
        buffer_clear(&p->key);
        buffer_add(&p->key, text);
    } else if (strcmp(path, "Contents/Size") == 0) {
        char digits[24] = "", *end;
        memcpy(digits, text.ptr, text.len < sizeof digits ? text.len : 0);
        p->size = strtoull(digits, &end, 10);
        p->size_known = *digits >= '0' && *digits <= '9' && *end == '\0';
    } else if (strcmp(path, "Contents") == 0) {
        bool named = p->key.text && !memchr(p->key.text, '\0', p->key.len);
        bool ok = named ? add_object(p->bucket, p->key.text, p->size, p->size_known,
                                     &p->refusal, p->error)
                        : error_set(p->error, ERROR_NETWORK,
                                    "the list has an object without a name");
        p->size_known = false;
        p->size = 0;
        buffer_clear(&p->key);
        return ok;
    }
    return true;
}

static bool list_page(struct page *p, struct error *error)
{
    struct buffer query;
    struct http_response r = { 0 };
    buffer_init(&query, URL_MAX);
    buffer_add_text(&query, "?list-type=2&prefix=");
    place_add(&query, p->bucket->prefix);
    if (p->next.len) {
        buffer_add_text(&query, "&continuation-token=");
        place_add(&query, p->next.text);
    }
    p->more = false;
    bool ok = ask(p->bucket, HTTP_GET, "", query.text, &r, &p->refusal, error);
    if (ok) {
        p->refusal = REST_MALFORMED;
        ok = xml_walk(buffer_span(&r.body), on_element, p, error);
    }
    http_response_free(&r);
    buffer_free(&query);
    return ok;
}

static bool list_all(struct bucket *b, enum rest_refusal *ret_refusal,
                     struct error *error)
{
    struct page p = { .bucket = b, .error = error };
    struct buffer last;
    bool ok = true;
    size_t pages = 0;
    buffer_init(&p.key, 4096);
    buffer_init(&p.next, 4096);
    buffer_init(&last, 4096);
    do {
        buffer_clear(&last);
        buffer_add(&last, buffer_span(&p.next));
        ok = list_page(&p, error);
        *ret_refusal = ok ? REST_MALFORMED : p.refusal;
        if (ok && p.more &&
            (p.next.len == 0 || span_equal(buffer_span(&last), buffer_span(&p.next))))
            ok = error_set(error, ERROR_NETWORK, "the list of the bucket does not go on");
        if (ok && p.more && ++pages == PAGES_MAX)
            ok = error_set(error, ERROR_NETWORK, "the bucket lists more than %d pages",
                           PAGES_MAX);
    } while (ok && p.more);
    buffer_free(&p.key);
    buffer_free(&p.next);
    buffer_free(&last);
    return ok;
}

bool storage_list_s3(struct storage *s, enum rest_refusal *ret_refusal,
                     struct error *error)
{
    struct bucket b = { .storage = s };
    *ret_refusal = REST_NOT_ASKED;
    if (!read_uri(&b, error) || !open_bucket(&b, error))
        return false;
    if (s->direct) {
        struct http_response r = { 0 };
        struct error ignored;
        if (b.amazon) /* it may lie in another region, and says so */
            (void)ask(&b, HTTP_HEAD, "", "", &r, ret_refusal, &ignored);
        http_response_free(&r);
        struct span base = arena_printf(s->arena, "%s/", b.base);
        return storage_direct(s, (const char *)base.ptr, b.prefix, false, "", error);
    }
    if (b.version) {
        s->revision = arena_copy(s->arena, span_of_text(b.version));
        return add_object(&b, b.prefix, 1, false, ret_refusal, error);
    }
    return list_all(&b, ret_refusal, error);
}
