#include "core/fact.h"

#include <string.h>

static struct fact *fact_new(struct arena *a, struct fact *parent, const char *name,
                             enum fact_type type)
{
    if (!parent)
        return NULL;
    struct fact *f = arena_alloc(a, sizeof *f);
    if (!f)
        return NULL;
    f->type = type;
    f->name = name;
    if (parent->last)
        parent->last->next = f;
    else
        parent->first = f;
    parent->last = f;
    return f;
}

struct fact *fact_root(struct arena *a)
{
    struct fact *f = arena_alloc(a, sizeof *f);
    if (f) {
        f->type = FACT_OBJECT;
        f->name = "";
    }
    return f;
}

struct fact *fact_object(struct arena *a, struct fact *parent, const char *name)
{
    return fact_new(a, parent, name, FACT_OBJECT);
}

struct fact *fact_list(struct arena *a, struct fact *parent, const char *name)
{
    return fact_new(a, parent, name, FACT_LIST);
}

struct fact *fact_text(struct arena *a, struct fact *parent, const char *name,
                       struct span text)
{
    struct fact *f = fact_new(a, parent, name, FACT_TEXT);
    if (f)
        f->text = arena_copy(a, span_slice(text, 0, FACT_TEXT_MAX));
    return f;
}

struct fact *fact_uint(struct arena *a, struct fact *parent, const char *name,
                       uint64_t number)
{
    struct fact *f = fact_new(a, parent, name, FACT_UINT);
    if (f)
        f->number = number;
    return f;
}

struct fact *fact_bool(struct arena *a, struct fact *parent, const char *name, bool truth)
{
    struct fact *f = fact_new(a, parent, name, FACT_BOOL);
    if (f)
        f->number = truth;
    return f;
}

const struct fact *fact_find(const struct fact *object, const char *name)
{
    for (const struct fact *f = object ? object->first : NULL; f; f = f->next)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}
