#include "engine/verifying/bare_signature.h"

struct trying {
    const struct verify_context *context;
    const struct verify_target *target;
    const struct source_list *list;
    const struct source_file *file;
};

static bool attempt(const struct trying *t, enum verify_method method,
                    const struct bundle *b, struct verification *ret)
{
    struct verify_context c = *t->context;
    if (c.method != VERIFY_ANY && c.method != method)
        return false;
    c.method = method;
    verifier_file(&c, b, t->target, t->list, t->file, ret);
    return ret->state == SIGNATURE_VERIFIED;
}

/* Methods that the operator named somebody for, the plainest first; what the last of them
 * says is what is reported. */
static void try_all(const struct trying *t, const struct bundle *by_key,
                    const struct bundle *certified, struct verification *ret)
{
    const struct signers *s = t->context->signers;
    bool keyless = s->identity_count || s->accepts;
    if ((!certified->certificate_count || s->key_count) &&
        attempt(t, VERIFY_KEY, by_key, ret))
        return;
    if (!certified->certificate_count ||
        (s->anchors.count && attempt(t, VERIFY_CERTIFICATE, certified, ret)))
        return;
    if (keyless || !s->anchors.count)
        (void)attempt(t, VERIFY_KEYLESS, certified, ret);
}

static void explain_time(const struct trying *t, const struct verification *v,
                         struct signature *signature)
{
    int len = v->claims.subject.len < 120 ? (int)v->claims.subject.len : 120;
    signature->state = SIGNATURE_UNSUPPORTED;
    signature->reason = arena_printf(
        t->context->arena,
        "the signature is that of the certificate's key, and the certificate names %.*s; "
        "but whether it was still valid then says only the entry of the log, which is "
        "not here: give it with --rekor-response, or the bundle",
        len, (const char *)v->claims.subject.ptr);
}

void verify_bare(const struct verify_context *c, const struct bare_signature *bare,
                 const struct verify_target *target, const struct source_list *list,
                 const struct source_file *file, struct signature *ret_signature)
{
    const struct trying t = { c, target, list, file };
    struct verification v = {
        .state = SIGNATURE_INVALID,
        .failure = {.check = SC_METHOD,
                    .reason =
                         "The signature's material is not of the method asked for."}
    };
    struct bundle by_key = { .version = BUNDLE_BARE,
                             .material = MATERIAL_KEY,
                             .content = CONTENT_MESSAGE,
                             .signature = bare->signature };
    struct bundle certified = by_key;
    if (bare->certificate) {
        const struct bundle *from = &bare->certificate->bundles[0];
        certified.version = BUNDLE_0_1;
        certified.material = MATERIAL_CHAIN;
        certified.certificates[0] = from->certificates[0];
        certified.certificate_count = 1;
    }
    if (bare->entry) {
        certified.entries = bare->entry->bundles[0].entries;
        certified.entry_count = bare->entry->bundles[0].entry_count;
    }
    try_all(&t, &by_key, &certified, &v);
    signature_from(c->arena, &v, ret_signature);
    ret_signature->kind = "cosign";
    if (v.failure.check == SC_ENTRY_PRESENT)
        explain_time(&t, &v, ret_signature);
}
