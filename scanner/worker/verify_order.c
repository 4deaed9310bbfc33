#include "worker/verify_order.h"

#include "worker/signature_wire.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum { VERDICT_MAX = 1 << 20 };

/* ---- the order -------------------------------------------------------------------- */

static void code_spans(struct codec *c, struct span *spans, size_t *count, size_t most)
{
    *count = code_count(c, *count, most, 8, NULL, 0);
    for (size_t i = 0; i < *count; i++)
        code_span(c, &spans[i]);
}

static void code_identity(struct codec *c, struct verify_identity *id)
{
    code_text(c, &id->subject);
    code_text(c, &id->issuer);
    code_bool(c, &id->subject_is_pattern);
    code_bool(c, &id->issuer_is_pattern);
    c->failed |= !id->subject;
}

static void code_target(struct codec *c, struct verify_target *t)
{
    bool whole = t->bytes.ptr != NULL;
    code_span(c, &t->sha256);
    code_span(c, &t->sha384);
    code_span(c, &t->sha512);
    code_bool(c, &whole); /* an empty file is not the same as none */
    code_span(c, &t->bytes);
    code_bool(c, &t->any_subject);
    if (!c->out && !whole)
        t->bytes = span_of(NULL, 0);
}

static void code_order(struct codec *c, struct verify_order *o)
{
    CODE_ENUM(c, o->method, enum verify_method, VERIFY_KEYLESS + 1);
    code_int(c, &o->now);
    code_spans(c, o->keys, &o->key_count, SIGNERS_KEYS_MAX);
    code_spans(c, o->anchors, &o->anchor_count, X509_LIST_MAX);
    o->identity_count =
        code_count(c, o->identity_count, SIGNERS_IDENTITIES_MAX, 32, NULL, 0);
    for (size_t i = 0; i < o->identity_count; i++)
        code_identity(c, &o->identities[i]);
    code_bool(c, &o->asks);
    code_span(c, &o->root);
    code_target(c, &o->target);
    code_bundle(c, &o->bundle);
}

bool verify_order_encode(struct buffer *out, const struct verify_order *o)
{
    struct codec c = { .out = out };
    struct verify_order copy = *o; /* describing takes it by pointer, and changes none */
    code_order(&c, &copy);
    return !c.failed && !out->truncated;
}

bool verify_order_decode(struct arena *arena, struct span bytes,
                         struct verify_order *ret_order)
{
    struct codec c = { .in = reader_of(bytes, 0), .arena = arena };
    struct verify_order *o = arena_alloc(arena, sizeof *o);
    if (!o)
        return false;
    code_order(&c, o);
    if (c.failed || !reader_ok(&c.in) || reader_left(&c.in) > 0 || arena_exhausted(arena))
        return false;
    *ret_order = *o;
    return true;
}

/* ---- verifying -------------------------------------------------------------------- */

static bool anybody(const void *self, struct span subject, struct span issuer)
{
    (void)self, (void)subject, (void)issuer;
    return true;
}

/* What the operator trusts, as it was before it was sent. */
struct trusted {
    struct crypto *crypto;
    EVP_PKEY *keys[SIGNERS_KEYS_MAX];
    X509 *anchors[X509_LIST_MAX];
    struct trust_root *root;
};

static bool rebuild(const struct verify_order *o, struct trusted *t)
{
    struct error ignored;
    bool ok = (t->crypto = crypto_new(&ignored)) != NULL;
    for (size_t i = 0; ok && i < o->key_count; i++)
        ok = (t->keys[i] = pubkey_read(t->crypto, o->keys[i])) != NULL;
    for (size_t i = 0; ok && i < o->anchor_count; i++)
        ok = (t->anchors[i] = x509_read(t->crypto, o->anchors[i])) != NULL;
    if (ok && o->root.len)
        ok = (t->root = trust_root_read(t->crypto, o->root, "trusted root", &ignored)) !=
             NULL;
    return ok;
}

