#include "core/formats.h"

#include <string.h>

const struct format formats[FORMAT_COUNT] = {
#define FORMAT(symbol, name, is_a, family, title)                                        \
    [FORMAT_##symbol] = { #name, FORMAT_##is_a, family, title },
#include "core/formats.def"
#undef FORMAT
};

bool format_find(const char *name, enum format_id *ret_id)
{
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (strcmp(formats[id].name, name) == 0) {
            *ret_id = (enum format_id)id;
            return true;
        }
    return false;
}

static bool refines(enum format_id a, enum format_id b)
{
    while (a != FORMAT_ANY && a != b)
        a = formats[a].is_a;
    return a == b;
}

bool format_related(enum format_id a, enum format_id b)
{
    return refines(a, b) || refines(b, a);
}
