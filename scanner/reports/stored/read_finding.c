#include "reports/stored/read_parts.h"

#include <string.h>

enum { RULES_MAX = 4096, ID_MAX = 128 };

static const uint64_t dropped_max = UINT64_C(1) << 48; /* no sum of them overflows */

struct stored_finding {
    struct finding *finding;
    struct span path;
    bool of_file, of_member;
    struct stored_finding *next;
};

/* One finding as it stands in JSON. */
struct finding_text {
    struct rule rule;
    struct span path, member, message, evidence, suppression;
    uint64_t offset;
    bool of_file, of_member, has_offset, suppressed;
};

static bool read_cwe(struct input *in, void *to)
{
    uint64_t n = 0;
    if (in->token.type == TOKEN_NULL)
        return true;
    if (!input_uint(in, &n))
        return false;
    if (n == 0 || n > 99999)
        return input_error(in, "no number of a CWE");
    *(unsigned *)to = (unsigned)n;
    return true;
}

static bool read_finding_path(struct input *in, void *to)
{
    struct finding_text *f = to;
    f->of_file = in->token.type != TOKEN_NULL;
    return !f->of_file || input_span(in, &f->path);
}

static bool read_finding_member(struct input *in, void *to)
{
    struct finding_text *f = to;
    f->of_member = in->token.type != TOKEN_NULL;
    return !f->of_member || input_span(in, &f->member);
}

static bool read_finding_offset(struct input *in, void *to)
{
    struct finding_text *f = to;
    f->has_offset = in->token.type != TOKEN_NULL;
    return !f->has_offset || input_uint(in, &f->offset);
}

static bool read_suppression(struct input *in, void *to)
{
    return input_span(in, to);
}

/* "family/name", as reports and paths are made from it. */
static bool is_id(const char *id)
{
    static const char family[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    static const char name[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t n = strspn(id, family);
    return strlen(id) <= ID_MAX && n > 0 && id[n] == '/' && id[n + 1] &&
           id[n + 1 + strspn(id + n + 1, name)] == '\0';
}

static size_t hash_of(const char *id)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *id; id++)
        h = (h ^ (unsigned char)*id) * UINT64_C(1099511628211);
    return (size_t)(h ^ h >> 32);
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
    return a->severity == b->severity && a->cwe == b->cwe &&
           strcmp(a->title, b->title) == 0;
}

/* The one rule of this id; what a report says of it must be the same every time. */
static const struct rule *intern(struct input *in, struct rule_names *names,
                                 const struct rule *rule)
{
    const size_t slots = INPUT_LENGTH(names->slots);
    size_t at = hash_of(rule->id) % slots;
    while (names->slots[at] && strcmp(names->slots[at]->id, rule->id) != 0)
        at = (at + 1) % slots;
    const struct rule *found = names->slots[at];
    if (found) {
        if (!same_rule(found, rule))
            (void)input_error(in, "two different rules are called %s", rule->id);
        return in->failed ? NULL : found;
    }
    struct rule *copy =
        names->count < RULES_MAX ? arena_alloc(names->arena, sizeof *copy) : NULL;
    if (!copy) {
        (void)input_error(in, "more than %d rules", RULES_MAX);
        return NULL;
    }
    *copy = (struct rule){ .id = arena_text(names->arena, span_of_text(rule->id)),
                           .title = arena_text(names->arena, span_of_text(rule->title)),
                           .severity = rule->severity,
                           .cwe = rule->cwe };
    if (!copy->id || !copy->title)
        return input_new(in, SIZE_MAX);
    names->count++;
    return names->slots[at] = copy;
}

static bool read_finding(struct input *in, void *to)
{
    static const struct field fields[] = {
        INPUT_TEXT("rule", finding_text, rule.id),
        INPUT_TEXT("title", finding_text, rule.title),
        INPUT_OBJECT("severity", finding_text, rule.severity, read_severity),
        INPUT_OBJECT("cwe", finding_text, rule.cwe, read_cwe),
        INPUT_OBJECT_ALL("path", read_finding_path),
        INPUT_OBJECT_ALL("member", read_finding_member),
        INPUT_OBJECT_ALL("offset", read_finding_offset),
        INPUT_SPAN("message", finding_text, message),
        INPUT_SPAN("evidence", finding_text, evidence),
        INPUT_BOOL("suppressed", finding_text, suppressed),
        INPUT_OPTIONAL("suppression", finding_text, suppression, read_suppression),
    };
    struct reading *reading = to;
    struct finding_text f = { 0 };
    if (!input_object(in, fields, INPUT_LENGTH(fields), &f))
        return false;
    if (!is_id(f.rule.id))
        return input_error(in, "%.60s is no id of a rule", f.rule.id);
    if (f.has_offset != f.of_file || (f.of_member && !f.of_file) ||
        f.suppressed != (f.suppression.len > 0))
        return input_error(in, "a finding contradicts itself");
    struct stored_finding *s = input_new(in, sizeof *s);
    struct finding *finding = s ? input_new(in, sizeof *finding) : NULL;
    const struct rule *rule = finding ? intern(in, reading->names, &f.rule) : NULL;
    if (!rule)
        return false;
    *finding = (struct finding){ .rule = rule,
                                 .offset = f.offset,
                                 .message = f.message,
                                 .evidence = f.evidence,
                                 .suppressed = f.suppression };
    *s = (struct stored_finding){ finding, f.path, f.of_file, f.of_member, NULL };
    *reading->last_finding = s;
    reading->last_finding = &s->next;
    return true;
}

bool read_findings(struct input *in, void *to)
{
    return input_list(in, read_finding, to);
}

static void append(struct finding_list *list, struct finding *f)
{
    if (list->count == 0 || f->rule->severity > list->worst)
        list->worst = f->rule->severity;
    if (list->last)
        list->last->next = f;
    else
        list->first = f;
    list->last = f;
    list->count++;
}

/* First those of the model as a whole, then each artifact's share. */
bool findings_hand_out(struct input *in, struct reading *reading)
{
    struct model *m = reading->model;
    const struct stored_finding *f = reading->first_finding;
    uint64_t dropped = 0;
    if (reading->dropped > dropped_max)
        return input_error(in, "too many findings were dropped");
    for (; f && !f->of_file; f = f->next)
        append(&m->findings, f->finding);
    for (const struct share *s = reading->first_share; s; s = s->next) {
        const struct artifact *root = s->artifact;
        while (root->parent)
            root = root->parent;
        for (uint64_t i = 0; i < s->kept; i++, f = f->next) {
            if (!f || !f->of_file || !span_equal(f->path, root->name) ||
                f->of_member != (s->artifact->parent != NULL))
                return input_error(in, "findings do not fit the files they are of");
            append(&s->artifact->findings, f->finding);
        }
        s->artifact->findings.count += s->dropped;
        s->artifact->findings.dropped = s->dropped;
        if (s->dropped > reading->dropped - dropped)
            return input_error(in, "findings_dropped does not fit the files");
        dropped += s->dropped;
    }
    if (f)
        return input_error(in, "findings do not fit the files they are of");
    m->findings.dropped = reading->dropped - dropped;
    m->findings.count += m->findings.dropped;
    return true;
}
