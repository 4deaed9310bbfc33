/* Clauses about the files of a model: formats, hashes, signatures, completeness. */
#include "core/formats.h"
#include "policy/glob.h"
#include "policy/judge.h"

#include <inttypes.h>
#include <string.h>

/* ---- formats ---------------------------------------------------------------------- */

/* Not recognised, or recognised as what is not read; and it is no prose or picture. */
static bool is_unknown(const struct artifact *a)
{
    return a->status != STATUS_SKIPPED &&
           (a->formats & ~(FORMAT_BIT(FORMAT_UNREAD))) == 0 && !a->parent;
}

static const char *format_as(const struct artifact *a, const char *name)
{
    for (int id = 0; id < FORMAT_COUNT; id++)
        if ((a->formats & FORMAT_BIT(id)) && (strcmp(formats[id].name, name) == 0 ||
                                              strcmp(formats[id].family, name) == 0))
            return formats[id].name;
    if (a->executes && strcmp(name, "pickle") == 0)
        return "runs code when loaded";
    if (strcmp(name, "unknown") == 0 && is_unknown(a))
        return "no format that is read";
    return NULL;
}

bool format_is(const struct artifact *a, const char *name)
{
    return format_as(a, name) != NULL;
}

/* One member is enough to name its file. */
static const struct artifact *denied_part(const struct artifact *root, const char *denied)
{
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        if (format_as(a, denied))
            return a;
    return NULL;
}

bool denied_format(const struct view *v, const char *denied, struct buffer *ret_reason)
{
    uint64_t files = 0;
    for (size_t i = 0; i < v->count; i++) {
        const struct artifact *a = denied_part(v->files[i]->artifact, denied);
        if (!a)
            continue;
        if (files == 0)
            buffer_printf(ret_reason, "the %s denies %s: ", noun_of(v->policy), denied);
        if (files < EVIDENCE_SHOWN) {
            buffer_add_text(ret_reason, files == 0 ? "" : ", ");
            say_path(ret_reason, a);
            buffer_printf(ret_reason, " (%s)", format_as(a, denied));
        }
        files++;
    }
    if (files == 0)
        return false;
    if (files > EVIDENCE_SHOWN)
        buffer_printf(ret_reason, " and %" PRIu64 " more files", files - EVIDENCE_SHOWN);
    say_where(ret_reason, v->scope, POLICY_FORMATS_DENY);
    buffer_add_text(ret_reason, strcmp(denied, "pickle") == 0
                                    ? ". Ask the publisher for safetensors weights."
                                    : ". Ask the publisher for another format.");
    return true;
}

static bool allowed(const struct artifact *a, texts names)
{
    for (; *names; names++)
        if (format_as(a, *names))
            return true;
    return false;
}

bool unallowed_format(const struct view *v, struct buffer *ret_reason)
{
    texts names = v->demands->formats_allow;
    for (size_t i = 0; names && i < v->count; i++) {
        const struct artifact *root = v->files[i]->artifact;
        for (const struct artifact *a = root; a; a = artifact_walk(root, a)) {
            bool speaks = a->formats || (a == root && file_is_artifact(v->files[i]));
            if (!speaks || allowed(a, names))
                continue;
            buffer_add_text(ret_reason, "the format of ");
            say_path(ret_reason, a);
            buffer_add_text(ret_reason, " is ");
            const char *between = "";
            for (int id = 0; id < FORMAT_COUNT; id++)
                if (a->formats & FORMAT_BIT(id)) {
                    buffer_printf(ret_reason, "%s%s", between, formats[id].name);
                    between = " and ";
                }
            buffer_printf(ret_reason, "%s, and the %s allows ",
                          a->formats ? "" : "unknown", noun_of(v->policy));
            say_texts(ret_reason, names);
            say_where(ret_reason, v->scope, POLICY_FORMATS_ALLOW);
            buffer_add_text(ret_reason, ". Ask the publisher for another format.");
            return true;
        }
    }
    return false;
}

/* ---- completeness ----------------------------------------------------------------- */

static bool not_complete(enum artifact_status s)
{
    return s == STATUS_INCOMPLETE || s == STATUS_FAILED;
}

bool file_is_incomplete(const struct file *f)
{
    return not_complete(artifact_worst(f->artifact)) ||
           (f->arena && arena_exhausted(f->arena));
}

