/* Storage as a driver: storage.h lists, and each file is loaded as whoever may load it.
 */
#include "sources/remote_driver.h"
#include "sources/storage/storage.h"

#include <stdlib.h>

/* One for each address that was listed. */
struct listed {
    struct storage storage;
    struct auth_place secrets;
    struct listed *next;
};

static bool list(struct driver_call *c, const char *address,
                 struct rest_result *ret_result, enum rest_refusal *ret_refusal,
                 struct error *error)
{
    struct listed *l = calloc(1, sizeof *l);
    *ret_refusal = REST_NOT_ASKED;
    if (!l)
        return error_set(error, ERROR_MEMORY, "out of memory");
    l->secrets = (struct auth_place){ c->options->environment, c->options->home };
    l->storage = (struct storage){ .uri = address,
                                   .arena = c->arena,
                                   .http = c->http,
                                   .secrets = &l->secrets,
                                   .typed = !c->reference->registry,
                                   .offline = c->options->offline };
    l->next = c->state;
    c->state = l;
    if (!storage_list(&l->storage, ret_refusal, error))
        return false;
    bool ok = listing_finish(&l->storage.listing, ret_result, error);
    ret_result->revision = l->storage.revision;
    ret_result->images = l->storage.images;
    if (!ret_result->metadata)
        ret_result->metadata = l->storage.metadata;
    return ok;
}

static bool sign(struct driver_call *c, const struct rest_file *file,
                 struct download *job, struct error *error)
{
    (void)error;
    (void)file;
    for (const struct listed *l = c->state; l; l = l->next)
        if (storage_sign(&l->storage, job))
            return true;
    return true; /* elsewhere we are nobody */
}

static void end(struct driver_call *c)
{
    struct listed *l = c->state;
    while (l) {
        struct listed *next = l->next;
        storage_free(&l->storage);
        free(l);
        l = next;
    }
    c->state = NULL;
}

static const char *const schemes[] = {
#define STORAGE(scheme, function) scheme,
#include "sources/storage/storage.def"
#undef STORAGE
    NULL
};

const struct driver driver_storage = {
    .schemes = schemes, .elsewhere = true, .list = list, .sign = sign, .end = end
};
