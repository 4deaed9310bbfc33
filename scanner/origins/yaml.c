/* YAML by libyaml's events: the only file that includes yaml.h.
 *
 * One document, no aliases followed, no tags obeyed; keys are compared as written. */
#include "core/keyset.h"
#include "origins/document.h"

#include <yaml.h>

enum { KEYS_MAX = 1 << 20 };

struct reading {
    struct arena *arena;
    struct budget *budget;
    struct node *open[DOCUMENT_DEPTH_MAX + 1];
    size_t marks[DOCUMENT_DEPTH_MAX + 1]; /* of each map's keys in the keyset */
    struct keyset keys;
    size_t depth;
    bool key_due; /* in a map: the next scalar is a key */
    struct span key;
    struct node *root;
    const char *why;
    bool limit;
};

static bool refuse(struct reading *r, bool limit, const char *why)
{
    r->limit = limit;
    r->why = why;
    return false;
}

static bool in_map(const struct reading *r)
{
    return r->depth > 0 && r->open[r->depth - 1]->type == NODE_MAP;
}

static uint64_t hash(struct span text) /* FNV-1a */
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.ptr[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* A scalar in front of a map's value. */
static bool take_key(struct reading *r, struct span text)
{
    if (text.len > DOCUMENT_TEXT_MAX)
        return refuse(r, true, "a key is very long");
    enum keyset_answer seen = keyset_add(&r->keys, r->marks[r->depth - 1], hash(text));
    if (seen == KEY_SEEN)
        return refuse(r, false, "a key comes twice");
    if (seen != KEY_NEW)
        return refuse(r, true, "it holds too many keys");
    r->key = arena_copy(r->arena, text);
    r->key_due = false;
    return true;
}

static bool add_value(struct reading *r, enum node_type type, struct span text,
                      bool quoted)
{
    if (in_map(r) && r->key_due)
        return refuse(r, false, "a key is not plain text");
    struct node *parent = r->depth ? r->open[r->depth - 1] : NULL;
    struct node *n = node_add(r->arena, r->budget, parent, type);
    if (!n)
        return refuse(r, true, "it holds too many values");
    n->key = r->key;
    n->quoted = quoted;
    n->text = arena_copy(r->arena, span_slice(text, 0, DOCUMENT_TEXT_MAX));
    r->key = (struct span){ 0 };
    r->key_due = true;
    if (!r->root)
        r->root = n;
    if (type != NODE_MAP && type != NODE_LIST)
        return true;
    if (r->depth == DOCUMENT_DEPTH_MAX)
        return refuse(r, true, "it is nested too deeply");
    r->marks[r->depth] = keyset_mark(&r->keys);
    r->open[r->depth++] = n;
    return true;
}

static bool take_event(struct reading *r, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: {
        struct span text = span_of(e->data.scalar.value, e->data.scalar.length);
        if (in_map(r) && r->key_due)
            return take_key(r, text);
        return add_value(r, NODE_SCALAR, text,
                         e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE);
    }
    case YAML_ALIAS_EVENT:
        return add_value(r, NODE_ALIAS, (struct span){ 0 }, false);
    case YAML_MAPPING_START_EVENT:
        return add_value(r, NODE_MAP, (struct span){ 0 }, false);
    case YAML_SEQUENCE_START_EVENT:
        return add_value(r, NODE_LIST, (struct span){ 0 }, false);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        keyset_release(&r->keys, r->marks[--r->depth]);
        r->key_due = true;
        return true;
    case YAML_DOCUMENT_START_EVENT:
        return !r->root || refuse(r, false, "it holds several documents");
    default:
        return true;
    }
}

enum document_outcome document_yaml(struct span bytes, struct arena *arena,
                                    struct budget *budget, struct node **ret_root,
                                    const char **ret_why)
{
    struct reading r = { .arena = arena, .budget = budget, .key_due = true };
    yaml_parser_t parser;
    bool ok = true, end = false;
    if (!yaml_parser_initialize(&parser)) {
        *ret_why = "memory is spent";
        return DOCUMENT_LIMIT;
    }
    keyset_init(&r.keys, KEYS_MAX);
    yaml_parser_set_input_string(&parser, bytes.len ? bytes.ptr : (const uint8_t *)"",
                                 bytes.len);
    while (ok && !end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            ok = refuse(&r, parser.error == YAML_MEMORY_ERROR, "it is not valid YAML");
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        ok = take_event(&r, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    keyset_free(&r.keys);
    if (arena_exhausted(arena))
        ok = refuse(&r, true, "memory is spent");
    if (!ok) {
        *ret_why = r.why;
        return r.limit ? DOCUMENT_LIMIT : DOCUMENT_MALFORMED;
    }
    *ret_root = r.root;
    return DOCUMENT_READ;
}
