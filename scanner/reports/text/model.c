#include "reports/text/model.h"

#include "core/formats.h"
#include "reports/spots.h"

#include <inttypes.h>

enum { UNREAD_SHOWN = 10, NAME_SHOWN = 300, EVIDENCE_SHOWN = 320 };

struct verdict_word text_verdict(enum verdict v)
{
    static const struct verdict_word words[] = {
        [VERDICT_PASS] = {"PASS",        STYLE_GREEN },
        [VERDICT_FAIL] = { "FAIL",       STYLE_RED   },
        [VERDICT_INCOMPLETE] = { "INCOMPLETE", STYLE_YELLOW},
        [VERDICT_EMPTY] = { "EMPTY",      STYLE_YELLOW},
    };
    return words[v];
}

const char *text_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void text_size(struct text_out *t, uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    if (bytes < 1024) {
        text_out_add(t, "%" PRIu64 " B", bytes);
        return;
    }
    size_t unit = 0;
    while (bytes >> 10 >= 1024) {
        bytes >>= 10;
        unit++;
    }
    text_out_add(t, "%" PRIu64 ".%" PRIu64 " %s", bytes >> 10, (bytes & 1023) * 10 >> 10,
                 units[unit]);
}

/* The words so far under a label, the usual way. */
static void item(struct text_out *t, const char *label)
{
    text_out_item(t, STYLE_BOLD, label, TEXT_LABEL);
}

/* Long names are for the JSON report: here they would bury everything else. */
void text_name(struct text_out *t, struct span name)
{
    text_out_bytes(t, span_slice(name, 0, NAME_SHOWN));
    if (name.len > NAME_SHOWN)
        text_out_add(t, "... (%zu bytes)", name.len);
}

/* A list of names is cut at its last comma; 512 bytes is what a finding keeps. */
void text_evidence(struct text_out *t, struct span evidence)
{
    struct span shown = span_slice(evidence, 0, EVIDENCE_SHOWN);
    bool whole = evidence.len < EVIDENCE_MAX && evidence.len == shown.len;
    size_t comma = whole ? SIZE_MAX : span_find_last(shown, ", ", shown.len);
    if (comma != SIZE_MAX && comma > shown.len / 2)
        shown.len = comma + 1;
    while (!whole && shown.len && shown.ptr[shown.len - 1] == ' ')
        shown.len--;
    text_out_bytes(t, shown);
    if (!whole)
        text_out_add(t, " ...");
}

/* How much of a path the identity of the model repeats: "a/b/" of a/b/model.pt when the
 * target is t and the model t/a/b. */
static size_t repeated(const struct model *m, struct span path)
{
    struct span head = span_slice(m->identity, 0, m->target.len);
    struct span below = span_slice(m->identity, m->target.len, m->identity.len);
    if (!span_equal(head, m->target))
        return 0;
    if (below.len && below.ptr[0] == '/')
        below = span_slice(below, 1, below.len);
    bool inside = below.len && path.len > below.len + 1 && path.ptr[below.len] == '/' &&
                  span_equal(span_slice(path, 0, below.len), below);
    return inside ? below.len + 1 : 0;
}

void text_path(struct text_out *t, const struct model *m, const struct artifact *a)
{
    size_t levels = 0;
    for (const struct artifact *up = a->parent; up; up = up->parent)
        levels++;
    for (size_t level = levels + 1; level-- > 0;) {
        const struct artifact *part = a;
        for (size_t up = 0; up < level; up++)
            part = part->parent;
        bool root = level == levels;
        size_t from = root && m ? repeated(m, part->name) : 0;
        text_name(t, span_slice(part->name, from, part->name.len));
        if (level > 0)
            text_out_add(t, "!");
    }
}

/* -- what it is --------------------------------------------------------------- */

bool text_format_refined(uint64_t set, int id)
{
    for (int other = 0; other < FORMAT_COUNT; other++)
        if ((set & FORMAT_BIT(other)) && (int)formats[other].is_a == id)
            return true;
    return false;
}

static void write_formats(struct text_out *t, const struct model *m)
{
    uint64_t kinds = 0, executing = 0, skipped = 0;
    for (int id = 0; id < FORMAT_COUNT; id++) {
        uint64_t n = 0;
        for (const struct file *f = m->files; f; f = f->next) {
            uint64_t set = f->artifact->formats;
            n += (set & FORMAT_BIT(id)) && !text_format_refined(set, id);
        }
        if (n == 0)
            continue;
        text_out_add(t, "%s", kinds++ ? ", " : "");
        if (m->files->next)
            text_out_add(t, "%" PRIu64 " ", n);
        text_out_add(t, "%s", formats[id].title);
    }
    for (const struct file *f = m->files; f; f = f->next) {
        bool executes = false;
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            executes |= a->executes;
        executing += executes;
        skipped += artifact_worst(f->artifact) == STATUS_SKIPPED;
    }
    if (executing)
        text_out_add(t, "%s%" PRIu64 " file%s can run code when loaded",
                     kinds ? "; " : "", executing, text_plural(executing));
    if (skipped)
        text_out_add(t, "%s%" PRIu64 " file%s skipped: no model format",
                     kinds || executing ? "; " : "", skipped, text_plural(skipped));
    if (t->words.len)
        item(t, "Formats");
}

