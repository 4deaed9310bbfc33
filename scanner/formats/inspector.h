/* inspector.h: what a format provides, and what it may use.
 *
 * One format, one file, one `const struct inspector NAME_inspector`, one row in
 * core/formats.def.  An inspector is a function of bytes: no I/O, no globals, no clock.
 * It allocates from the artifact's arena, never frees, and decides no verdict.
 * Bytes are touched through struct reader (core/reader.h) only. */
#ifndef INSPECTOR_H
#define INSPECTOR_H

#include "core/artifact.h"
#include "core/budget.h"
#include "core/formats.h"
#include "core/reader.h"

struct pickle_rules; /* formats/pickle/rules.h: the lists of known globals */
struct byte_scanner; /* formats/byte_scan.h */
struct left_out;

/* Told of everything as it happens, so that what was found survives a crash. */
struct observer {
    void *self;
    void (*finding)(void *self, struct artifact *in, const struct finding *f);
    void (*closed)(void *self, struct artifact *a); /* its status and facts are final */
};

struct inspection {
    struct arena *arena;
    struct budget *budget;
    struct artifact *artifact; /* the one being inspected */
    struct span bytes;         /* all of it; not owned */
    const struct pickle_rules *pickle_rules;
    const struct byte_scanner *byte_scanner; /* NULL: no byte rules (tests, fuzzers) */
    struct left_out *left_out; /* of them, in this artifact; inspect_artifact() owns it */
    const struct observer *observer; /* NULL: nobody listens (tests, fuzzers) */
    int spool_fd;                    /* for big expansions (expansion.h); -1: heap only */
    uint64_t spool_used;             /* bytes of the spool in use */
    bool deep;                       /* --depth deep: tensor bulk and CRCs too */
    bool detail; /* assay inspect: tensors, listings and every member become facts */
};

/* NAME: the extension promises this format, the bytes do not show it; counts only where
 * no bytes show another.  BESIDE: there is something to say whatever else the bytes are,
 * and together they are no polyglot (a .keras file is a zip, and more).
 * LIKELY: no magic number, but a trial read succeeds.  MAGIC: the bytes say so. */
enum claim { CLAIM_NONE, CLAIM_NAME, CLAIM_BESIDE, CLAIM_LIKELY, CLAIM_MAGIC };

struct inspector {
    enum format_id format;
    const char *const
        *extensions; /* NULL-terminated, lower case, with the dot; or NULL */
    enum claim (*claim)(const struct inspection *in);
    void (*inspect)(struct inspection *in);
};

extern const struct inspector *const inspectors[FORMAT_COUNT]; /* by format id */

/* Identify in->artifact by its bytes, run every claimant, settle its status. */
void inspect_artifact(struct inspection *in);

/* Inspect a part as an artifact of its own.  `bytes` may lie in the parent or in an
 * expansion that outlives the call.  When nothing in it is worth reporting it is
 * only counted and NULL is returned; past a budget the parent becomes incomplete. */
struct artifact *inspect_member(struct inspection *in, struct span name, uint64_t offset,
                                struct span bytes);

/* The same for a part whose format only its container knows: `read` takes the place of
 * identification and sets inner->artifact->formats. */
struct artifact *inspect_member_as(struct inspection *in, struct span name,
                                   uint64_t offset, struct span bytes,
                                   void (*read)(struct inspection *inner));

/* Report one finding of the artifact under inspection. */
void inspection_finding(struct inspection *in, enum rule_id rule, uint64_t offset,
                        struct span evidence, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same for a rule that is not in rules.def; it must outlive the artifact. */
void inspection_report(struct inspection *in, const struct rule *rule, uint64_t offset,
                       struct span evidence, struct span message);

/* Byte rules need not look at these bytes: they are tensor bulk (and are looked at with
 * --depth deep), or the compressed form of a member.  inspect_member() itself leaves
 * out members that lie in the artifact as they are. */
void inspection_bulk(struct inspection *in, uint64_t offset, uint64_t size);
void inspection_elsewhere(struct inspection *in, uint64_t offset, uint64_t size);

/* It was not understood to its end; what was found stays. */
void inspection_incomplete(struct inspection *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* budget_take(), and incomplete with a reason that names the option when spent. */
bool inspection_spend(struct inspection *in, enum budget_kind kind, uint64_t n);

#endif
