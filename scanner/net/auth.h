/* auth.h: from the "auth" of a registry file to requests that carry a credential.
 *
 * Secrets come from the registry's conventional variables and files, and go to the
 * origin of the operator's endpoint only; two more places may see them, both named by
 * the registry file: a token service (`exchange`, `hosts`) and nothing else. */
#ifndef AUTH_H
#define AUTH_H

#include "core/json.h"
#include "net/http.h"
#include "registry/registry.h"

enum auth_kind {
    AUTH_NONE,
    AUTH_BEARER,
    AUTH_BASIC,    /* two secrets; or one, with `user` ("api") in front */
    AUTH_HEADER,   /* `header: secret`; also what others write as a query parameter */
    AUTH_OCI,      /* anonymous, or two secrets, for the token service in a challenge */
    AUTH_EXCHANGE, /* two secrets as Basic, or `form`, for a token that is then Bearer */
    AUTH_QUERY,    /* a shared access signature: a word that is (part of) the query */
    AUTH_SIGV4,    /* an AWS key, from three variables or a profile; signs each request */
    AUTH_GOOGLE,   /* a service account's file, or a user's, for a token that is Bearer */
    AUTH_AZURE,    /* the key of a storage account, from Azure's variables; signs each */
    AUTH_OTHER     /* not known here; passed over */
};

/* One element of "auth".  Lists are NULL-terminated and never NULL.  Sources of the
 * secrets, in this order: env, files, json, netrc; the first that has all wins. */
struct auth_method {
    enum auth_kind kind;
    const char *const *env;   /* alternatives for one secret; or one for each of two */
    const char *const *files; /* "$HF_HOME/token", "~/.x": a line that is one word */
    const char *json_file; /* "~/.kaggle/kaggle.json" with a pointer for each secret; */
    const char *json_pointer[2]; /* with one for two: base64 of "user:password" */
    bool netrc;                  /* ~/.netrc, by host */
    const char *user;            /* AUTH_BASIC with one secret: "api", "$oauthtoken" */
    const char *header;          /* AUTH_HEADER: its name */
    const char *const *hosts; /* AUTH_OCI: token services besides the endpoint's host */
    const char *exchange_url; /* "{endpoint}/x"; $NAME is a variable, also in the form */
    const char *exchange_pointer;     /* to the token in its answer */
    const char *const *exchange_form; /* "name=text"; none: GET with Basic */
};

/* Read one element of "auth" (docs/registries.md); texts are borrowed from `object`,
 * lists live in the arena.  False with an ERROR_CONFIG that says what is wrong. */
bool auth_method_read(const json_t *object, struct arena *arena,
                      struct auth_method *ret_method, struct error *error);

struct auth_place {
    environment_lookup *env;
    const char *home; /* what "~" is; NULL: no files are read */
};

struct auth;

/* What the first method that has its secrets needs for requests to `endpoint`; with none,
 * requests are anonymous.  The methods' texts outlive the result.  May be shared by
 * threads.  NULL with an error when a file is there and unreadable, or the secret is no
 * header value. */
struct auth *auth_open(const struct auth_method *methods, size_t n,
                       const struct auth_place *place, const char *endpoint,
                       bool plain_ok, struct error *error);
void auth_free(struct auth *a); /* wipes; NULL is fine */

bool auth_anonymous(const struct auth *a);
const char *auth_source(const struct auth *a); /* "HF_TOKEN", "~/.netrc": for people */

/* http_fetch() with the credential: exchanges it first where that is the kind, answers
 * one challenge of an OCI registry, and keeps the tokens for later requests. */
bool auth_fetch(struct auth *a, struct http *h, const struct http_request *q,
                struct http_response *ret_response, struct error *error);

#endif
