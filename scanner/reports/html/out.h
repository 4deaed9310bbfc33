/* out.h: the small parts of the HTML report (html.c).
 *
 * Markup is ours and goes out with html_raw() and html_format(), which therefore take
 * nothing that came from a model; everything else goes through the words of `t`, which
 * hold the notation of escape.h, and html_words(), which makes it inert. */
#ifndef HTML_OUT_H
#define HTML_OUT_H

#include "reports/report.h"
#include "reports/text/out.h"

struct html {
    FILE *out;
    const struct result *r;
    const struct report_options *o;
    struct text_out t;         /* for its words only */
    const struct rule **rules; /* that were met, worst first; see html_meet_rules() */
    size_t rule_count;
};

/* Models with a section of their own: more make a page that no browser likes. */
enum { HTML_SECTIONS_MAX = 1000 };

void html_raw(const struct html *h, const char *markup);
void html_format(const struct html *h, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write the words collected in h->t, as text or as the value of a quoted attribute, and
 * clear them. */
void html_words(struct html *h);
void html_code(struct html *h); /* the same in <code>; nothing when there are none */

void html_text(struct html *h, const char *text);
void html_bytes(struct html *h, struct span hostile);     /* cut when it is very long */
void html_evidence(struct html *h, struct span evidence); /* says when a finding cut it */
void html_size(struct html *h, uint64_t bytes);

/* <span class="badge CLASS">WORD</span>; both are ours */
void html_badge(const struct html *h, const char *class, const char *word);
void html_verdict(const struct html *h, enum verdict v);
void html_severity(const struct html *h, enum severity s);
void html_trust(const struct html *h, enum trust t);

/* "models/bert/model.pt!archive/data.pkl" in <code>; `a` may be NULL: the file */
void html_place(struct html *h, const struct model *m, const struct file *f,
                const struct artifact *a);

/* Prose of our own rule pages: paragraphs, `code`, the text of [links](…). */
void html_prose(struct html *h, struct span markdown);

/* -- the parts of the page ------------------------------------------------------- */

struct decision;
struct spots;

/* The style sheet, the script and the policy that allows just these two; false when
 * OpenSSL failed. */
bool html_head_assets(const struct html *h);

void html_charts(struct html *h, const struct decision *d);

/* The name of the model that is called m1, m2, …; a link when it has a section. */
void html_model_link(struct html *h, const struct model *m, size_t number);

/* `models` in the order of decision_order(); each is called m1, m2, … as they stand
 * there, and so are the links of both tables.  False when memory is short. */
void html_model_table(struct html *h, const struct model *const *models, size_t count);
bool html_finding_table(struct html *h, const struct model *const *models, size_t count,
                        const struct spots *s);

bool html_model(struct html *h, const struct model *m, size_t number, bool open);
void html_provenance(struct html *h, const struct model *m);
void html_integrity(struct html *h, const struct model *m);
bool html_findings(struct html *h, const struct model *m);

/* Which rules were met: fills h->rules, which the caller frees.  Then the link to a rule
 * by its title, and a section on each of them, made from its page. */
bool html_meet_rules(struct html *h, const struct spots *s);
void html_rule_link(struct html *h, const struct rule *rule);
void html_rules(struct html *h);

#endif
