#include "formats/tensor_facts.h"

/* The entry of this name among the artifact's facts. */
static struct fact *entry(struct inspection *in, const char *name, enum fact_type type)
{
    struct fact *root = artifact_facts(in->artifact);
    for (struct fact *f = root ? root->first : NULL; f; f = f->next)
        if (strcmp(f->name, name) == 0)
            return f;
    return type == FACT_LIST ? fact_list(in->arena, root, name)
                             : fact_uint(in->arena, root, name, 0);
}

struct fact *tensor_fact(struct inspection *in, const struct tensor *t)
{
    struct arena *a = in->arena;
    if (!in->detail)
        return NULL;
    struct fact *list = entry(in, "tensors", FACT_LIST);
    if (!budget_take(in->budget, BUDGET_FACTS, 1)) {
        struct fact *dropped = entry(in, "tensors_dropped", FACT_UINT);
        if (dropped)
            dropped->number++;
        return NULL;
    }
    struct fact *f = fact_object(a, list, "");
    fact_text(a, f, "name", t->name);
    fact_text(a, f, "dtype", t->dtype);
    struct fact *shape = fact_list(a, f, "shape");
    for (size_t i = 0; i < t->dimensions && i < TENSOR_DIMENSIONS_MAX; i++)
        fact_uint(a, shape, "", t->shape[i]);
    if (t->dimensions > TENSOR_DIMENSIONS_MAX)
        fact_uint(a, f, "dimensions", t->dimensions);
    if (t->bytes != UINT64_MAX)
        fact_uint(a, f, "bytes", t->bytes);
    return f;
}
