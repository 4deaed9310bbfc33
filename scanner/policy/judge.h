/* judge.h: the clauses of a policy against one model; inside policy/ only.
 *
 * Files fall under the policy itself or under the first override that matches them; a
 * view is a model with those of its files that fall under one scope.  Demands on the
 * model as a whole (its trust, its license …) must hold in every scope that one of its
 * files falls under, so that no file can lower what is asked for another. */
#ifndef JUDGE_H
#define JUDGE_H

#include "policy/demands.h"

struct view {
    const struct policy *policy;
    const struct scope *scope;
    const struct demands *demands; /* of the scope */
    const struct model *model;
    const struct file *const *files;
    size_t count;
    bool artifacts;     /* one of the files at least is a model artifact */
    const char *excuse; /* a suppression that no longer counts, as a sentence; or NULL */
};

/* Does the model break it?  Then the reason: evidence, clause, next step. */
typedef bool clause(const struct view *v, struct buffer *ret_reason);

clause findings_violate; /* judge_findings.c */
clause trust_violates;   /* judge_origin.c */
clause source_violates;  /* sources and registries */
clause people_violate;   /* authors and organizations */
clause revision_violates;
clause license_violates;
clause age_violates;
clause checks_violate;
clause unallowed_format; /* judge_files.c */
clause hash_violates;
clause signature_violates;
clause incomplete; /* whether it counts as a violation, the judge decides */

/* One name of formats.deny, so that each gives a reason of its own. */
bool denied_format(const struct view *v, const char *denied, struct buffer *ret_reason);

bool file_is_artifact(const struct file *f); /* not skipped */
bool file_is_incomplete(const struct file *f);
bool format_is(const struct artifact *a, const char *name); /* or of that family */

/* An origin that counts: stated, signed or fetched, or declared and accepted. */
bool origin_counts(const struct policy *p, const struct model *m);
/* "huggingface:org/model", onto `out`; nothing when no registry is known. */
void origin_source(const struct origin *o, struct buffer *out);

/* suppress.c: which scope a file falls under; marks findings that do not count, adds
 * warnings.  The sentence about the first suppression of a model that no longer counts
 * goes to `ret_excuse`. */
size_t scope_of(const struct policy *p, const struct model *m, const struct file *f);
struct suppression_use {
    uint64_t used, expired, changed, unsafe;
};
void suppress(const struct policy *p, struct result *r, struct model *m,
              struct suppression_use *uses, struct buffer *ret_excuse);
void suppress_warn(const struct policy *p, struct result *r,
                   const struct suppression_use *uses);

/* ---- sentences (sentence.c) -------------------------------------------------------- */

enum { EVIDENCE_SHOWN = 5, SENTENCE_MAX = 64 << 10 };

const char *plural(uint64_t n);
const char *noun_of(const struct policy *p);        /* "gate" or "policy" */
void say_quote(struct buffer *b, struct span text); /* cut, never inside UTF-8 */
void say_path(struct buffer *b, const struct artifact *a);
void say_levels(struct buffer *b, unsigned set); /* "high, medium or internal" */
void say_texts(struct buffer *b, texts list);    /* "MIT, Apache-2.0 or 3 more" */
void say_origin(struct buffer *b, const struct model *m);
/* " (formats.deny, prod.json:9)" for what a file says; nothing for gates. */
void say_where(struct buffer *b, const struct scope *s, enum policy_key key);

#endif
