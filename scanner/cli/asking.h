/* asking.h: what `metadata` and `fetch` share: one reference, and its registry asked. */
#ifndef ASKING_H
#define ASKING_H

#include "cli/network.h"

struct asking_arguments {
    struct network_arguments network;
    const char *registries; /* --registries; or NULL */
    const char *reference;
};

struct asking {
    struct installation installation;
    struct registries *registries;
    struct remote_options options;
    struct remote *remote;
};

bool asking_open(const struct asking_arguments *a, struct asking *ret_asking,
                 struct error *error);
void asking_close(struct asking *a); /* also of one that was not opened, all zero */

#endif
