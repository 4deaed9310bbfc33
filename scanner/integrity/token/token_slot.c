#include "integrity/token/token_slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SLOTS_MAX = 256 };

/* ---- modules ---------------------------------------------------------------------- */

/* On failure its modules, if there are any, are the caller's to close. */
static bool load_file(const char *path, struct token_slot *s, struct error *error)
{
    char *real = realpath(path, NULL);
    if (!real)
        return error_errno(error, ERROR_CONFIG, "%.300s: no PKCS #11 module", path);
    CK_FUNCTION_LIST *module = p11_kit_module_load(real, 0);
    free(real);
    if (!module)
        return error_set(error, ERROR_CONFIG,
                         "%.200s: it cannot be loaded as a PKCS #11 module: %.200s", path,
                         p11_kit_message());
    CK_RV rv = p11_kit_module_initialize(module);
    if (rv == CKR_OK)
        s->modules = calloc(2, sizeof(CK_FUNCTION_LIST *));
    if (s->modules) {
        s->modules[0] = module;
        return true;
    }
    if (rv == CKR_OK)
        (void)p11_kit_module_finalize(module);
    p11_kit_module_release(module);
    return rv == CKR_OK ? error_set(error, ERROR_MEMORY, "out of memory")
                        : error_set(error, ERROR_CONFIG, "%.200s: it cannot start: %s",
                                    path, p11_kit_strerror(rv));
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* RFC 7512, 2.3: a module-path may be a directory, of which module-name is a library
 * without what systems put around its name. */
static bool load_from(const char *directory, const char *name, struct token_slot *s,
                      struct error *error)
{
    static const char *const prefixes[] = { "", "lib" };
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s%s.so", directory, prefixes[i], name) < 0)
            return error_set(error, ERROR_MEMORY, "out of memory");
        struct stat st;
        bool there = stat(path, &st) == 0;
        bool ok = there && load_file(path, s, error);
        free(path);
        if (there)
            return ok;
    }
    return error_set(error, ERROR_CONFIG, "%.200s: no module is called %.100s there",
                     directory, name);
}

/* Those of p11-kit's configuration.  *ret_only: the one of the name, if there is one. */
static bool load_configured(const char *name, struct token_slot *s,
                            CK_FUNCTION_LIST **ret_only, struct error *error)
{
    s->modules = p11_kit_modules_load_and_initialize(0);
    s->configured = true;
    if (!s->modules || !s->modules[0])
        return error_set(error, ERROR_CONFIG,
                         "p11-kit has no PKCS #11 module that works: name one with "
                         "--module, or module-path in the URI");
    *ret_only = name ? p11_kit_module_for_name(s->modules, name) : NULL;
    return !name || *ret_only ||
           error_set(error, ERROR_CONFIG,
                     "p11-kit has no PKCS #11 module called %.100s: give its path with "
                     "--module, or module-path in the URI",
                     name);
}

static bool load(const struct token_uri *u, const char *module, struct token_slot *s,
                 CK_FUNCTION_LIST **ret_only, struct error *error)
{
    *ret_only = NULL;
    if (module && u->module_path)
        return error_set(
            error, ERROR_CONFIG,
            "the PKCS #11 module is named twice: by --module and by the URI");
    if (module)
        return load_file(module, s, error);
    if (u->module_path && u->module_name && is_directory(u->module_path))
        return load_from(u->module_path, u->module_name, s, error);
    if (u->module_path)
        return load_file(u->module_path, s, error);
    return load_configured(u->module_name, s, ret_only, error);
}

/* ---- tokens ----------------------------------------------------------------------- */

struct search {
    const struct token_uri *uri;
    struct token_slot *found; /* the first */
    size_t count;
    CK_RV trouble; /* CKR_OK, or why something could not be asked */
};

