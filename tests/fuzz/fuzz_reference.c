/* registries_resolve() over the shipped table.  Whatever comes in, a resolved name is
 * clean and its level is never above the registry's.  Run from the source directory. */
#include "registry/registry.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registries *table;

static const char *everything_set(const char *name)
{
    (void)name;
    return "acme";
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_clean(const char *text)
{
    size_t segment = 0;
    for (const char *c = text;; c++) {
        require(*c == '\0' || ((unsigned char)*c >= 0x20 && *c != 0x7f && *c != '\\'));
        if (*c != '/' && *c != '\0') {
            segment++;
            continue;
        }
        require(!(segment == 1 && c[-1] == '.'));
        require(!(segment == 2 && c[-1] == '.' && c[-2] == '.'));
        segment = 0;
        if (*c == '\0')
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    struct reference ref;
    if (!table) {
        const char *const directories[] = { "registries.d", NULL };
        table = registries_load(directories, &error);
        require(table && registries_count(table) > 0);
    }
    char *text = malloc(size + 1);
    require(text != NULL);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (registries_resolve(table, text, &ref, &error)) {
        const char *why = NULL;
        enum trust level = reference_trust(&ref, everything_set, &why);
        require(level <= ref.registry->trust && why && *why);
        require_clean(ref.name);
        if (ref.revision)
            require_clean(ref.revision);
        for (size_t i = 0; i < ref.variable_count; i++)
            require_clean(ref.variables[i].value);
        require(!ref.pinned || ref.revision);
        reference_free(&ref);
    } else {
        require(error.code == ERROR_USAGE && error.message[0]);
    }
    free(text);
    return 0;
}
