#include "core/fingerprint.h"

#include "core/digest.h"

#include <string.h>

enum { FINGERPRINT_PATH_MAX = 1 << 20 };

/* Parts are told apart by their lengths, so that none can pass for two others. */
static void add_part(struct digester *d, struct span part)
{
    char length[32];
    int n = snprintf(length, sizeof length, "%zu:", part.len);
    digester_add(d, span_of(length, (size_t)n));
    digester_add(d, part);
}

bool finding_fingerprint(const struct finding *f, const struct artifact *a,
                         struct span identity, char ret_hex[FINGERPRINT_HEX + 1])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    struct buffer path;
    char hex[DIGEST_HEX_MAX + 1];
    if (!d)
        return false;
    buffer_init(&path, FINGERPRINT_PATH_MAX);
    if (a)
        artifact_path(a, &path);
    add_part(d, span_of_text("1"));
    add_part(d, span_of_text(f->rule->id));
    add_part(d, a ? buffer_span(&path) : identity);
    add_part(d, f->evidence.len ? f->evidence : f->message);
    digester_finish(d);
    bool ok = digester_hex(d, DIGEST_SHA256, hex);
    if (ok)
        memcpy(ret_hex, hex, FINGERPRINT_HEX + 1);
    buffer_free(&path);
    digester_free(d);
    return ok;
}
