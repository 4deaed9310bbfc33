/* Where a model comes from, whose bytes it has, and who signed them: for the text report.
 */
#include "reports/text/model.h"

#include <inttypes.h>
#include <string.h>

enum { FILES_SHOWN = 5, SIGNATURES_SHOWN = 10 };

/* The words so far under a label, the usual way. */
static void item(struct text_out *t, const char *label)
{
    text_out_item(t, STYLE_BOLD, label, TEXT_LABEL);
}

/* -- where it comes from ------------------------------------------------------ */

const char *text_basis(enum basis b)
{
    static const char *const words[] = {
        [BASIS_NONE] = "nobody says",
        [BASIS_DECLARED] = "declared by the target itself, which proves nothing",
        [BASIS_STATED] = "stated by whoever ran the scan",
        [BASIS_SIGNED] = "signed by an accepted identity",
        [BASIS_FETCHED] = "fetched from there",
    };
    return words[b];
}

static void write_origin(struct text_out *t, const struct origin *o)
{
    if (o->title || o->registry)
        text_out_add(t, "%s", o->title ? o->title : o->registry);
    else
        text_out_add(t, "no known registry");
    if (o->name.len) {
        text_out_add(t, ": ");
        text_out_bytes(t, o->name);
    }
    if (o->revision.len) {
        text_out_add(t, " @ ");
        text_out_bytes(t, o->revision);
    }
    text_out_add(t, "; %s", text_basis(o->basis));
    if (o->evidence.len) {
        text_out_add(t, " (");
        text_out_bytes(t, o->evidence);
        text_out_add(t, ")");
    }
}

static void write_trust(struct text_out *t, const struct model *m)
{
    const struct origin *o = &m->origin;
    text_out_add(t, "%s", trust_name(m->trust));
    if (o->basis == BASIS_NONE)
        text_out_add(t, ": nothing says where it comes from");
    else if (o->basis == BASIS_DECLARED && o->trust != m->trust)
        text_out_add(t, " (%s, if the declared origin were confirmed)",
                     trust_name(o->trust));
    else if (o->trust != m->trust)
        text_out_add(t, " (its registry's level is %s)", trust_name(o->trust));
    item(t, "Trust");
    if (o->basis == BASIS_NONE)
        return;
    write_origin(t, o);
    item(t, "Origin");
    for (const struct origin *other = o->next; other; other = other->next) {
        text_out_add(t, "or ");
        write_origin(t, other);
        item(t, "");
    }
}

/* "downloads (fail, medium): …", worst first; what passed or is unknown in a line each.
 */
static void write_failed_checks(struct text_out *t, const struct model *m)
{
    const char *label = "Checks";
    for (int severity = SEVERITY_COUNT; severity-- > 0;)
        for (const struct provenance_check *c = m->checks; c; c = c->next) {
            if (c->result != CHECK_FAIL || (int)c->severity != severity)
                continue;
            text_out_add(t, "FAIL (%s) %s: ", severity_name(c->severity), c->id);
            text_out_bytes(t, c->evidence);
            item(t, label);
            label = "";
        }
    for (int result = CHECK_PASS; result <= CHECK_UNKNOWN; result++) {
        size_t n = 0;
        for (const struct provenance_check *c = m->checks; c && result != CHECK_FAIL;
             c = c->next)
            if ((int)c->result == result)
                text_out_add(t, "%s%s",
                             n++                    ? ", "
                             : result == CHECK_PASS ? "pass: "
                                                    : "unknown: ",
                             c->id);
        if (n > 0) {
            item(t, label);
            label = "";
        }
    }
}

void text_provenance(struct text_out *t, const struct model *m)
{
    write_trust(t, m);
    write_failed_checks(t, m);
    if (m->origin.advice) {
        text_out_add(t, "%s", m->origin.advice);
        item(t, "Verify");
    }
}

/* -- whose bytes -------------------------------------------------------------- */

static bool contradicted(const struct expectation *e)
{
    return e->state == EXPECT_MISMATCH || e->state == EXPECT_INCONSISTENT;
}

int text_integrity_rank(const struct file *f)
{
    for (const struct expectation *e = f->expected; e; e = e->next)
        if (contradicted(e))
            return 0;
    return f->expected ? 1 : 2;
}

