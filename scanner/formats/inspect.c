#include "formats/inspector.h"

#include <stdio.h>

#define FORMAT(symbol, name, is_a, family, title)                                        \
    extern const struct inspector name##_inspector;
#include "core/formats.def"
#undef FORMAT

const struct inspector *const inspectors[FORMAT_COUNT] = {
#define FORMAT(symbol, name, is_a, family, title) [FORMAT_##symbol] = &name##_inspector,
#include "core/formats.def"
#undef FORMAT
};

void inspection_finding(struct inspection *in, enum rule_id rule, uint64_t offset,
                        struct span evidence, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct span text = n < 0 ? (struct span){ 0 } : span_of_text(message);
    const struct finding *f = finding_add(&in->artifact->findings, in->arena,
                                          &rules[rule], offset, text, evidence);
    if (f && in->observer)
        in->observer->finding(in->observer->self, in->artifact, f);
}

void inspection_incomplete(struct inspection *in, const char *format, ...)
{
    char reason[REASON_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    artifact_lower(in->artifact, STATUS_INCOMPLETE, "%s", reason);
}

bool inspection_spend(struct inspection *in, enum budget_kind kind, uint64_t n)
{
    if (budget_take(in->budget, kind, n))
        return true;
    inspection_incomplete(in, "the budget of %s is spent (--max-%s)",
                          budget_kinds[kind].what, budget_kinds[kind].option);
    return false;
}

/* The format that the file's name promises, or FORMAT_ANY. */
static enum format_id promised_format(struct span name)
{
    for (int id = 0; id < FORMAT_COUNT; id++) {
        const char *const *extension = inspectors[id]->extensions;
        for (; extension && *extension; extension++)
            if (span_ends_nocase(name, *extension))
                return (enum format_id)id;
    }
    return FORMAT_ANY;
}

/* Two claims that no refinement connects: one file, two loaders. */
static void report_polyglot(struct inspection *in, uint64_t claimed)
{
    for (int a = 0; a < FORMAT_COUNT; a++)
        for (int b = a + 1; b < FORMAT_COUNT; b++)
            if ((claimed & FORMAT_BIT(a)) && (claimed & FORMAT_BIT(b)) &&
                !format_related((enum format_id)a, (enum format_id)b)) {
                inspection_finding(in, RULE_FORMAT_POLYGLOT, 0, (struct span){ 0 },
                                   "read as %s by one loader and as %s by another",
                                   formats[a].title, formats[b].title);
                return;
            }
}

/* The formats that claim the bytes; where none does, those that the name alone suggests. */
static uint64_t identify(const struct inspection *in, bool *ret_by_name)
{
    uint64_t by_content = 0, by_name = 0;
    for (int id = 0; id < FORMAT_COUNT; id++) {
        enum claim claim = inspectors[id]->claim(in);
        if (claim == CLAIM_NAME)
            by_name |= FORMAT_BIT(id);
        else if (claim != CLAIM_NONE)
            by_content |= FORMAT_BIT(id);
    }
    *ret_by_name = by_content == 0;
    return by_content ? by_content : by_name;
}

/* A name that promises a format which the bytes are not.  Bytes that nothing claims at
 * all are then a broken model, not a file that is none. */
static void report_mismatch(struct inspection *in, uint64_t claimed)
{
    enum format_id promised = promised_format(in->artifact->name);
    bool kept = promised == FORMAT_ANY;
    for (int id = 0; id < FORMAT_COUNT && !kept; id++)
        if (claimed & FORMAT_BIT(id)) /* a pointer stands where the file will be */
            kept = id == FORMAT_LFS_POINTER || format_related((enum format_id)id, promised);
    if (kept)
        return;
    inspection_finding(in, RULE_FORMAT_MISMATCH, 0, span_slice(in->bytes, 0, 16),
                       "the name promises %s, the content is not", formats[promised].title);
    if (claimed == 0)
        inspection_incomplete(in, "not readable as %s, which its name promises",
                              formats[promised].title);
}

void inspect_artifact(struct inspection *in)
{
    bool by_name;
    uint64_t claimed = identify(in, &by_name);
    in->artifact->formats = claimed;
    report_polyglot(in, by_name ? 0 : claimed);
    report_mismatch(in, by_name ? 0 : claimed);
    if (claimed == 0)
        artifact_lower(in->artifact, STATUS_SKIPPED, "no model format");
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (claimed & FORMAT_BIT(id))
            inspectors[id]->inspect(in);
    if (arena_exhausted(in->arena))
        inspection_incomplete(in, "the memory for one file is spent");
    if (in->observer)
        in->observer->closed(in->observer->self, in->artifact);
}

struct artifact *inspect_member(struct inspection *in, struct span name, uint64_t offset,
                                struct span bytes)
{
    struct artifact *parent = in->artifact;
    if (!inspection_spend(in, BUDGET_MEMBERS, 1) ||
        !inspection_spend(in, BUDGET_DEPTH, 1))
        return NULL;
    struct arena_mark mark = arena_mark(in->arena);
    struct artifact *child = artifact_child(parent, name, offset, bytes.len);
    struct artifact *kept = NULL;
    if (child) {
        struct inspection inner = *in;
        inner.artifact = child;
        inner.bytes = bytes;
        inspect_artifact(&inner);
        parent->executes |= child->executes;
        if (artifact_worth_reporting(child)) {
            kept = child;
        } else {
            artifact_drop_last(parent);
            arena_release(in->arena, mark);
        }
    }
    in->budget->left[BUDGET_DEPTH]++;
    return kept;
}
