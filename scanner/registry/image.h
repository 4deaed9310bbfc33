/* image.h: what a registry of images keeps beside an image: the signatures and
 * attestations that refer to its manifest.
 *
 * Bytes as they were sent, each of the digest that it was asked by, and read no further
 * than to find the next: they are hostile, and a worker takes them apart.  Texts that
 * name something are for people, and may be raw. */
#ifndef IMAGE_H
#define IMAGE_H

#include "core/span.h"

struct image_payload {
    const char *digest; /* "sha256:…" */
    struct span bytes;
    struct image_payload *next;
};

struct image_referrer {
    const char *name;  /* "oci://hub.test/team/model:sha256-….sig" */
    const char *type;  /* that the list of referrers has it under, raw; NULL: a tag's */
    struct span bytes; /* a Sigstore bundle, or cosign's manifest of signatures or
                          attestations; empty: it is of a kind that was not asked for */
    struct image_payload *payloads; /* what those are over, or are: DSSE envelopes */
    struct image_referrer *next;
};

struct image {
    const char *name;   /* "oci://hub.test/team/model@sha256:…" */
    const char *digest; /* "sha256:…" of its manifest; an index is one, too */
    struct span manifest;
    struct image_referrer *referrers;
    const char *problem; /* NULL: these are all there are; else why nobody knows, raw */
    struct image *next;
};

#endif
