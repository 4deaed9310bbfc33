#include "policy/glob.h"

#include <string.h>

enum kind {
    ONE,         /* this byte */
    ANY,         /* ? */
    SET,         /* [...] */
    RUN,         /* * */
    RUN_DEEP,    /* ** */
    DIRECTORIES, /* "**" and a '/': nothing, or on to INSIDE */
    INSIDE       /* of such directories: left behind a '/' */
};

struct token {
    enum kind kind;
    uint8_t byte;
    const char *set; /* behind its '[' */
};

struct program {
    struct token tokens[GLOB_MAX + 1];
    size_t count;
    bool fold;
};

/* The ']' that ends the set which begins at `set`, or NULL.  First it is a member. */
static const char *set_end(const char *set)
{
    if (*set == '!')
        set++;
    if (*set == ']')
        set++;
    while (*set && *set != ']' && *set != '/')
        set++;
    return *set == ']' ? set : NULL;
}

static void emit(struct program *p, struct token t)
{
    if (p->count < GLOB_MAX)
        p->tokens[p->count++] = t;
}

static size_t compile_star(struct program *p, const char *at)
{
    bool deep = at[1] == '*';
    if (deep && at[2] == '/') {
        emit(p, (struct token){ .kind = DIRECTORIES });
        emit(p, (struct token){ .kind = INSIDE });
        return 3;
    }
    emit(p, (struct token){ .kind = deep ? RUN_DEEP : RUN });
    return deep ? 2 : 1;
}

/* NULL, or what is wrong. */
static const char *compile(struct program *p, const char *pattern)
{
    if (!*pattern)
        return "is empty";
    if (strlen(pattern) >= GLOB_MAX)
        return "is longer than 255 bytes";
    for (const char *c = pattern; *c;) {
        if (*c == '*') {
            c += compile_star(p, c);
            if (c[-1] == '*' && *c == '*')
                return "has three stars in a row";
        } else if (*c == '[') {
            const char *end = set_end(c + 1);
            if (!end)
                return "has a [ without its ]";
            emit(p, (struct token){ .kind = SET, .set = c + 1 });
            c = end + 1;
        } else if (*c == '?') {
            emit(p, (struct token){ .kind = ANY });
            c++;
        } else {
            c += *c == '\\';
            if (!*c)
                return "ends in the middle of an escape";
            emit(p, (struct token){ .kind = ONE, .byte = (uint8_t)*c++ });
        }
    }
    return NULL;
}

static uint8_t folded(uint8_t c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool in_set(const char *set, uint8_t c, bool fold)
{
    bool negated = *set == '!', found = false;
    const char *end = set_end(set);
    if (c == '/')
        return false;
    for (const char *s = set + negated; s < end; s++) {
        uint8_t low = folded((uint8_t)s[0], fold), high = low;
        if (s[1] == '-' && s + 2 < end) {
            high = folded((uint8_t)s[2], fold);
            s += 2;
        }
        found |= folded(c, fold) >= low && folded(c, fold) <= high;
    }
    return found != negated;
}

/* Where one can be in the pattern: live[i] is in front of token i. */
struct states {
    bool live[GLOB_MAX + 3];
    bool any;
};

/* In front of token i, and of what follows it when it needs no byte. */
static void enter(const struct program *p, struct states *s, size_t i)
{
    for (;;) {
        s->live[i] = s->any = true;
        if (i == p->count)
            return;
        enum kind k = p->tokens[i].kind;
        if (k == DIRECTORIES) {
            s->live[i + 1] = true;
            i += 2;
        } else if (k == RUN || k == RUN_DEEP) {
            i++;
        } else {
            return;
        }
    }
}

static void step(const struct program *p, const struct states *from, uint8_t c,
                 struct states *to)
{
    *to = (struct states){ 0 };
    for (size_t i = 0; i < p->count; i++) {
        const struct token *t = &p->tokens[i];
        if (!from->live[i])
            continue;
        bool stays =
            t->kind == INSIDE || t->kind == RUN_DEEP || (t->kind == RUN && c != '/');
        bool passes =
            (t->kind == ONE && folded(t->byte, p->fold) == folded(c, p->fold)) ||
            (t->kind == ANY && c != '/') ||
            (t->kind == SET && in_set(t->set, c, p->fold)) ||
            (t->kind == INSIDE && c == '/');
        if (stays && t->kind == INSIDE)
            to->live[i] = to->any = true;
        else if (stays)
            enter(p, to, i);
        if (passes)
            enter(p, to, i + 1);
    }
}

const char *glob_problem(const char *pattern)
{
    struct program p = { 0 };
    return compile(&p, pattern);
}

bool glob_matches(const char *pattern, struct span text, bool fold)
{
    struct program p = { .fold = fold };
    struct states states[2] = { 0 };
    if (compile(&p, pattern))
        return false;
    enter(&p, &states[0], 0);
    size_t now = 0;
    for (size_t i = 0; i < text.len && states[now].any; i++) {
        step(&p, &states[now], text.ptr[i], &states[1 - now]);
        now = 1 - now;
    }
    return states[now].live[p.count];
}
