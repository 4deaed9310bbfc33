#include "origins/document.h"

#include "core/tokens.h"

struct node *node_add(struct arena *arena, struct budget *budget, struct node *parent,
                      enum node_type type)
{
    if (!budget_take(budget, BUDGET_JSON_NODES, 1))
        return NULL;
    struct node *n = arena_alloc(arena, sizeof *n);
    if (!n)
        return NULL;
    n->type = type;
    if (parent && parent->last)
        parent->last->next = n;
    else if (parent)
        parent->first = n;
    if (parent)
        parent->last = n;
    return n;
}

bool node_is(const struct node *n, enum node_type type)
{
    return n && n->type == type;
}

const struct node *node_find(const struct node *map, const char *key)
{
    if (!node_is(map, NODE_MAP))
        return NULL;
    for (const struct node *n = map->first; n; n = n->next)
        if (span_is(n->key, key))
            return n;
    return NULL;
}

struct span node_text(const struct node *scalar)
{
    return node_is(scalar, NODE_SCALAR) ? scalar->text : (struct span){ 0 };
}

struct span node_text_at(const struct node *map, const char *key)
{
    return node_text(node_find(map, key));
}

bool node_uint(const struct node *scalar, uint64_t *ret_number)
{
    struct span text = node_text(scalar);
    uint64_t number = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || number > (UINT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* ---- JSON ------------------------------------------------------------------ */

struct json_reading {
    struct arena *arena;
    struct budget *budget;
    struct node *open[DOCUMENT_DEPTH_MAX + 1]; /* the containers around the next value */
    size_t depth;
    struct span key; /* of the next value */
    struct node *root;
    const char *why;
    bool limit;
};

static bool refuse(struct json_reading *j, bool limit, const char *why)
{
    j->limit = limit;
    j->why = why;
    return false;
}

static bool add_value(struct json_reading *j, enum node_type type, const struct token *t)
{
    struct node *parent = j->depth ? j->open[j->depth - 1] : NULL;
    struct node *n = node_add(j->arena, j->budget, parent, type);
    if (!n)
        return refuse(j, true, "it holds too many values");
    n->key = j->key;
    j->key = (struct span){ 0 };
    if (!j->root)
        j->root = n;
    if (type == NODE_SCALAR) {
        n->text = arena_copy(j->arena, t->text);
        n->quoted = t->type == TOKEN_STRING;
        return true;
    }
    if (j->depth == DOCUMENT_DEPTH_MAX)
        return refuse(j, true, "it is nested too deeply");
    j->open[j->depth++] = n;
    return true;
}

static bool add_token(struct json_reading *j, const struct token *t)
{
    switch (t->type) {
    case TOKEN_KEY:
        if (t->flags & (TOKEN_DUPLICATE | TOKEN_CUT))
            return refuse(j, false, "a key comes twice or is very long");
        j->key = arena_copy(j->arena, t->text);
        return true;
    case TOKEN_OBJECT:
        return add_value(j, NODE_MAP, t);
    case TOKEN_ARRAY:
        return add_value(j, NODE_LIST, t);
    case TOKEN_OBJECT_END:
    case TOKEN_ARRAY_END:
        j->depth--;
        return true;
    default:
        return add_value(j, NODE_SCALAR, t);
    }
}

enum document_outcome document_json(struct span bytes, struct arena *arena,
                                    struct budget *budget, struct node **ret_root,
                                    const char **ret_why)
{
    struct json_reading j = { .arena = arena, .budget = budget };
    struct tokens *tokens = tokens_open(bytes, 0, DOCUMENT_TEXT_MAX, NULL);
    struct token t = { .type = TOKEN_ERROR, .flags = TOKEN_LIMIT };
    bool ok = tokens || refuse(&j, true, "memory is spent");
    while (ok && tokens_next(tokens, &t) != TOKEN_END) {
        if (t.type == TOKEN_ERROR)
            ok = refuse(&j, t.flags & TOKEN_LIMIT, "it is not valid JSON");
        else
            ok = add_token(&j, &t);
    }
    tokens_close(tokens);
    if (arena_exhausted(arena))
        ok = refuse(&j, true, "memory is spent");
    if (!ok) {
        *ret_why = j.why;
        return j.limit ? DOCUMENT_LIMIT : DOCUMENT_MALFORMED;
    }
    *ret_root = j.root;
    return DOCUMENT_READ;
}
