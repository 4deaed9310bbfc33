/* table.h: the shipped registries, for tests that run from the source directory. */
#ifndef TABLE_H
#define TABLE_H

#include "unit.h"

#include "registry/registry.h"

static struct registries *table; /* of the tests of one program */

/* For cmocka_run_group_tests(). */
static inline int load_table(void **state)
{
    const char *const directories[] = { "registries.d", NULL };
    struct error error = { .code = ERROR_NONE };
    (void)state;
    table = registries_load(directories, &error);
    if (!table)
        print_error("%s\n", error.message);
    return table ? 0 : -1;
}

static inline int free_table(void **state)
{
    (void)state;
    registries_free(table);
    return 0;
}

static inline const char *nothing_set(const char *name)
{
    (void)name;
    return NULL;
}

#endif
