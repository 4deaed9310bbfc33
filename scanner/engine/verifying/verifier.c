#include "engine/verifying/verifier.h"

#include "core/descriptor.h"
#include "integrity/statement/slsa.h"
#include "worker/verify_order.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

enum { BYTES_MAX = 256 << 20 /* of a file signed by Ed25519 */ };

struct verifier {
    struct worker_options options;
    struct worker *worker; /* NULL: not started, or lost */
    int64_t now;
};

struct verifier *verifier_new(const struct worker_options *o, int64_t now)
{
    struct verifier *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    *v = (struct verifier){ .options = *o, .now = now };
    v->options.signatures = true;
    return v;
}

void verifier_free(struct verifier *v)
{
    if (v)
        worker_stop(v->worker);
    free(v);
}

struct worker *verifier_worker(struct verifier *v, struct error *error)
{
    if (!v->worker)
        v->worker = worker_start(&v->options, error);
    return v->worker;
}

/* Lost; who asks next gets another. */
static void drop_worker(struct verifier *v)
{
    worker_stop(v->worker);
    v->worker = NULL;
}

void verifier_take(struct verifier *v, struct span bytes, struct arena *arena,
                   struct signature_file *ret_file, char ret_reason[REASON_MAX])
{
    struct error error;
    int fd = descriptor_of(bytes);
    struct worker *w = fd >= 0 ? verifier_worker(v, &error) : NULL;
    ret_reason[0] = '\0';
    if (fd < 0)
        (void)error_errno(&error, ERROR_MEMORY, "a file in memory");
    bool ok = w && worker_signature(w, fd, arena, ret_file, ret_reason, &error);
    if (w && !ok)
        drop_worker(v);
    if (!ok)
        (void)snprintf(ret_reason, REASON_MAX, "%.*s", REASON_MAX - 1, error.message);
    if (fd >= 0)
        (void)close(fd);
}

/* ---- in the child ----------------------------------------------------------------- */

static bool fill_trust(const struct signers *s, struct arena *arena,
                       struct verify_order *o)
{
    for (; o->key_count < s->key_count; o->key_count++)
        o->keys[o->key_count] = pubkey_der(arena, s->keys[o->key_count]);
    for (; o->anchor_count < s->anchors.count; o->anchor_count++) {
        unsigned char *der = NULL;
        int n = i2d_X509(s->anchors.items[o->anchor_count], &der);
        o->anchors[o->anchor_count] =
            arena_copy(arena, span_of(der, n > 0 ? (size_t)n : 0));
        OPENSSL_free(der);
    }
    for (; o->identity_count < s->identity_count; o->identity_count++)
        o->identities[o->identity_count] = s->identities[o->identity_count];
    o->asks = s->accepts != NULL;
    o->root = s->root ? s->root_text : span_of(NULL, 0);
    return !arena_exhausted(arena);
}

static void no_verdict(struct verification *v, const char *reason)
{
    *v = (struct verification){ .state = SIGNATURE_UNSUPPORTED };
    (void)signature_require(&v->failure, SC_RESOURCES, false, "%.300s", reason);
}

static void ask_child(struct verifier *v, const struct verify_order *o,
                      struct arena *arena, struct verification *ret)
{
    char reason[REASON_MAX] = "";
    struct error error;
    struct worker *w = verifier_worker(v, &error);
    if (!w) {
        no_verdict(ret, error.message);
        return;
    }
    if (!worker_verify(w, o, arena, ret, reason, &error))
        drop_worker(v);
    if (reason[0])
        no_verdict(ret, reason);
}

void verifier_bundle(const struct verify_context *c, const struct bundle *b,
                     const struct verify_target *target, struct verification *ret_result)
{
    struct verification result;
    struct verifier *v = c->verifier;
    const struct verify_policy policy = signers_policy(c->signers, c->method, v->now);
    struct verify_order *o = arena_alloc(c->arena, sizeof *o);
    no_verdict(&result, "Memory ran out.");
    if (o) {
        *o = (struct verify_order){
            .method = c->method, .now = v->now, .target = *target, .bundle = *b
        };
        if (fill_trust(c->signers, c->arena, o))
            ask_child(v, o, c->arena, &result);
    }
    if (result.state == SIGNATURE_VERIFIED)
        verify_parsed(c->signers->crypto, c->arena, b, target, &policy, &result);
    *ret_result = result;
}

/* ---- signatures over bytes -------------------------------------------------------- */

/* A key that nothing was there to be held against may be Ed25519. */
static bool wants_bytes(const struct bundle *b, const struct verification *v)
{
    return v->failure.check == SC_DIGEST_KNOWN && b->content == CONTENT_MESSAGE;
}

static bool read_whole(int fd, uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at <= size) { /* one more, to see a file that grows */
        ssize_t n = pread(fd, bytes + at, size + 1 - at, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    return at == size;
}

void verifier_file(const struct verify_context *c, const struct bundle *b,
                   const struct verify_target *target, const struct source_list *list,
                   const struct source_file *file, struct verification *ret_result)
{
    struct error ignored;
    uint8_t hash[SHA256_LEN], *bytes = NULL;
    const struct span none = { NULL, 0 };
    struct verify_target whole = *target;
    verifier_bundle(c, b, target, ret_result);
    if (!list || file->size > BYTES_MAX || !wants_bytes(b, ret_result))
        return;
    size_t size = (size_t)file->size;
    int fd = source_file_open(list, file, &ignored);
    if (fd >= 0 && (bytes = malloc(size + 1)) && read_whole(fd, bytes, size) &&
        crypto_sha256(c->signers->crypto, span_of(bytes, size), none, none, hash) &&
        span_equal(span_of(hash, sizeof hash), target->sha256)) {
        whole.bytes = span_of(bytes, size);
        verifier_bundle(c, b, &whole, ret_result);
    }
    if (fd >= 0)
        (void)close(fd);
    free(bytes);
}

/* ---- what it comes to ------------------------------------------------------------- */

void signature_from(struct arena *arena, const struct verification *v,
                    struct signature *s)
{
    s->identity = v->identity;
    s->issuer = v->claims.issuer;
    s->root = v->state == SIGNATURE_VERIFIED ? v->root : (struct span){ 0 };
    s->time = verification_time(v, arena);
    signature_set(arena, s, v->state, signature_check_name(v->failure.check),
                  v->failure.reason);
}

void verify_provenance(const struct verify_context *c, const struct verification *v,
                       struct signature *signature)
{
    struct arena *arena = c->arena;
    const char *accepted = c->signers->builder;
    struct refusal why = { 0 };
    struct span builder = { 0 };
    if (v->payload.len && !slsa_builder(arena, v->payload, &builder, &why)) {
        signature_set(arena, signature, why.state, why.check, why.reason);
        return;
    }
    bool summary = false;
    bool passed = !v->payload.len || slsa_passed(arena, v->payload, &summary, &why);
    if (builder.len)
        signature->kind = "slsa";
    else if (summary)
        signature->kind = "vsa";
    if (!passed) {
        signature_set(arena, signature, why.state, why.check, why.reason);
        return;
    }
    signature->builder = builder;
    if (accepted && !span_is(builder, accepted))
        signature_set(arena, signature, SIGNATURE_UNTRUSTED, "builder",
                      builder.len
                          ? "the provenance names another builder than the one accepted"
                          : "the statement is no provenance, and names no builder");
}
