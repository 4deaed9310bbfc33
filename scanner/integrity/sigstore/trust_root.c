#include "integrity/sigstore/trust_root.h"

#include "core/base64.h"
#include "integrity/crypto/pubkey.h"
#include "integrity/crypto/x509.h"
#include "integrity/rfc3339.h"
#include "integrity/strict_json.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_MEDIA   "application/vnd.dev.sigstore.trustedroot"
#define CONFIG_MEDIA "application/vnd.dev.sigstore.clienttrustconfig"

enum { ARENA_MAX = 32 << 20, VALUES_MAX = 1 << 16, KEY_ID_LEN = 4 };

struct reading {
    const struct crypto *crypto;
    struct trust_root *root;
    const char *name;
    struct error *error;
};

static bool refuse(struct reading *r, const char *section, size_t row, const char *what)
{
    return error_set(r->error, ERROR_CONFIG, "%s: %s, row %zu: %s", r->name, section,
                     row + 1, what);
}

bool trust_window_contains(const struct trust_window *w, int64_t t)
{
    return w->has_start && t >= w->start && (!w->has_end || t <= w->end);
}

bool trust_window_read(const json_t *owner, struct trust_window *ret_window)
{
    json_t *range = NULL;
    struct span start = { NULL, 0 }, end = start;
    struct trust_window out = { .has_start = false };
    if (!strict_json_object(owner, "validFor", &range) ||
        !strict_json_text(range, "start", &start) ||
        !strict_json_text(range, "end", &end))
        return false;
    out.has_start = start.len > 0;
    out.has_end = end.len > 0;
    if ((out.has_start && !rfc3339_parse(start, &out.start)) ||
        (out.has_end && !rfc3339_parse(end, &out.end)))
        return false;
    *ret_window = out;
    return true;
}

/* base64 in a field; false when it is absent or none. */
static bool read_bytes(struct reading *r, const json_t *object, const char *key,
                       struct span *ret_bytes)
{
    struct span text;
    return strict_json_text(object, key, &text) && text.len > 0 &&
           base64_decode(r->root->arena, text, ret_bytes);
}