static void consider(struct search *search, CK_FUNCTION_LIST *calls, CK_SLOT_ID id)
{
    CK_SLOT_INFO slot;
    CK_TOKEN_INFO token;
    CK_SLOT_ID wanted = id;
    (void)token_uri_slot(search->uri, &wanted);
    if (wanted != id)
        return;
    CK_RV rv = calls->C_GetSlotInfo(id, &slot);
    if (rv == CKR_OK)
        rv = calls->C_GetTokenInfo(id, &token);
    if (rv != CKR_OK) {
        search->trouble = rv;
        return;
    }
    if (!(token.flags & CKF_TOKEN_INITIALIZED) ||
        !p11_kit_uri_match_slot_info(search->uri->uri, &slot) ||
        !p11_kit_uri_match_token_info(search->uri->uri, &token))
        return;
    struct token_slot *s = search->found;
    if (search->count++ > 0)
        return;
    s->calls = calls;
    s->id = id;
    s->flags = token.flags;
    size_t len = p11_kit_space_strlen(token.label, sizeof token.label);
    (void)snprintf(s->label, sizeof s->label, "%.*s", (int)len,
                   (const char *)token.label);
}

static void search_module(struct search *search, CK_FUNCTION_LIST *calls)
{
    CK_INFO info;
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_RV rv = calls->C_GetInfo(&info);
    if (rv == CKR_OK && !p11_kit_uri_match_module_info(search->uri->uri, &info))
        return;
    if (rv == CKR_OK)
        rv = calls->C_GetSlotList(CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        search->trouble = rv;
    for (CK_ULONG i = 0; rv == CKR_OK && i < count && i < SLOTS_MAX; i++)
        consider(search, calls, slots[i]);
}

static bool find(const struct token_uri *u, const CK_FUNCTION_LIST *only,
                 struct token_slot *s, struct error *error)
{
    struct search search = { .uri = u, .found = s, .trouble = CKR_OK };
    for (CK_FUNCTION_LIST **m = s->modules; m && *m; m++)
        if (!only || *m == only)
            search_module(&search, *m);
    if (search.count == 1)
        return true;
    if (search.count > 1)
        return error_set(error, ERROR_CONFIG,
                         "%zu tokens match the PKCS #11 URI: name one with token=, "
                         "serial= or slot-id=",
                         search.count);
    return search.trouble == CKR_OK
               ? error_set(error, ERROR_NOT_FOUND,
                           "no token matches the PKCS #11 URI; is it plugged in?")
               : error_set(error, ERROR_IO,
                           "no token matches the PKCS #11 URI, and one could not be "
                           "asked: %s",
                           p11_kit_strerror(search.trouble));
}

bool token_slot_open(const struct token_uri *u, const char *module,
                     struct token_slot *ret_slot, struct error *error)
{
    struct token_slot s = { 0 };
    CK_FUNCTION_LIST *only;
    p11_kit_be_quiet(); /* what is wrong is said by us, on the operator's terms */
    bool ok = load(u, module, &s, &only, error) && find(u, only, &s, error);
    if (ok)
        *ret_slot = s;
    else
        token_slot_close(&s);
    return ok;
}

void token_slot_close(struct token_slot *s)
{
    if (s->modules && s->configured) {
        p11_kit_modules_finalize_and_release(s->modules);
    } else if (s->modules) {
        (void)p11_kit_module_finalize(s->modules[0]);
        p11_kit_module_release(s->modules[0]);
        free(s->modules);
    }
    *s = (struct token_slot){ 0 };
}

void token_slot_look(struct token_slot *s)
{
    CK_TOKEN_INFO token;
    if (s->calls->C_GetTokenInfo(s->id, &token) == CKR_OK)
        s->flags = token.flags;
}

bool token_failed(const struct token_slot *s, const char *doing, CK_RV why,
                  struct error *error)
{
    if (why == CKR_USER_NOT_LOGGED_IN)
        return error_set(error, ERROR_CONFIG, "token %s: %s: it wants a PIN", s->label,
                         doing);
    if (why == CKR_DEVICE_REMOVED || why == CKR_TOKEN_NOT_PRESENT)
        return error_set(error, ERROR_IO, "token %s: %s: it was taken out", s->label,
                         doing);
    return error_set(error, ERROR_IO, "token %s: %s: %s", s->label, doing,
                     p11_kit_strerror(why));
}
