/* result.h: everything one scan found out, between the engine that fills it, the
 * policy that judges it and the reports that print it.
 *
 * Texts typed `const char *` are ours; spans may be hostile and are raw.  A model
 * and its files own one arena each; result_free() gives all of it back. */
#ifndef RESULT_H
#define RESULT_H

#include "core/artifact.h"
#include "core/error.h"
#include "core/provenance.h"

struct file {
    struct artifact *artifact; /* its name is the path, relative to the target */
    struct arena *arena;
    struct span sha256; /* lower-case hex; empty when it could not be read */
    struct expectation *expected;
    struct metadata *metadata;         /* what the registry says of this file */
    const struct signature *signature; /* that vouches for these bytes; NULL: none */
    bool shared; /* another model has it too, and counts it and owns its arena */
    struct file *next;
};

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCOMPLETE, VERDICT_EMPTY };
const char *verdict_name(enum verdict v);

struct reason {
    struct span text; /* a plain sentence */
    struct reason *next;
};

struct model {
    struct arena *arena;
    struct span target;   /* as the operator named it */
    struct span identity; /* the unit: target, or a path inside it, or name@revision */
    struct origin origin; /* the first claim; basis NONE: nobody says */
    enum trust trust;     /* effective */
    struct metadata *metadata;       /* what the registry says */
    struct provenance_check *checks; /* in the registry file's order */
    struct signature *signatures;
    struct finding_list findings; /* of the model as a whole: trust/…, integrity/… */
    struct file *files, *last_file; /* ordered by path */
    enum verdict verdict;
    struct reason *reasons, *last_reason; /* what the verdict rests on; set by policy */
    struct model *next;
};

struct scan_error {
    struct span target;
    enum error_code code;
    struct span message;
    bool retryable;
    struct scan_error *next;
};

struct summary {
    uint64_t models, files[STATUS_COUNT], findings[SEVERITY_COUNT], bytes;
};

struct result {
    struct arena *arena;
    struct model *models, *last_model; /* ordered by target, then identity */
    struct scan_error *errors, *last_error;
    struct summary summary;
    const char *gate;                     /* name of the gate or policy that judged */
    const char *policy_digest;            /* sha256 of the policy file; NULL: built in */
    enum severity fail_on;                /* findings this bad or worse violate it */
    struct reason *clauses, *last_clause; /* all that it demands, in plain words */
    struct reason *warnings, *last_warning; /* suppressions that no longer do anything */
    enum verdict verdict;
    int exit_code;
    struct {                 /* volatile: kept out of everything that is compared */
        const char *sandbox; /* "seccomp+landlock6", "seccomp", "off" */
        int64_t started;     /* seconds since 1970 */
        double seconds;
        unsigned jobs;
    } run;
    const char *rules_digest; /* sha256 over the rule tables and lists in use */
    const char *version;      /* of the Assay that scanned; NULL: this one */
};

struct result *result_new(void); /* NULL when out of memory */
void result_free(struct result *r);
struct model *result_add_model(struct result *r, struct span target,
                               struct span identity);
struct model *result_add_empty_model(struct result *r, size_t room); /* of its arena */
void result_add_error(struct result *r, struct span target, const struct error *e,
                      bool retryable);
void model_add_file(struct model *m, struct file *f); /* takes over f and its arena */
bool model_share_file(struct model *m, const struct file *f); /* of another model */
void model_add_reason(struct model *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void model_add_reason_text(struct model *m, struct span text); /* any bytes; copied */
void result_add_clause(struct result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void result_add_warning(struct result *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void result_count(struct result *r); /* fills summary from models and files */

#endif