/* -- the worst ---------------------------------------------------------------- */

bool text_model_has_findings(const struct model *m, enum severity *ret_worst)
{
    bool any = m->findings.count > 0;
    enum severity worst = any ? m->findings.worst : SEVERITY_INFO;
    for (const struct file *f = m->files; f; f = f->next)
        for (const struct artifact *a = f->artifact; a; a = artifact_walk(f->artifact, a))
            if (a->findings.count > 0) {
                any = true;
                if (a->findings.worst > worst)
                    worst = a->findings.worst;
            }
    if (any)
        *ret_worst = worst;
    return any;
}

const struct finding *text_model_worst(const struct model *m)
{
    const struct finding *worst = NULL;
    for (struct spot s = { .model = m }; spots_next(&s);) {
        bool counts = s.finding->suppressed.len == 0;
        bool better = !worst || (counts && worst->suppressed.len > 0);
        bool equal = worst && counts == (worst->suppressed.len == 0);
        if (better || (equal && s.finding->rule->severity > worst->rule->severity))
            worst = s.finding;
    }
    return worst;
}

/* -- what was not read -------------------------------------------------------- */

static void write_incomplete(struct text_out *t, const struct model *m)
{
    uint64_t files = 0;
    for (const struct file *f = m->files; f; f = f->next) {
        const struct artifact *part = artifact_worst_part(f->artifact);
        if (part->status != STATUS_INCOMPLETE && part->status != STATUS_FAILED)
            continue;
        if (files++ >= UNREAD_SHOWN)
            continue;
        if (files == 1)
            text_out_blank(t);
        text_path(t, m, part);
        text_out_add(t, ": ");
        text_out_bytes(t, part->reason);
        text_out_item(t, STYLE_YELLOW,
                      part->status == STATUS_FAILED ? "NOT READ" : "INCOMPLETE",
                      TEXT_LABEL);
    }
    if (files > UNREAD_SHOWN) {
        text_out_add(t, "and %" PRIu64 " more files", files - UNREAD_SHOWN);
        item(t, "");
    }
}

void text_model_name(struct text_out *t, const struct model *m)
{
    struct span head = span_slice(m->identity, 0, m->target.len);
    text_name(t, m->identity);
    if (!span_equal(head, m->target)) { /* a path below the target says it by itself */
        text_out_add(t, " (in ");
        text_name(t, m->target);
        text_out_add(t, ")");
    }
}

static bool all_read(const struct model *m)
{
    for (const struct file *f = m->files; f; f = f->next) {
        enum artifact_status worst = artifact_worst(f->artifact);
        if (worst == STATUS_INCOMPLETE || worst == STATUS_FAILED)
            return false;
    }
    return true;
}

/* Nothing found, everything read, nothing that contradicts: the reasons say it all. */
static bool uneventful(const struct model *m)
{
    enum severity worst;
    for (const struct file *f = m->files; f; f = f->next)
        if (text_integrity_rank(f) == 0)
            return false;
    for (const struct provenance_check *c = m->checks; c; c = c->next)
        if (c->result == CHECK_FAIL)
            return false;
    for (const struct signature *s = m->signatures; s; s = s->next)
        if (s->state != SIGNATURE_VERIFIED && s->state != SIGNATURE_UNSIGNED)
            return false;
    return all_read(m) && !text_model_has_findings(m, &worst);
}

void text_model(struct text_out *t, const struct model *m, enum severity min_severity,
                bool brief)
{
    const char *label = "Why";
    for (const struct reason *r = m->reasons; r; r = r->next, label = "") {
        text_out_bytes(t, r->text);
        item(t, label);
    }
    brief = brief && uneventful(m);
    if (brief && m->origin.basis == BASIS_NONE)
        return; /* the reason has said so */
    text_out_blank(t);
    text_provenance(t, m);
    if (brief)
        return;
    write_formats(t, m);
    text_integrity(t, m);
    enum severity worst;
    if (!text_model_has_findings(m, &worst)) {
        text_out_add(t, "%s", all_read(m) ? "none" : "none in what was read");
        item(t, "Findings");
    }
    write_incomplete(t, m);
    text_findings(t, m, min_severity);
}
