/* signing_config.h: the services of a Sigstore instance that a keyless signature is made
 * with: one certificate authority, logs, time-stamp authorities, who identities are from.
 *
 * Read from a signing configuration 0.2, alone or in a client trust configuration: the
 * operator's file or the shipped one.  Of what it lists only that counts which is in
 * service now and speaks a version that we speak, and of each operator the newest.
 * Source: sigstore/protobuf-specs, sigstore_trustroot.proto, message SigningConfig. */
#ifndef SIGNING_CONFIG_H
#define SIGNING_CONFIG_H

#include "core/arena.h"
#include "core/error.h"

enum { SIGNING_CONFIG_BYTES_MAX = 4 << 20, SIGNING_SERVICES_MAX = 8 };

struct signing_service {
    const char *url; /* without a '/' at its end; not checked any further */
    unsigned version;
};

struct signing_services {
    struct signing_service items[SIGNING_SERVICES_MAX];
    size_t count;
};

struct signing_config {
    struct signing_service authority;      /* API version 1: Fulcio's */
    struct signing_service provider;       /* 1: an OpenID issuer; url NULL: none */
    struct signing_services logs;          /* 1 or 2: Rekor's */
    struct signing_services time_stampers; /* 1: the URL itself takes RFC 3161 queries */
};

/* Texts live in the arena.  ERROR_CONFIG, "NAME: …", also when what it lists cannot make
 * a signature that verifies: no authority, no log, or logs without time and no time-stamp
 * authority. */
bool signing_config_read(struct arena *arena, struct span json, const char *name,
                         int64_t now, struct signing_config *ret_config,
                         struct error *error);

#endif
