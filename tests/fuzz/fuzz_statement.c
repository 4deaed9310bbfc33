/* Statements, envelopes, bodies of log entries, and the text encodings below them. */
#include "core/base64.h"
#include "integrity/rfc3339.h"
#include "integrity/sigstore/rekor.h"
#include "integrity/statement/dsse.h"
#include "integrity/statement/statement.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size), decoded, none = { NULL, 0 };
    struct statement statement;
    struct dsse envelope;
    struct rekor_body body;
    struct signature_failure failure = { .check = SC_NONE };
    int64_t t;
    struct arena *arena = arena_new(64 << 20);
    if (!arena)
        return 0;
    if (statement_parse(arena, bytes, &statement, &failure)) {
        if (statement.count == 0 || statement_covers(&statement, none, none, none))
            abort();
        statement_free(&statement);
    }
    if (dsse_parse(arena, bytes, &envelope, &failure))
        (void)dsse_pae_v02(arena, envelope.payload_type, envelope.payload);
    rekor_body_read(arena, bytes, &body);
    if (base64_decode(arena, bytes, &decoded) &&
        base64_encode(arena, decoded).len < bytes.len)
        abort();
    (void)pem_decode(arena, bytes, "CERTIFICATE", &decoded);
    (void)rfc3339_parse(bytes, &t);
    arena_free(arena);
    return 0;
}
