/* model.h: one model in the text report: why, where from, whose bytes, what runs
 * code, what to do. */
#ifndef TEXT_MODEL_H
#define TEXT_MODEL_H

#include "core/result.h"
#include "reports/text/out.h"

struct verdict_word {
    const char *word;
    enum style style;
};
struct verdict_word text_verdict(enum verdict v);

void text_model_name(struct text_out *t, const struct model *m);

/* All about a model; findings below min_severity are counted only.  `brief`: nothing
 * but the reasons and the origin, when nothing was found in it and all was read. */
void text_model(struct text_out *t, const struct model *m, enum severity min_severity,
                bool brief);

/* Trust, origins and the checks of the origin; digests and signatures. */
void text_provenance(struct text_out *t, const struct model *m);
void text_integrity(struct text_out *t, const struct model *m);

/* 0: a digest contradicts, 1: one agrees, 2: there is nothing to compare with. */
int text_integrity_rank(const struct file *f);

/* Does it have findings, of any severity? */
bool text_model_has_findings(const struct model *m, enum severity *ret_worst);

/* Its findings and what to do about them: the second half of text_model(). */
void text_findings(struct text_out *t, const struct model *m, enum severity least);

/* The first finding of the worst severity, of those that count if any does; NULL when
 * there is none. */
const struct finding *text_model_worst(const struct model *m);

const char *text_basis(enum basis b); /* "declared by the target itself, …" */

/* Is some other member of the set of formats a refinement of this one? */
bool text_format_refined(uint64_t set, int id);

void text_name(struct text_out *t, struct span name); /* cut when it is very long */
/* "m.pt!data.pkl": without the directories that the name of the model says already;
 * `m` may be NULL. */
void text_path(struct text_out *t, const struct model *m, const struct artifact *a);
void text_evidence(struct text_out *t, struct span evidence); /* cut when it is long */
void text_size(struct text_out *t, uint64_t bytes);           /* "1.2 MiB" */
const char *text_plural(uint64_t n);                          /* "s" or "" */

#endif
