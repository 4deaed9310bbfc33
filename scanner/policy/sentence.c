/* What reasons are made of. */
#include "policy/judge.h"
#include "policy/keys.h"

#include <inttypes.h>
#include <string.h>

enum { QUOTE_MAX = 100, PATH_MAX_SAID = 300 };

const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

const char *noun_of(const struct policy *p)
{
    return p->digest[0] ? "policy" : "gate";
}

/* At most `max` bytes of hostile text, never cut inside a UTF-8 sequence. */
static void cut(struct buffer *b, struct span text, size_t max)
{
    size_t end = text.len;
    if (end > max) {
        end = max;
        while (end > max - 4 && (text.ptr[end] & 0xc0) == 0x80)
            end--;
    }
    buffer_add(b, span_slice(text, 0, end));
    if (end < text.len)
        buffer_add_text(b, "...");
}

void say_quote(struct buffer *b, struct span text)
{
    cut(b, text, QUOTE_MAX);
}

void say_path(struct buffer *b, const struct artifact *a)
{
    struct buffer path;
    buffer_init(&path, SENTENCE_MAX);
    artifact_path(a, &path);
    cut(b, buffer_span(&path), PATH_MAX_SAID);
    buffer_free(&path);
}

void say_levels(struct buffer *b, unsigned set)
{
    static const enum trust order[] = { TRUST_HIGH, TRUST_MEDIUM, TRUST_LOW,
                                        TRUST_INTERNAL, TRUST_UNKNOWN };
    size_t left = 0, met = 0;
    for (size_t i = 0; i < TRUST_COUNT; i++)
        left += (set >> order[i]) & 1;
    if (left == 0)
        buffer_add_text(b, "no level at all");
    for (size_t i = 0; i < TRUST_COUNT; i++) {
        if (!((set >> order[i]) & 1))
            continue;
        left--;
        buffer_add_text(b, met++ == 0 ? "" : left == 0 ? " or " : ", ");
        buffer_add_text(b, trust_name(order[i]));
    }
}

void say_texts(struct buffer *b, texts list)
{
    size_t count = 0;
    while (list[count])
        count++;
    if (count == 0)
        buffer_add_text(b, "none");
    for (size_t i = 0; i < count && i < EVIDENCE_SHOWN; i++) {
        bool last = i + 1 == count;
        buffer_add_text(b, i == 0 ? "" : last ? " or " : ", ");
        say_quote(b, span_of_text(list[i]));
    }
    if (count > EVIDENCE_SHOWN)
        buffer_printf(b, " or %zu more", count - EVIDENCE_SHOWN);
}

void say_origin(struct buffer *b, const struct model *m)
{
    const struct origin *o = &m->origin;
    if (o->basis == BASIS_NONE) {
        buffer_add_text(b, "nothing says where it comes from");
        return;
    }
    if (o->title || o->registry)
        buffer_add_text(b, o->title ? o->title : o->registry);
    else
        buffer_add_text(b, "an origin that no registry matches");
    if (o->name.len) {
        buffer_add_text(b, ", ");
        say_quote(b, o->name);
    }
    buffer_printf(b, ", %s", basis_name(o->basis));
}

void say_where(struct buffer *b, const struct scope *s, enum policy_key key)
{
    const struct key *k = &policy_keys[key];
    const struct setting *set = &s->settings[key];
    bool option = set->value && set->line == 0 && set->file[0] == '-';
    if (!set->value || (set->line == 0 && !option && !s->names_gates))
        return;
    buffer_printf(b, " (%s%s%s, %s", k->section, k->section[0] ? "." : "", k->name,
                  set->line || option ? "" : "gate ");
    cut(b, span_of_text(set->file), PATH_MAX_SAID);
    if (set->line)
        buffer_printf(b, ":%zu", set->line);
    buffer_add_text(b, ")");
}
