/* sigv4.h: requests signed as AWS wants them (Signature Version 4).
 *
 * A pure function of its input.  Source: AWS, "Create a signed AWS API request";
 * libcurl's own signer before 8.3 does not sort the query, so it is not used. */
#ifndef SIGV4_H
#define SIGV4_H

#include "net/auth.h"

struct sigv4_key {
    char *id, *secret, *token; /* token NULL: a permanent key */
    char source[64];           /* "AWS_ACCESS_KEY_ID", for people */
};

/* From the three variables of the method, else from a profile (AWS_PROFILE, "default") in
 * its first file, AWS_SHARED_CREDENTIALS_FILE.  True with id NULL: there is none; false:
 * half a key, or an unreadable file. */
bool sigv4_key_find(const struct auth_method *m, const struct auth_place *place,
                    struct sigv4_key *ret_key, struct error *error);
void sigv4_key_wipe(struct sigv4_key *key); /* idempotent */

struct sigv4_request {
    const char *method;         /* "GET" */
    const char *url;            /* canonical, of net/url.h; percent-encoded */
    const char *const *headers; /* "name: value" in lower case, by name, to sign besides
                                   host; NULL-terminated */
    const char *payload;        /* its SHA-256 in hex, or "UNSIGNED-PAYLOAD" */
    const char *region, *service;
    int64_t time;
};

enum { SIGV4_TIME = 16 }; /* "20150830T123600Z" */
void sigv4_time(int64_t seconds, char ret_text[SIGV4_TIME + 1]);

/* What stands behind "Authorization: AWS4-HMAC-SHA256 ".  False: no URL, or no memory. */
bool sigv4_sign(const struct sigv4_key *key, const struct sigv4_request *q,
                struct buffer *ret_value);

/* The SHA-256 of a body, for `payload`. */
bool sigv4_payload(struct span body, char ret_hex[65]);

#endif