bool file_is_artifact(const struct file *f)
{
    return artifact_worst(f->artifact) != STATUS_SKIPPED;
}

static void say_incomplete(struct buffer *b, const struct file *f)
{
    const struct artifact *part = artifact_worst_part(f->artifact);
    const char *status =
        not_complete(part->status) ? status_name(part->status) : "memory ran out";
    say_path(b, part);
    buffer_add_text(b, " (");
    say_quote(b, part->reason.len ? part->reason : span_of_text(status));
    buffer_add_text(b, ")");
}

bool incomplete(const struct view *v, struct buffer *ret_reason)
{
    static const char *const then[] = {
        [INCOMPLETE_EXITS_2] = "What the rest holds is unknown",
        [INCOMPLETE_FAILS] = " fails on anything incomplete",
        [INCOMPLETE_ACCEPTED] = " accepts that",
    };
    int mode = v->demands->on_incomplete;
    bool memory = arena_exhausted(v->model->arena);
    uint64_t files = 0, shown = 0;
    for (size_t i = 0; i < v->count; i++)
        files += file_is_incomplete(v->files[i]);
    if (files == 0 && !memory)
        return false;
    if (files == 0)
        buffer_add_text(ret_reason, "memory ran out while the model was judged");
    else
        buffer_printf(ret_reason,
                      "%" PRIu64 " file%s could not be analysed to the end: ", files,
                      plural(files));
    for (size_t i = 0; i < v->count && shown < EVIDENCE_SHOWN; i++)
        if (file_is_incomplete(v->files[i])) {
            buffer_add_text(ret_reason, shown++ == 0 ? "" : "; ");
            say_incomplete(ret_reason, v->files[i]);
        }
    if (files > shown)
        buffer_printf(ret_reason, "; and %" PRIu64 " more", files - shown);
    buffer_add_text(ret_reason, ". ");
    if (mode != INCOMPLETE_EXITS_2)
        buffer_printf(ret_reason, "The %s", noun_of(v->policy));
    buffer_add_text(ret_reason, then[mode]);
    say_where(ret_reason, v->scope, POLICY_ON_INCOMPLETE);
    buffer_add_text(ret_reason, mode == INCOMPLETE_ACCEPTED
                                    ? "; what the rest holds is unknown."
                                    : ": get an intact copy, or lift the limit that is "
                                      "named.");
    return true;
}

/* ---- hashes ----------------------------------------------------------------------- */

static bool voice_agrees(const struct demands *d, const struct expectation *e)
{
    bool agrees = e->state == EXPECT_VERIFIED ||
                  (e->by == BY_TARGET && e->state == EXPECT_CONSISTENT);
    return agrees && (d->hash_match >> e->by & 1) && (!e->weak || d->hash_weak);
}

static bool is_expected(const struct demands *d, const struct file *f)
{
    for (const struct expectation *e = f->expected; e; e = e->next)
        if (voice_agrees(d, e))
            return true;
    return (d->hash_match >> BY_SIGNATURE & 1) && f->signature &&
           f->signature->state == SIGNATURE_VERIFIED;
}

/* Why what there is does not do. */
static const char *lacking(const struct demands *d, const struct file *f)
{
    const char *why = "nobody says what its bytes should be";
    for (const struct expectation *e = f->expected; e; e = e->next) {
        if (e->state == EXPECT_MISMATCH || e->state == EXPECT_INCONSISTENT)
            return "its bytes are not the ones that are expected";
        if (!(d->hash_match >> e->by & 1))
            why = e->by == BY_TARGET ? "only the target itself says so"
                                     : "who says so is not asked";
        else if (e->weak)
            why = "only a weak digest says so";
    }
    return why;
}

