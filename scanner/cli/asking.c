#include "cli/asking.h"

#include "cli/directories.h"

bool asking_open(const struct asking_arguments *a, struct asking *ret_asking,
                 struct error *error)
{
    struct asking *s = ret_asking;
    const char *extra[] = { a->registries, NULL };
    *s = (struct asking){ 0 };
    if (!installation_find(&s->installation, error))
        return false;
    s->registries = directories_load_registries(&s->installation, extra, error);
    if (!s->registries)
        return false;
    if (!remote_is_reference(s->registries, a->reference))
        return error_set(error, ERROR_USAGE,
                         "%.300s is no reference; one is written like hf:org/model "
                         "(assay registries)",
                         a->reference);
    return network_options(&a->network, s->registries, &s->options, error) &&
           (s->remote = remote_open(a->reference, &s->options, error)) != NULL;
}

void asking_close(struct asking *a)
{
    remote_close(a->remote);
    registries_free(a->registries);
    *a = (struct asking){ 0 };
}
