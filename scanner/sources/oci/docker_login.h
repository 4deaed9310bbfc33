/* docker_login.h: where docker, podman and skopeo keep what a registry was logged in to
 * with: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json, else ~/.docker/config.json.
 *
 * The file may leave a password to a credential helper.  That is a program, and is not
 * run.  Source: docker, "docker login"; containers-auth.json(5). */
#ifndef DOCKER_LOGIN_H
#define DOCKER_LOGIN_H

#include "core/arena.h"
#include "net/auth.h"

struct docker_login {
    const char *file;    /* for `json_file` of a method; never NULL */
    const char *pointer; /* … to "user:password" of the host, should it be there */
    const char *helper;  /* what keeps the password instead: "pass"; NULL: nothing */
};

/* For a host as references have it ("docker.io", "hub.test:5000").  False: no memory. */
bool docker_login_find(const struct auth_place *place, const char *host,
                       struct arena *arena, struct docker_login *ret_login);

#endif
