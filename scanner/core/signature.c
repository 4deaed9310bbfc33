#include "core/signature.h"

const char *signature_state_name(enum signature_state s)
{
    static const char *const names[] = {
        [SIGNATURE_VERIFIED] = "verified",   [SIGNATURE_INVALID] = "invalid",
        [SIGNATURE_UNTRUSTED] = "untrusted", [SIGNATURE_UNSUPPORTED] = "unsupported",
        [SIGNATURE_UNSIGNED] = "unsigned",
    };
    return names[s];
}

void signature_set(struct arena *arena, struct signature *s, enum signature_state state,
                   const char *check, const char *reason)
{
    s->state = state;
    s->check = arena_copy(arena, span_of_text(check));
    s->reason = arena_copy(arena, span_of_text(reason));
}

struct signature *signature_copy(struct arena *arena, const struct signature *from,
                                 struct span path)
{
    struct signature *s = arena_alloc(arena, sizeof *s);
    if (!s)
        return NULL;
    *s = *from;
    s->path = path;
    s->next = NULL;
    struct span *const texts[] = { &s->path,    &s->identity, &s->issuer,
                                   &s->root,    &s->time,     &s->covers,
                                   &s->builder, &s->check,    &s->reason };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_copy(arena, *texts[i]);
    return s;
}
