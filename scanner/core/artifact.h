/* artifact.h: the tree of things that were looked at.
 *
 * The root is a file; its children are what was found inside it (a zip or tar
 * member, a pickle in a bytes literal).  The worker builds the tree while it
 * inspects, the main process rebuilds it from the worker's records with the same
 * functions.  Everything in a tree lives in the root's arena. */
#ifndef ARTIFACT_H
#define ARTIFACT_H

#include "core/fact.h"
#include "core/finding.h"

enum artifact_status {
    STATUS_COMPLETE,   /* understood to its end */
    STATUS_INCOMPLETE, /* malformed, encrypted, over budget, worker died, not read yet */
    STATUS_SKIPPED,    /* no inspector claims it and nothing suggests a model */
    STATUS_FAILED,     /* could not be read at all */
    STATUS_COUNT
};

enum { NAME_MAX_BYTES = 4096, REASON_MAX = 512 };

struct artifact {
    struct arena *arena; /* the root's; not owned here */
    struct artifact *parent, *first, *last, *next, *previous;
    struct span name;      /* inside the parent; of a root: path as scanned.  Raw bytes */
    uint64_t offset, size; /* offset in the parent, 0 for a root */
    uint64_t formats;      /* bits: enum format_id of core/formats.h */
    bool executes;         /* a pickle machine read it, or loading it runs code */
    enum artifact_status status;
    struct span reason; /* why it is not complete; the first reason wins */
    struct finding_list findings;
    struct fact *facts;     /* NULL when there are none */
    uint64_t members_total; /* children met, also those that were dropped */
    uint32_t id;            /* on the wire; 0 for the root */
    bool announced;         /* the worker has sent it */
};

struct artifact *artifact_new(struct arena *arena, struct span name, uint64_t size);

/* A child at the end of parent's list; counts in parent->members_total. */
struct artifact *artifact_child(struct artifact *parent, struct span name,
                                uint64_t offset, uint64_t size);

/* Take the last child off again, when nothing worth reporting was found in it. */
void artifact_drop_last(struct artifact *parent);

/* Lower the status: complete < skipped < incomplete < failed; never raises it. */
void artifact_lower(struct artifact *a, enum artifact_status status, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* Is there anything to say about a member, or is it enough to have counted it? */
bool artifact_worth_reporting(const struct artifact *a);

/* The facts' root, made on first use; NULL when memory is short. */
struct fact *artifact_facts(struct artifact *a);

const char *status_name(enum artifact_status s);

/* Names from the root down to `a`, joined with '!': "model.pt!archive/data.pkl".  Raw
 * bytes, for sentences; reports escape each name on its own. */
void artifact_path(const struct artifact *a, struct buffer *out);

/* Over the whole tree: the worst status, the first part that has it (its reason says
 * why), and depth-first order for readers. */
enum artifact_status artifact_worst(const struct artifact *a);
const struct artifact *artifact_worst_part(const struct artifact *root);
const struct artifact *
artifact_walk(const struct artifact *root,
              const struct artifact *current); /* NULL at the end */

#endif
