/* The json-rest driver: a registry is asked as its entry says (registry/rest.h). */
#include "sources/remote_driver.h"

static bool ask(struct driver_call *c, struct rest_result *ret_result,
                enum rest_refusal *ret_refusal, struct error *error)
{
    return rest_resolve(&c->session, c->arena, ret_result, ret_refusal, error);
}

const struct driver driver_json_rest = { .name = "json-rest", .ask = ask };
