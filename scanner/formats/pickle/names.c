#include "formats/pickle/names.h"

struct rename {
    const char *module, *name, *new_module, *new_name; /* names NULL: any */
};

static const struct rename renames[] = {
#define RENAME(module, name, new_module, new_name) { module, name, new_module, new_name },
#include "formats/pickle/compat.def"
#undef RENAME
};
static const struct rename remodules[] = {
#define REMODULE(module, new_module) { module, NULL, new_module, NULL },
#include "formats/pickle/compat.def"
#undef REMODULE
};

static int compare(const struct rename *row, struct span module, struct span name)
{
    int order = span_compare(module, span_of_text(row->module));
    if (order == 0 && row->name)
        order = span_compare(name, span_of_text(row->name));
    return order;
}

static const struct rename *find(const struct rename *rows, size_t n, struct span module,
                                 struct span name)
{
    for (size_t low = 0, high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&rows[middle], module, name);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool pickle_python3_name(struct span module, struct span name, struct span *ret_module,
                         struct span *ret_name)
{
    const struct rename *row =
        find(renames, sizeof renames / sizeof *renames, module, name);
    if (!row)
        row = find(remodules, sizeof remodules / sizeof *remodules, module, name);
    if (!row)
        return false;
    *ret_module = span_of_text(row->new_module);
    *ret_name = row->new_name ? span_of_text(row->new_name) : name;
    return true;
}
