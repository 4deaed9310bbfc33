/* compare.h: what changed between two results.
 *
 * Models are the same by their identity, files by their path, findings by their
 * fingerprint: an offset that moved or a rule rated anew is no change of a finding. */
#ifndef COMPARE_H
#define COMPARE_H

#include "reports/report.h"
#include "reports/spots.h"

struct model_change {
    const struct model *before, *after; /* NULL: not there, on one side at most */
    struct spots was, is;               /* their findings, worst first */
    bool *fixed, *fresh; /* of each in `was`: is gone; in `is`: was not there */
    size_t fixed_count, fresh_count, same_count;
    size_t files_added, files_gone, files_changed;
    bool differs;
};

struct comparison {
    const struct result *before, *after;
    struct model_change *models;        /* ordered by identity */
    size_t count, added, gone, changed; /* models */
    size_t fixed, fresh, same;          /* findings */
    bool differs;
};

/* False when out of memory.  The results must outlive *ret; comparison_free() it. */
bool compare(const struct result *before, const struct result *after,
             struct comparison *ret);
void comparison_free(struct comparison *c);

/* Both files of a path, the next in order; starts as { 0 }.  False past the last. */
struct file_pair {
    const struct file *before, *after, *next_before, *next_after;
    bool begun;
};
bool file_pair_next(const struct model_change *m, struct file_pair *p);
bool file_pair_differs(const struct file_pair *p); /* other bytes, size or status */

/* The signature of a model that says most: verified, else invalid, else the first; NULL:
 * none.  Who signed counts as a change too. */
const struct signature *comparison_signature(const struct model *m);
bool comparison_signature_differs(const struct model_change *m);

/* report_write_function: `self` is a struct comparison_report. */
struct comparison_report {
    const struct comparison *comparison;
    const struct report_options *options;
};
report_write_function comparison_write_text, comparison_write_json;

#endif