bool hash_violates(const struct view *v, struct buffer *ret_reason)
{
    const struct demands *d = v->demands;
    uint64_t files = 0;
    if (d->hash_match == 0 && !v->scope->settings[POLICY_HASH_MATCH].value)
        return false;
    for (size_t i = 0; i < v->count; i++) {
        const struct file *f = v->files[i];
        if ((d->hash_files == FILES_MODELS && !file_is_artifact(f)) || is_expected(d, f))
            continue;
        if (files++ > 0)
            continue;
        buffer_add_text(ret_reason, "no digest vouches for ");
        say_path(ret_reason, f->artifact);
        buffer_printf(ret_reason, ": %s", lacking(d, f));
    }
    if (files == 0)
        return false;
    if (files > 1)
        buffer_printf(ret_reason, ", and %" PRIu64 " more files", files - 1);
    buffer_printf(ret_reason, "; the %s wants a digest that matches, by ",
                  noun_of(v->policy));
    const char *between = "";
    static const char *const names[] = { "a manifest in the target", "a lockfile",
                                         "the registry", "a signature" };
    for (int by = BY_SIGNATURE; by >= 0; by--)
        if (d->hash_match >> by & 1) {
            buffer_printf(ret_reason, "%s%s", between, names[by]);
            between = " or ";
        }
    say_where(ret_reason, v->scope, POLICY_HASH_MATCH);
    buffer_add_text(ret_reason, ". Record what you reviewed with `assay lock` and scan "
                                "with --lockfile.");
    return true;
}

/* ---- signatures ------------------------------------------------------------------- */

static bool text_listed(texts list, struct span text)
{
    for (; list && *list && text.len; list++)
        if (span_is(text, *list))
            return true;
    return false;
}

static bool identity_listed(const struct demands *d, const struct signature *s)
{
    for (size_t i = 0; i < d->identity_count && s->issuer.len; i++)
        if (glob_matches(d->signature_identities[i].issuer, s->issuer, false) &&
            glob_matches(d->signature_identities[i].subject, s->identity, false))
            return true;
    return false;
}

/* NULL when it counts, else why it does not. */
static const char *signature_lacks(const struct demands *d, const struct signature *s)
{
    if (s->state != SIGNATURE_VERIFIED)
        return signature_state_name(s->state);
    bool by_key = s->issuer.len == 0 && text_listed(d->signature_keys, s->identity);
    if ((d->signature_identities || d->signature_keys) && !by_key &&
        !identity_listed(d, s))
        return "by somebody who is not listed";
    if (d->signature_roots && !by_key && !text_listed(d->signature_roots, s->root))
        return "under a root that is not listed";
    return NULL;
}

static bool covered(const struct view *v, const struct file *f)
{
    if (v->demands->signature_coverage == COVERAGE_MODELS && !file_is_artifact(f))
        return true;
    if (f->signature)
        return !signature_lacks(v->demands, f->signature);
    /* the bundles themselves cannot be signed by what they hold */
    for (const struct signature *s = v->model->signatures; s; s = s->next)
        if (s->path.len && span_equal(s->path, f->artifact->name) && !file_is_artifact(f))
            return true;
    return false;
}

static bool any_counts(const struct view *v, const char **ret_why)
{
    *ret_why = "unsigned";
    for (const struct signature *s = v->model->signatures; s; s = s->next) {
        const char *why = signature_lacks(v->demands, s);
        if (!why)
            return true;
        if (s->state != SIGNATURE_UNSIGNED)
            *ret_why = why;
    }
    for (size_t i = 0; i < v->count; i++)
        if (v->files[i]->signature &&
            !signature_lacks(v->demands, v->files[i]->signature))
            return true;
    return false;
}

static void say_signers(struct buffer *b, const struct model *m)
{
    for (const struct signature *s = m->signatures; s; s = s->next)
        if (s->identity.len) {
            buffer_add_text(b, " by ");
            say_quote(b, s->identity);
            if (s->issuer.len) {
                buffer_add_text(b, " of ");
                say_quote(b, s->issuer);
            }
            return;
        }
}

bool signature_violates(const struct view *v, struct buffer *ret_reason)
{
    const char *why;
    if (!v->demands->signature_required)
        return false;
    if (!any_counts(v, &why)) {
        buffer_printf(ret_reason, "its signature is %s", why);
        say_signers(ret_reason, v->model);
    } else {
        size_t i = 0;
        bool any = v->demands->signature_coverage == COVERAGE_ANY;
        while (i < v->count && !any && covered(v, v->files[i]))
            i++;
        if (any || i == v->count)
            return false;
        buffer_add_text(ret_reason, "no accepted signature covers ");
        say_path(ret_reason, v->files[i]->artifact);
    }
    buffer_printf(ret_reason, ", and the %s wants a verified one", noun_of(v->policy));
    say_where(ret_reason, v->scope, POLICY_SIGNATURE_REQUIRED);
    buffer_add_text(ret_reason, ". Ask the publisher for a signature, or list the signer "
                                "if you know it.");
    return true;
}
