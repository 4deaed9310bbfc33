/* What the services of a keyless signature answer, and what tells which they are: the
 * first byte says whose text the rest is. */
#include "integrity/sigstore/bundle_write.h"
#include "integrity/sigstore/fulcio_request.h"
#include "integrity/sigstore/identity_token.h"
#include "integrity/sigstore/openid.h"
#include "integrity/sigstore/rekor_request.h"
#include "integrity/sigstore/signing_config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1767225600 };

/* What a provider of identities says of itself, and gives. */
static void provider(struct arena *arena, struct span text)
{
    struct openid_provider p;
    char *token = NULL;
    const char *why = NULL;
    if (openid_provider_read(arena, text, "https://a.example", &p, &why)
            ? !p.issuer[0] || !p.authorization_endpoint[0] || !p.token_endpoint[0]
            : !why)
        abort();
    if (openid_token_read(text, &token, &why) && !token[0])
        abort();
    free(token);
}

/* An entry that was read must be written so that it can be read again. */
static void log_entry(struct arena *arena, unsigned version, struct span text)
{
    struct rekor_entry entry;
    struct signature_failure failure = { .check = SC_NONE };
    struct bundle again, b = { .material = MATERIAL_CERTIFICATE,
                               .content = CONTENT_ENVELOPE,
                               .entries = &entry,
                               .entry_count = 1,
                               .certificate_count = 1 };
    struct buffer out;
    if (!rekor_answer_read(arena, version, text, &entry) || entry.raw_body.len == 0)
        return;
    b.certificates[0] = b.signature = span_of("x", 1);
    b.envelope = (struct dsse){ .payload_type = span_of_text("t"),
                                .payload = b.signature,
                                .count = 1 };
    b.envelope.signatures[0].signature = b.signature;
    buffer_init(&out, 4 << 20);
    bundle_write(arena, &b, &out);
    bool read = bundle_parse(arena, buffer_span(&out), &again, &failure);
    if (!arena_exhausted(arena) && !out.truncated &&
        (!read || again.entry_count != 1 ||
         again.entries[0].log_index != entry.log_index ||
         !span_equal(again.entries[0].raw_body, entry.raw_body) ||
         !span_equal(again.entries[0].proof.checkpoint, entry.proof.checkpoint)))
        abort();
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct signing_config config;
    const struct identity_expected expected = { .audience = IDENTITY_AUDIENCE };
    struct span leaf, text;
    const char *why = NULL;
    struct arena *arena = arena_new(16 << 20);
    if (!arena || size == 0) {
        arena_free(arena);
        return 0;
    }
    text = span_of(data + 1, size - 1);
    switch (data[0] % 6) {
    case 0:
        if (fulcio_answer_read(arena, text, &leaf, &why) == (why != NULL))
            abort();
        break;
    case 1:
    case 2:
        log_entry(arena, data[0] % 6, text);
        break;
    case 3:
        if (signing_config_read(arena, text, "fuzz", NOW, &config, &error) &&
            (!config.authority.url || config.logs.count == 0 ||
             config.logs.count > SIGNING_SERVICES_MAX))
            abort();
        break;
    case 4:
        provider(arena, text);
        break;
    default:
        (void)identity_token_check(arena, text, &expected, NOW, &error);
    }
    arena_free(arena);
    return 0;
}
