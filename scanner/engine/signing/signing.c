#include "engine/signing/signing.h"

#include "core/descriptor.h"
#include "integrity/crypto/pubkey.h"
#include "integrity/statement/oms_sign.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { ARENA_MAX = 1 << 30, TEMPORARY_TRIES = 100 };

/* ---- names ------------------------------------------------------------------------ */

/* The real path of the directory and the name as it is: a link itself is meant. */
static char *real_place(const char *path)
{
    struct span p = span_of_text(path);
    while (p.len > 1 && p.ptr[p.len - 1] == '/')
        p.len--;
    size_t slash = span_find_last(p, "/", p.len);
    struct span name = slash == SIZE_MAX ? p : span_slice(p, slash + 1, p.len);
    char *directory = NULL, *out = NULL;
    if (span_is(name, ".") || span_is(name, ".."))
        return realpath(path, NULL);
    if (asprintf(&directory, "%.*s", slash == SIZE_MAX ? 1 : (int)(slash ? slash : 1),
                 slash == SIZE_MAX ? "." : path) < 0)
        return NULL;
    char *real = realpath(directory, NULL);
    if (real && asprintf(&out, "%s/%.*s", strcmp(real, "/") == 0 ? "" : real,
                         (int)name.len, (const char *)name.ptr) < 0)
        out = NULL;
    free(directory);
    free(real);
    return out;
}

bool model_relative(const struct source_list *list, const char *path, struct arena *arena,
                    struct span *ret_path)
{
    char *place = real_place(path);
    struct span whole = span_of_text(place), top = list->real;
    bool inside = place && whole.len > top.len + 1 && whole.ptr[top.len] == '/' &&
                  memcmp(whole.ptr, top.ptr, top.len) == 0;
    if (inside)
        *ret_path = arena_copy(arena, span_slice(whole, top.len + 1, whole.len));
    free(place);
    return inside;
}

bool model_signed_options(const struct source_list *list, const struct model_options *o,
                          const char *own, struct arena *arena,
                          struct signed_options *ret_options, struct error *error)
{
    size_t most = 1, count = 0;
    for (const char *const *p = o->ignore; p && *p; p++)
        most++;
    struct span *ignore = arena_array(arena, most, sizeof *ignore);
    if (!ignore)
        return error_set(error, ERROR_MEMORY, "out of memory");
    for (const char *const *p = o->ignore; p && *p; p++)
        count += model_relative(list, *p, arena, &ignore[count]);
    if (own)
        count += model_relative(list, own, arena, &ignore[count]);
    *ret_options = (struct signed_options){ .ignore = ignore,
                                            .ignore_count = count,
                                            .ignore_git = o->ignore_git,
                                            .ignore_unsigned = o->ignore_unsigned,
                                            .allow_symlinks = o->allow_symlinks,
                                            .threads = o->threads };
    return true;
}

/* ---- writing ---------------------------------------------------------------------- */

static int temporary_beside(const char *path, char **ret_name)
{
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s.%ld-%u.tmp", path, (long)getpid(), i) < 0)
            return -1;
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *ret_name = name;
            return fd;
        }
        free(name);
    }
    return -1;
}

static bool write_atomically(const char *path, struct span bytes, struct error *error)
{
    char *temporary = NULL;
    int fd = temporary_beside(path, &temporary);
    bool ok = fd >= 0 && descriptor_write(fd, bytes) && fsync(fd) == 0;
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        (void)error_errno(error, ERROR_IO, "%s: cannot write the signature", path);
        if (temporary)
            (void)unlink(temporary);
    }
    free(temporary);
    return ok;
}

/* ---- signing ---------------------------------------------------------------------- */

static bool read_chain(const struct sign_request *r, struct signers *s,
                       struct error *error)
{
    bool ok = !r->certificate || signers_add_anchors(s, r->certificate, error);
    if (ok && r->certificate && s->anchors.count != 1)
        ok = error_set(error, ERROR_CONFIG,
                       "%s: the signing certificate must stand alone in its file",
                       r->certificate);
    for (const char *const *p = r->chain; ok && p && *p; p++)
        ok = signers_add_anchors(s, *p, error);
    return ok;
}

static struct signing_key *open_key(const struct sign_request *r, struct signers *s,
                                    struct error *error)
{
    struct error why;
    struct span pem;
    if (r->token)
        return token_key_open(s->crypto, r->token,
                              r->certificate ? s->anchors.items[0] : NULL, error);
    if (!signers_read_file(s->arena, r->private_key, SIGNER_FILE_MAX, &pem, error))
        return NULL;
    EVP_PKEY *key = pubkey_read_private(s->crypto, pem, r->passphrase, &why);
    if (key)
        return signing_key_in_memory(key, error);
    (void)error_set(error, ERROR_CONFIG, "%.200s: %.250s", r->private_key, why.message);
    return NULL;
}

