/* azure.h: http_fetch() for Azure Blob Storage, signed with an account's key.
 *
 * Source: Azure Storage REST API, "Authorize with Shared Key" (Blob service, versions
 * from 2015-02-21 on). */
#ifndef AZURE_H
#define AZURE_H

#include "net/auth.h"

#define AZURE_VERSION "2021-08-06" /* of the protocol */

struct azure_key {
    char *account, *secret; /* secret: base64, as the portal shows it */
    const char *source;     /* "AZURE_STORAGE_KEY", for people */
};

/* AccountName and AccountKey of AZURE_STORAGE_CONNECTION_STRING, else
 * AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY.  True with `account` NULL: there is none;
 * false: no memory, or what is there is no key. */
bool azure_key_find(const struct auth_place *place, struct azure_key *ret_key,
                    struct error *error);
void azure_key_wipe(struct azure_key *key); /* idempotent */

/* "BlobEndpoint=http://…;AccountKey=…": the value of one part; empty: it is not there. */
struct span azure_connection_part(const char *text, const char *name);

/* What stands behind "Authorization: SharedKey ": "account:signature".  `url` is
 * canonical, of net/url.h; `headers` are all that are sent, "x-ms-date" among them.
 * False: no URL, no key, more parameters than anybody sends, or no memory. */
bool azure_sign(const struct azure_key *key, enum http_method method, const char *url,
                const char *const *headers, struct buffer *ret_value);

/* A request to another origin than the key's goes unsigned. */
bool azure_fetch(const struct azure_key *key, const struct web_origin *endpoint,
                 bool plain_ok, struct http *h, const struct http_request *q,
                 struct http_response *ret_response, struct error *error);

#endif
