#include "worker/rule_table.h"

enum { FIRST_CAPACITY = 64, ARENA_MAX = 64 << 20 };

void rule_table_free(struct rule_table *t)
{
    arena_free(t->arena);
    free(t->list);
    *t = (struct rule_table){ 0 };
}

static bool is_word(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return name.len > 0 && name.len <= RULE_NAME_MAX;
}

/* In the two families that are the worker's. */
static bool may_name(struct span id)
{
    return (span_starts(id, "yara/") || span_starts(id, "user/")) &&
           is_word(span_slice(id, strlen("yara/"), id.len));
}

static bool grow(struct rule_table *t)
{
    if (!t->arena)
        t->arena = arena_new(ARENA_MAX);
    if (!t->arena || t->count == RULE_TABLE_MAX)
        return false;
    if (t->count < t->capacity)
        return true;
    size_t capacity = t->capacity > 0 ? t->capacity * 2 : FIRST_CAPACITY;
    struct rule *list = reallocarray(t->list, capacity, sizeof *list);
    if (!list)
        return false;
    t->list = list;
    t->capacity = capacity;
    return true;
}

bool rule_table_add(struct rule_table *t, struct span id, struct span title,
                    unsigned severity, unsigned cwe)
{
    if (!may_name(id) || severity >= SEVERITY_COUNT || !grow(t))
        return false;
    const char *kept_id = arena_text(t->arena, id);
    char *kept_title = arena_text(t->arena, span_slice(title, 0, RULE_TITLE_MAX));
    if (!kept_id || !kept_title)
        return false;
    for (char *c = kept_title; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    t->list[t->count++] =
        (struct rule){ kept_id, (enum severity)severity, cwe, kept_title };
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    return strcmp(x->id, y->id);
}

bool rule_table_sort(struct rule_table *t)
{
    if (t->count > 0)
        qsort(t->list, t->count, sizeof *t->list, by_id);
    for (size_t i = 1; i < t->count; i++)
        if (strcmp(t->list[i - 1].id, t->list[i].id) == 0)
            return false;
    return true;
}

const struct rule *rule_table_find(const struct rule_table *t, struct span id)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(span_of_text(t->list[middle].id), id);
        if (order == 0)
            return &t->list[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
