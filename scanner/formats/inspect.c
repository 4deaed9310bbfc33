#include "formats/inspector.h"

#include <string.h>

#include "formats/byte_scan.h"

#define FORMAT(symbol, name, is_a, family, title)                                        \
    extern const struct inspector name##_inspector;
#include "core/formats.def"
#undef FORMAT

const struct inspector *const inspectors[FORMAT_COUNT] = {
#define FORMAT(symbol, name, is_a, family, title) [FORMAT_##symbol] = &name##_inspector,
#include "core/formats.def"
#undef FORMAT
};

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

/* Loaders go by content: what torch.load or joblib.load accepts under a name that
 * promises another of their kind, or compressed, is what the name promises. */
static bool keeps_promise(enum format_id id, enum format_id promised)
{
    return format_related(id, promised) || strcmp(formats[id].family, "wrapper") == 0 ||
           strcmp(formats[id].family, formats[promised].family) == 0;
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

/* What the bytes and the name say.  A name counts where no bytes do. */
struct claims {
    uint64_t content, beside, name; /* sets of formats */
};

static struct claims identify(const struct inspection *in)
{
    struct claims c = { 0 };
    for (int id = 0; id < FORMAT_COUNT; id++) {
        switch (inspectors[id]->claim(in)) {
        case CLAIM_NONE:
            break;
        case CLAIM_NAME:
            c.name |= FORMAT_BIT(id);
            break;
        case CLAIM_BESIDE:
            c.beside |= FORMAT_BIT(id);
            break;
        case CLAIM_LIKELY:
        case CLAIM_MAGIC:
            c.content |= FORMAT_BIT(id);
            break;
        }
    }
    if (c.content)
        c.name = 0;
    return c;
}

/* The name promises a format that the content does not show. */
static void report_mismatch(struct inspection *in, enum format_id promised,
                            uint64_t content)
{
    bool kept = promised == FORMAT_ANY;
    for (int id = 0; id < FORMAT_COUNT && !kept; id++)
        if (content & FORMAT_BIT(id)) /* a pointer stands where the file will be */
            kept =
                id == FORMAT_LFS_POINTER || keeps_promise((enum format_id)id, promised);
    if (!kept)
        inspection_finding(in, RULE_FORMAT_MISMATCH, 0, span_slice(in->bytes, 0, 16),
                           "the name promises %s, the content is not",
                           formats[promised].title);
}

/* Run every inspector that the artifact calls for. */
static void read_formats(struct inspection *in)
{
    struct claims c = identify(in);
    uint64_t claimed = c.content | c.beside | c.name;
    enum format_id promised = promised_format(in->artifact->name);
    in->artifact->formats = claimed;
    if (claimed == 0 && promised == FORMAT_ANY)
        artifact_lower(in->artifact, STATUS_SKIPPED, "no model format");
    else if (claimed == 0)
        inspection_incomplete(in, "not readable as the %s that its name promises",
                              formats[promised].title);
    report_polyglot(in, c.content);
    report_mismatch(in, promised, c.content);
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (claimed & FORMAT_BIT(id))
            inspectors[id]->inspect(in);
}

/* All that happens to one artifact: `read` it, search it, and nothing more is found. */
static void inspect_with(struct inspection *in, void (*read)(struct inspection *in))
{
    struct left_out left_out = { 0 };
    in->left_out = &left_out;
    read(in);
    byte_scan(in);
    left_out_free(&left_out);
    in->left_out = NULL;
    if (arena_exhausted(in->arena))
        inspection_incomplete(in, "the memory for one file is spent");
    if (in->observer)
        in->observer->closed(in->observer->self, in->artifact);
}

void inspect_artifact(struct inspection *in)
{
    inspect_with(in, read_formats);
}

struct artifact *inspect_member_as(struct inspection *in, struct span name,
                                   uint64_t offset, struct span bytes,
                                   void (*read)(struct inspection *inner))
{
    struct artifact *parent = in->artifact;
    if (!inspection_spend(in, BUDGET_MEMBERS, 1) ||
        !inspection_spend(in, BUDGET_DEPTH, 1))
        return NULL;
    struct arena_mark mark = arena_mark(in->arena);
    struct artifact *child = artifact_child(parent, name, offset, bytes.len);
    struct artifact *kept = NULL;
    if (child) {
        byte_scan_leave_out_member(in, bytes);
        if (in->detail && budget_take(in->budget, BUDGET_FACTS, 1))
            (void)artifact_facts(child); /* what has facts is kept */
        struct inspection inner = *in;
        inner.artifact = child;
        inner.bytes = bytes;
        inspect_with(&inner, read ? read : read_formats);
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

struct artifact *inspect_member(struct inspection *in, struct span name, uint64_t offset,
                                struct span bytes)
{
    return inspect_member_as(in, name, offset, bytes, NULL);
}