/* "https://log2025-1.rekor.sigstore.dev/" → "log2025-1.rekor.sigstore.dev" */
static struct span log_name(struct span url)
{
    size_t scheme = span_find(url, "://", 0);
    if (scheme != SIZE_MAX)
        url = span_slice(url, scheme + 3, url.len);
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

static bool read_log(struct reading *r, const char *section, size_t row,
                     const json_t *object, struct trust_log *ret_log)
{
    json_t *key = NULL, *id = NULL, *checkpoint = NULL;
    struct span url, der;
    struct trust_log *log = ret_log;
    if (!json_is_object(object) || !strict_json_text(object, "baseUrl", &url) ||
        !strict_json_object(object, "publicKey", &key) || !key ||
        !strict_json_object(object, "logId", &id) || !id ||
        !strict_json_object(object, "checkpointKeyId", &checkpoint))
        return refuse(r, section, row, "it lacks baseUrl, publicKey or logId");
    if (!read_bytes(r, id, "keyId", &log->id) || log->id.len < KEY_ID_LEN)
        return refuse(r, section, row, "logId has no keyId");
    if (!read_bytes(r, key, "rawBytes", &der) || !trust_window_read(key, &log->window))
        return refuse(r, section, row, "publicKey has no rawBytes, or a bad validFor");
    log->checkpoint_id = log->id;
    if (checkpoint && !read_bytes(r, checkpoint, "keyId", &log->checkpoint_id))
        return refuse(r, section, row, "checkpointKeyId has no keyId");
    log->checkpoint_id = span_slice(log->checkpoint_id, 0, KEY_ID_LEN);
    log->url = arena_copy(r->root->arena, url);
    log->name = log_name(log->url);
    log->key = pubkey_read(r->crypto, der);
    if (log->key && pubkey_type(log->key) == PUBKEY_UNKNOWN) {
        EVP_PKEY_free(log->key);
        log->key = NULL;
    }
    return true;
}

static bool read_authority(struct reading *r, const char *section, size_t row,
                           const json_t *object, struct trust_authority *ret_authority)
{
    json_t *chain = NULL, *list = NULL;
    struct span uri, der;
    struct trust_authority *a = ret_authority;
    if (!json_is_object(object) || !strict_json_text(object, "uri", &uri) ||
        !strict_json_object(object, "certChain", &chain) ||
        !strict_json_array(chain, "certificates", &list) ||
        !trust_window_read(object, &a->window))
        return refuse(r, section, row, "it has a field of another type");
    size_t count = json_array_size(list);
    if (count == 0 || count > TRUST_ROOT_CHAIN_MAX)
        return refuse(r, section, row, "it has no certificates, or too many");
    a->uri = arena_copy(r->root->arena, uri);
    for (; a->count < count; a->count++) {
        if (read_bytes(r, json_array_get(list, a->count), "rawBytes", &der))
            a->chain[a->count] = x509_read(r->crypto, der);
        if (!a->chain[a->count])
            return refuse(r, section, row, "a certificate cannot be read");
    }
    return true;
}

static void note_age(struct trust_root *root, const struct trust_window *w)
{
    if (w->has_start && w->start > root->newest)
        root->newest = w->start;
}

/* Rows of one section; absent sections are empty. */
static bool section_of(struct reading *r, const json_t *object, const char *section,
                       json_t **ret_list, size_t *ret_count)
{
    if (!strict_json_array(object, section, ret_list) ||
        json_array_size(*ret_list) > TRUST_ROOT_ROWS_MAX)
        return error_set(r->error, ERROR_CONFIG, "%s: %s is no list, or longer than %d",
                         r->name, section, TRUST_ROOT_ROWS_MAX);
    *ret_count = json_array_size(*ret_list);
    return true;
}

static bool no_memory(struct reading *r)
{
    return error_set(r->error, ERROR_MEMORY, "%s: out of memory", r->name);
}

static bool read_logs(struct reading *r, const json_t *object, const char *section,
                      struct trust_log **ret_logs, size_t *ret_count)
{
    json_t *list;
    size_t count;
    if (!section_of(r, object, section, &list, &count))
        return false;
    *ret_logs = arena_array(r->root->arena, count, sizeof **ret_logs);
    if (!*ret_logs)
        return no_memory(r);
    for (*ret_count = 0; *ret_count < count; ++*ret_count) {
        struct trust_log *log = &(*ret_logs)[*ret_count];
        if (!read_log(r, section, *ret_count, json_array_get(list, *ret_count), log))
            return false;
        note_age(r->root, &log->window);
    }
    return true;
}

static bool read_authorities(struct reading *r, const json_t *object, const char *section,
                             struct trust_authority **ret_list, size_t *ret_count)
{
    json_t *list;
    size_t count;
    if (!section_of(r, object, section, &list, &count))
        return false;
    *ret_list = arena_array(r->root->arena, count, sizeof **ret_list);
    if (!*ret_list)
        return no_memory(r);
    /* counted before it is read: a row that is refused half way is freed as well */
    while (*ret_count < count) {
        size_t row = (*ret_count)++;
        struct trust_authority *a = &(*ret_list)[row];
        if (!read_authority(r, section, row, json_array_get(list, row), a))
            return false;
        note_age(r->root, &a->window);
    }
    return true;
}

/* The trusted root itself, or the one in a client trust configuration. */
static const json_t *root_object(struct reading *r, const json_t *json)
{
    struct span media = { NULL, 0 };
    if (strict_json_text(json, "mediaType", &media) && span_starts(media, CONFIG_MEDIA)) {
        json = strict_json_field(json, "trustedRoot");
        media.len = 0;
        (void)strict_json_text(json, "mediaType", &media);
    }
    const char *const known[] = { ROOT_MEDIA "+json;version=0.1", ROOT_MEDIA ".v0.1+json",
                                  ROOT_MEDIA "+json;version=0.2",
                                  ROOT_MEDIA ".v0.2+json" };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (json_is_object(json) && span_is(media, known[i]))
            return json;
    error_set(r->error, ERROR_CONFIG,
              "%s: neither a Sigstore trusted root 0.1 or 0.2 nor a client trust "
              "configuration",
              r->name);
    return NULL;
}

static bool read_sections(struct reading *r, const json_t *json)
{
    struct trust_root *root = r->root;
    const json_t *object = root_object(r, json);
    return object && read_logs(r, object, "tlogs", &root->tlogs, &root->tlog_count) &&
           read_logs(r, object, "ctlogs", &root->ctlogs, &root->ctlog_count) &&
           read_authorities(r, object, "certificateAuthorities", &root->cas,
                            &root->ca_count) &&
           read_authorities(r, object, "timestampAuthorities", &root->tsas,
                            &root->tsa_count);
}

struct trust_root *trust_root_read(const struct crypto *c, struct span json,
                                   const char *name, struct error *error)
{
    struct strict_json_reason reason = { "" };
    struct trust_root *root = calloc(1, sizeof *root);
    struct reading r = { .crypto = c, .root = root, .name = name, .error = error };
    bool ok = root && (root->arena = arena_new(ARENA_MAX)) != NULL;
    if (!ok) {
        (void)no_memory(&r);
    } else {
        json_t *tree = strict_json_read(json, TRUST_ROOT_BYTES_MAX, VALUES_MAX, &reason);
        ok = tree ? read_sections(&r, tree)
                  : error_set(error, ERROR_CONFIG, "%s: %s", name, reason.text);
        json_decref(tree);
        if (ok && arena_exhausted(root->arena))
            ok = no_memory(&r);
    }
    if (!ok) {
        trust_root_free(root);
        root = NULL;
    }
    return root;
}

struct trust_root *trust_root_load(const struct crypto *c, const char *path,
                                   struct error *error)
{
    struct stat st;
    struct trust_root *root = NULL;
    char *text = malloc(TRUST_ROOT_BYTES_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t len = 0;
    ssize_t n = 1;
    if (!text || fd < 0 || fstat(fd, &st) != 0) {
        error_errno(error, ERROR_IO, "%s", path);
    } else if (!S_ISREG(st.st_mode)) {
        error_set(error, ERROR_CONFIG, "%s: not a regular file", path);
    } else {
        while (n > 0 && len <= TRUST_ROOT_BYTES_MAX) {
            n = read(fd, text + len, TRUST_ROOT_BYTES_MAX + 1 - len);
            if (n < 0 && errno == EINTR)
                n = 1;
            else if (n > 0)
                len += (size_t)n;
        }
        if (n < 0)
            error_errno(error, ERROR_IO, "%s", path);
        else
            root = trust_root_read(c, span_of(text, len), path, error);
    }
    if (fd >= 0)
        close(fd);
    free(text);
    return root;
}

void trust_root_free(struct trust_root *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->tlog_count; i++)
        EVP_PKEY_free(r->tlogs[i].key);
    for (size_t i = 0; i < r->ctlog_count; i++)
        EVP_PKEY_free(r->ctlogs[i].key);
    for (size_t i = 0; i < r->ca_count; i++)
        for (size_t k = 0; k < TRUST_ROOT_CHAIN_MAX; k++)
            X509_free(r->cas[i].chain[k]);
    for (size_t i = 0; i < r->tsa_count; i++)
        for (size_t k = 0; k < TRUST_ROOT_CHAIN_MAX; k++)
            X509_free(r->tsas[i].chain[k]);
    arena_free(r->arena);
    free(r);
}

const struct trust_log *trust_root_log(const struct trust_log *logs, size_t count,
                                       struct span id)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal(logs[i].id, id))
            return &logs[i];
    return NULL;
}
