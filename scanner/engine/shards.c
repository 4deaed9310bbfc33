#include "engine/shards.h"

static void finish_range(struct shards *s)
{
    const struct manifest_entry *e = &s->entries[s->at];
    char hex[DIGEST_HEX_MAX + 1];
    digester_finish(s->digester);
    if (!digester_hex(s->digester, e->algorithm, hex) || !span_is(e->digest, hex))
        s->differ = true;
    digester_free(s->digester);
    s->digester = NULL;
    s->at++;
}

/* As many of the bytes as belong to one range; how many. */
static size_t add_some(struct shards *s, struct span bytes)
{
    const struct manifest_entry *e = &s->entries[s->at];
    uint64_t room = e->end - s->offset;
    size_t n = bytes.len < room ? bytes.len : (size_t)room;
    if (!s->digester)
        s->digester = digester_new(DIGEST_BIT(e->algorithm), e->end - e->start);
    if (!s->digester) {
        s->differ = true; /* memory is short: it cannot be said to hold */
        return n;
    }
    digester_add(s->digester, span_slice(bytes, 0, n));
    s->offset += n;
    if (s->offset == e->end)
        finish_range(s);
    return n;
}

static void add(struct shards *s, struct span bytes)
{
    while (bytes.len > 0 && !s->differ) {
        if (s->at == s->count) {
            s->differ = true; /* longer than what was signed */
            return;
        }
        bytes = span_slice(bytes, add_some(s, bytes), bytes.len);
    }
}

void shards_add(struct shards *first, struct span bytes)
{
    for (struct shards *s = first; s; s = s->next)
        add(s, bytes);
}

void shards_end(struct shards *first)
{
    for (struct shards *s = first; s; s = s->next) {
        digester_free(s->digester);
        s->digester = NULL;
        s->ended = true;
    }
}

bool shards_hold(const struct shards *s)
{
    return s->ended && !s->differ && s->at == s->count;
}