/* The statement of what the model is. */
static bool describe(const struct sign_request *r, struct arena *arena,
                     struct buffer *payload, struct sign_report *report,
                     struct error *error)
{
    struct source_list list = { .anchor_fd = -1 };
    struct signed_options options;
    struct oms_manifest m;
    const struct signing_request request = { .options = &options,
                                             .method = r->method,
                                             .shard_size = r->shard_size,
                                             .algorithm = r->algorithm };
    bool ok = source_open(r->model, NULL, &list, error) &&
              model_signed_options(&list, &r->files, r->output, arena, &options, error) &&
              signed_files_record(&list, &request, arena, &m, error);
    if (ok) {
        oms_write(payload, &m);
        report->files = m.files.count;
    }
    if (list.arena)
        source_close(&list);
    return ok && (!payload->truncated ||
                  error_set(error, ERROR_MEMORY, "the model has too many files to sign"));
}

static bool sign_with_key(const struct sign_request *r, struct arena *arena,
                          struct buffer *payload, struct buffer *bundle,
                          struct sign_report *report, struct error *error)
{
    struct signers s = { 0 };
    const struct x509_list *chain = r->certificate ? &s.anchors : NULL;
    struct signing_key *key = NULL;
    const int64_t now = (int64_t)time(NULL);
    bool ok = signers_init(&s, error) && read_chain(r, &s, error) &&
              (key = open_key(r, &s, error)) != NULL &&
              oms_can_sign(s.crypto, key->verifies, chain, now, error) &&
              describe(r, arena, payload, report, error) &&
              oms_sign(s.crypto, key, chain, buffer_span(payload), now, bundle, error);
    signing_key_free(key);
    signers_free(&s);
    return ok;
}

static void keep_name(struct span name, char *text, size_t size)
{
    (void)snprintf(text, size, "%.*s", (int)(name.len < size ? name.len : size - 1),
                   (const char *)name.ptr);
}

static bool sign_keyless(const struct sign_request *r, struct arena *arena,
                         struct buffer *payload, struct buffer *bundle,
                         struct sign_report *report, struct error *error)
{
    struct keyless_signer *s = keyless_signer_new(r->keyless, error);
    bool ok = s && describe(r, arena, payload, report, error) &&
              keyless_sign(s, buffer_span(payload), bundle, error);
    if (ok) {
        const struct fulcio_claims *who = keyless_claims(s);
        keep_name(who->subject, report->identity, sizeof report->identity);
        keep_name(who->issuer, report->issuer, sizeof report->issuer);
    }
    keyless_signer_free(s);
    return ok;
}

bool sign_model(const struct sign_request *r, struct sign_report *ret_report,
                struct error *error)
{
    struct sign_report report = { 0 };
    struct buffer payload, bundle;
    struct arena *arena = arena_new(ARENA_MAX);
    buffer_init(&payload, OMS_PAYLOAD_MAX);
    buffer_init(&bundle, OMS_BUNDLE_MAX);
    bool ok = arena || error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok &&
         (r->keyless ? sign_keyless : sign_with_key)(r, arena, &payload, &bundle, &report,
                                                     error) &&
         write_atomically(r->output, buffer_span(&bundle), error);
    if (ok)
        *ret_report = report;
    buffer_free(&bundle);
    buffer_free(&payload);
    arena_free(arena);
    return ok;
}

bool digest_model(const char *model, const struct model_options *o,
                  char ret_hex[DIGEST_HEX_MAX + 1], struct error *error)
{
    struct source_list list = { .anchor_fd = -1 };
    struct arena *arena = arena_new(ARENA_MAX);
    struct signed_options options;
    struct oms_manifest m;
    const struct signing_request request = { .options = &options,
                                             .method = OMS_FILES,
                                             .algorithm = DIGEST_SHA256 };
    bool ok = arena || error_set(error, ERROR_MEMORY, "out of memory");
    ok = ok && source_open(model, NULL, &list, error) &&
         model_signed_options(&list, o, NULL, arena, &options, error) &&
         signed_files_record(&list, &request, arena, &m, error);
    if (ok)
        memcpy(ret_hex, m.root, sizeof m.root);
    if (list.arena)
        source_close(&list);
    arena_free(arena);
    return ok;
}
