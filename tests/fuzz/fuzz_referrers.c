/* What an OCI registry says refers to an image.  Each line is something that it keeps;
 * "@0" to "@9" in one stands for the digest of an earlier line.  The last line is the
 * list of referrers, those before it the manifests at the tags sha256-….sig and .att.
 * What comes out is bounded, has a name, and has the digests that it was asked by. */
#include "../unit/played.h"

#include "core/digest.h"
#include "core/reader.h"
#include "sources/oci/referrers.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_MAX = 32, LINE_MAX = 4096, DIGITS = 10 };

static struct {
    struct buffer text[LINES_MAX];
    char digest[LINES_MAX][OCI_DIGEST_MAX + 1];
    size_t count, asked;
} kept;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void digest_of(struct span bytes, char ret[OCI_DIGEST_MAX + 1])
{
    char hex[DIGEST_HEX_MAX + 1];
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), bytes.len);
    require(d != NULL);
    digester_add(d, bytes);
    digester_finish(d);
    require(digester_hex(d, DIGEST_SHA256, hex));
    digester_free(d);
    (void)snprintf(ret, OCI_DIGEST_MAX + 1, "sha256:%s", hex);
}

static void keep(struct span line)
{
    struct buffer *text = &kept.text[kept.count];
    buffer_init(text, LINE_MAX);
    for (size_t i = 0; i < line.len; i++) {
        size_t n = i + 1 < line.len ? (size_t)line.ptr[i + 1] - '0' : DIGITS;
        bool known = line.ptr[i] == '@' && n < DIGITS && n < kept.count;
        if (known)
            buffer_add_text(text, kept.digest[n]);
        else
            buffer_add(text, span_of(line.ptr + i, 1));
        i += known;
    }
    digest_of(buffer_span(text), kept.digest[kept.count++]);
}

static struct span from_end(size_t n)
{
    return n < kept.count ? buffer_span(&kept.text[kept.count - 1 - n])
                          : span_of(NULL, 0);
}

static struct played play(const struct http_request *q)
{
    struct played p = { .status = 404 };
    struct span url = span_of_text(q->url);
    kept.asked++;
    if (strstr(q->url, "/referrers/"))
        p.body = from_end(0);
    else if (span_ends(url, ".sig"))
        p.body = from_end(1);
    else if (span_ends(url, ".att"))
        p.body = from_end(2);
    for (size_t i = 0; i < kept.count && !p.body.len; i++)
        if (span_ends(url, kept.digest[i]))
            p.body = buffer_span(&kept.text[i]);
    if (p.body.len)
        p.status = 200;
    p.headers[0] = "Content-Type: application/vnd.oci.image.index.v1+json";
    return p;
}

static void require_sound(const struct image *image, const struct referrers_spent *spent)
{
    size_t count = 0;
    uint64_t bytes = 0;
    require(image && !image->next && image->name && image->digest);
    for (const struct image_referrer *r = image->referrers; r; r = r->next, count++) {
        char digest[OCI_DIGEST_MAX + 1];
        require(strncmp(r->name, "oci://hub.test/team/model", 25) == 0);
        require(r->bytes.len || !r->payloads);
        bytes += r->bytes.len;
        for (const struct image_payload *p = r->payloads; p; p = p->next) {
            digest_of(p->bytes, digest);
            require(strcmp(p->digest, digest) == 0);
            bytes += p->bytes.len;
        }
    }
    require(kept.asked <= 2 * spent->requests &&
            bytes <= REFERRERS_BYTES_MAX + OCI_MANIFEST_MAX);
    require(count <= REFERRERS_MAX + (REFERRERS_MAX + 2) * REFERRER_LAYERS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct reader lines = reader_of(span_of(data, size), 0);
    struct http *http = http_new(NULL, &error);
    struct arena *arena = arena_new(64 << 20);
    const struct place place = { .http = http, .endpoint = "https://hub.test" };
    struct oci o = { .place = &place,
                     .arena = arena,
                     .repository = "team/model",
                     .accept = oci_media_types };
    const struct oci_manifest m = { .body = span_of_text("{}"),
                                    .digest = "sha256:44136fa355b3678a1146ad16f7e8649e94f"
                                              "b4fc21fe77e8310c060f61caaff8a" };
    struct referrers_spent spent = { 0 };
    struct image *images = NULL;
    kept.count = kept.asked = 0;
    while (reader_left(&lines) > 0 && kept.count < LINES_MAX)
        keep(reader_line(&lines, LINE_MAX));
    require(http && arena);
    if (referrers_add(&o, &m, &spent, &images, &error))
        require_sound(images, &spent);
    for (size_t i = 0; i < kept.count; i++)
        buffer_free(&kept.text[i]);
    http_free(http);
    arena_free(arena);
    return 0;
}