static void discard(struct trusted *t)
{
    for (size_t i = 0; i < SIGNERS_KEYS_MAX; i++)
        EVP_PKEY_free(t->keys[i]);
    for (size_t i = 0; i < X509_LIST_MAX; i++)
        X509_free(t->anchors[i]);
    trust_root_free(t->root);
    crypto_free(t->crypto);
}

void verify_order_run(struct arena *arena, const struct verify_order *o,
                      struct verification *ret_verdict)
{
    struct trusted t = { .crypto = NULL };
    struct verification v = { .state = SIGNATURE_UNSUPPORTED };
    struct verify_target target = o->target;
    if (rebuild(o, &t)) {
        const struct verify_policy policy = { .method = o->method,
                                              .keys = t.keys,
                                              .key_count = o->key_count,
                                              .anchors = t.anchors,
                                              .anchor_count = o->anchor_count,
                                              .identities = o->identities,
                                              .identity_count = o->identity_count,
                                              .accepts = o->asks ? anybody : NULL,
                                              .root = t.root,
                                              .now = o->now };
        target.any_subject |= o->asks && o->bundle.content == CONTENT_ENVELOPE;
        verify_parsed(t.crypto, arena, &o->bundle, &target, &policy, &v);
    } else {
        (void)signature_require(&v.failure, SC_RESOURCES, false,
                                "What the operator trusts cannot be read again.");
    }
    discard(&t);
    *ret_verdict = v;
}

/* ---- the verdict ------------------------------------------------------------------ */

static void code_source(struct codec *c, const char **source)
{
    static const char *const names[] = { "transparency log", "time-stamp", "clock" };
    unsigned n = 0;
    for (unsigned i = 0; *source && i < 3; i++)
        if (strcmp(*source, names[i]) == 0)
            n = i + 1;
    n = code_below(c, n, 4);
    if (!c->out)
        *source = n ? names[n - 1] : NULL;
}

static void code_failure(struct codec *c, struct signature_failure *f)
{
    struct span reason = span_of_text(f->reason);
    CODE_ENUM(c, f->check, enum signature_check, SC_COUNT);
    code_span(c, &reason);
    if (!c->out)
        (void)snprintf(f->reason, sizeof f->reason, "%.*s",
                       (int)(reason.len < sizeof f->reason ? reason.len : 0),
                       (const char *)reason.ptr);
}

static void code_verdict(struct codec *c, struct verification *v)
{
    struct fulcio_claims *f = &v->claims;
    struct span *const claims[] = { &f->subject,       &f->issuer,
                                    &f->build_signer,  &f->source,
                                    &f->source_digest, &f->source_ref,
                                    &f->build_config,  &f->run };
    CODE_ENUM(c, v->state, enum signature_state, SIGNATURE_UNSIGNED + 1);
    code_failure(c, &v->failure);
    CODE_ENUM(c, v->method, enum verify_method, VERIFY_KEYLESS + 1);
    code_span(c, &v->identity);
    code_span(c, &v->root);
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        code_span(c, claims[i]);
    code_bool(c, &v->has_time);
    code_int(c, &v->time);
    code_source(c, &v->time_source);
    code_bool(c, &v->legacy);
    /* an error is for something, and only an error has a reason */
    c->failed |=
        (v->state == SIGNATURE_VERIFIED) != (v->failure.check == SC_NONE) && !c->out;
}

bool verify_verdict_encode(struct buffer *out, const struct verification *v)
{
    struct verification copy = *v;
    struct buffer content;
    struct codec c = { .out = &content };
    buffer_init(&content, VERDICT_MAX);
    code_verdict(&c, &copy);
    return code_frame(&c, &content, out);
}

bool verify_verdict_decode(struct arena *arena, struct span bytes,
                           struct verification *ret_verdict)
{
    struct codec c = { .in = reader_of(bytes, 0), .arena = arena };
    struct verification v = { .state = SIGNATURE_INVALID };
    reader_skip(&c.in, SIGNATURE_WIRE_HEAD);
    code_verdict(&c, &v);
    if (c.failed || !reader_ok(&c.in) || reader_left(&c.in) > 0 || arena_exhausted(arena))
        return false;
    *ret_verdict = v;
    return true;
}