static void write_expectation(struct text_out *t, const struct file *f,
                              const struct expectation *e)
{
    static const char *const words[] = {
        [EXPECT_VERIFIED] = "verified",
        [EXPECT_MISMATCH] = "MISMATCH",
        [EXPECT_CONSISTENT] = "consistent (the target's own word)",
        [EXPECT_INCONSISTENT] = "INCONSISTENT",
    };
    bool differs = contradicted(e);
    text_out_add(t, "%s: %s%s", words[e->state], e->weak ? "weak " : "", e->algorithm);
    text_out_add(t, differs ? ", - in " : " in ");
    text_out_bytes(t, e->source);
    text_out_add(t, differs ? ", + of this file:" : "");
    item(t, "");
    if (!differs)
        return;
    text_out_add(t, "- ");
    text_out_bytes(t, e->value);
    item(t, "");
    if (strcmp(e->algorithm, "sha256") == 0) {
        text_out_add(t, "+ ");
        text_out_bytes(t, f->sha256);
        item(t, "");
    }
}

static void write_file_integrity(struct text_out *t, const struct model *m,
                                 const struct file *f, const char *label)
{
    text_path(t, m, f->artifact);
    text_out_add(t, ", ");
    text_size(t, f->artifact->size);
    text_out_add(t, "%s",
                 !f->sha256.len ? ", not hashed"
                 : f->expected  ? ""
                                : ", no digest to compare with");
    item(t, label);
    if (text_integrity_rank(f) != 0 && f->sha256.len) {
        text_out_bytes(t, f->sha256);
        item(t, "");
    }
    for (const struct expectation *e = f->expected; e; e = e->next)
        write_expectation(t, f, e);
}

static void write_integrity(struct text_out *t, const struct model *m)
{
    uint64_t ranks[3] = { 0 }, shown = 0;
    for (int rank = 0; rank < 3; rank++)
        for (const struct file *f = m->files; f; f = f->next) {
            if (text_integrity_rank(f) != rank ||
                (rank > 0 && artifact_worst(f->artifact) == STATUS_SKIPPED))
                continue;
            ranks[rank]++;
            if (rank == 0 || shown < FILES_SHOWN)
                write_file_integrity(t, m, f, shown == 0 ? "Integrity" : "");
            shown++;
        }
    uint64_t written = ranks[0] > FILES_SHOWN ? ranks[0] : FILES_SHOWN;
    if (shown > written) {
        text_out_add(t,
                     "and %" PRIu64 " more; of %" PRIu64 " files %" PRIu64
                     " differ, %" PRIu64 " agree, %" PRIu64 " have nothing to compare "
                     "with (digests: JSON report)",
                     shown - written, shown, ranks[0], ranks[1], ranks[2]);
        item(t, "");
    }
}

/* -- who signed them ------------------------------------------------------------ */

static void add_part(struct text_out *t, const char *before, struct span text)
{
    if (!text.len)
        return;
    text_out_add(t, "%s", before);
    text_name(t, text);
}

static void write_signature(struct text_out *t, const struct signature *s,
                            const char *label)
{
    static const char *const words[] = {
        [SIGNATURE_VERIFIED] = "verified",
        [SIGNATURE_INVALID] = "INVALID",
        [SIGNATURE_UNTRUSTED] = "UNTRUSTED (nobody you accept)",
        [SIGNATURE_UNSUPPORTED] = "UNSUPPORTED",
        [SIGNATURE_UNSIGNED] = "unsigned",
    };
    text_out_add(t, "%s: %s", words[s->state], s->kind);
    add_part(t, " by ", s->identity);
    add_part(t, ", issuer ", s->issuer);
    add_part(t, ", at ", s->time);
    add_part(t, ", covers ", s->covers);
    add_part(t, ", built by ", s->builder);
    add_part(t, ", in ", s->path);
    item(t, label);
    if (s->state == SIGNATURE_VERIFIED || (!s->check.len && !s->reason.len))
        return;
    text_out_bytes(t, s->check);
    add_part(t, s->check.len ? ": " : "", s->reason);
    text_out_item(t, STYLE_PLAIN, "", TEXT_LABEL + 2);
}

static void write_signatures(struct text_out *t, const struct model *m)
{
    size_t n = 0;
    if (!m->signatures) {
        const struct metadata *claim = metadata_find(m->metadata, "signed");
        text_out_add(t, claim && span_is(claim->value, "true")
                            ? "none found; the registry says that there is one"
                            : "none found");
        item(t, "Signature");
    }
    for (const struct signature *s = m->signatures; s; s = s->next)
        if (n++ < SIGNATURES_SHOWN)
            write_signature(t, s, n == 1 ? "Signature" : "");
    if (n > SIGNATURES_SHOWN) {
        text_out_add(t, "and %zu more signatures", n - SIGNATURES_SHOWN);
        item(t, "");
    }
}

void text_integrity(struct text_out *t, const struct model *m)
{
    write_integrity(t, m);
    write_signatures(t, m);
}
