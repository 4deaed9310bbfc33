/* wire.h: the records in which a confined child tells what it found.
 *
 * A record is {type u8, length u32, payload}, little endian, in a pipe of its own for
 * each file.  Records of an artifact begin with {id u32, formats u64, executes u8},
 * what is known of it by then.  The root is known as id 0; children get 1, 2, 3 ...
 *
 *   ARTIFACT  head, parent u32, offset u64, size u64, name       before all else of it
 *   FINDING   head, offset u64, rule {length u8, id}, message {length u16, text},
 *             evidence
 *   FACT      id u32, depth u8, type u8, name {length u8, text}, value:
 *             text as it is, u64, u8 or nothing.  Depth first; the root is depth 0
 *   CLOSED    head, status u8, members u64, dropped u64, worst u8, reason.
 *             Nothing more about this artifact
 *   END       nothing.  Everything is closed; the file has been inspected
 *
 * Names of facts are letters, digits, '_', '-' and '.', for reports print them as they
 * are.  The reading side trusts none of it: a record that breaks a rule ends the file. */
#ifndef WIRE_H
#define WIRE_H

#include "core/budget.h"
#include "formats/inspector.h"
#include "worker/rule_table.h"

enum wire_type { WIRE_ARTIFACT = 1, WIRE_FINDING, WIRE_FACT, WIRE_CLOSED, WIRE_END };

enum {
    WIRE_RECORD_MAX = 8 << 10,  /* payload of one */
    WIRE_TOTAL_MAX = 256 << 20, /* bytes of one file's records */
    WIRE_NAMES = 64             /* different ones of facts, that are kept once */
};

bool wire_plain_name(struct span name); /* fit for a fact */

/* The child's side: the observer of an inspection.  An artifact is sent, after its
 * ancestors, when there is something to say about it.  A finding is written at once,
 * so that a crash cannot take it back; the rest is gathered. */
struct wire_encoder {
    int fd;
    uint32_t last_id;
    struct buffer gathered;
    size_t start; /* of the record being written */
    bool failed;  /* nobody reads, or no memory: say no more */
};

void wire_encoder_init(struct wire_encoder *e, int fd); /* fd: not owned */
void wire_encoder_free(struct wire_encoder *e);
struct observer wire_observer(struct wire_encoder *e);
bool wire_encoder_end(struct wire_encoder *e); /* false when records are missing */

/* The parent's side: rebuilds the tree in the root's arena. */
enum wire_outcome { WIRE_MORE, WIRE_ENDED, WIRE_MALFORMED, WIRE_NO_MEMORY };

struct wire_entry {
    struct artifact *artifact;
    uint64_t depth;
    bool closed;
};

struct wire_decoder {
    struct wire_entry *known; /* by id */
    size_t count, capacity;
    uint64_t bytes;                        /* decoded so far */
    uint64_t members_max, depth_max;       /* from the budget */
    struct fact *open[FACT_DEPTH_MAX + 1]; /* the path to the latest fact */
    uint32_t facts_of;                     /* whose it is */
    const char *names[WIRE_NAMES];         /* of facts, each copied once */
    size_t name_count;
    const struct rule_table *loaded; /* rules beside rules.def; NULL: none */
    const struct rule **kept; /* of those, copied into the root's arena; by index */
    enum wire_outcome outcome;
};

/* Nothing is owned but memory of its own; root outlives the decoder. */
bool wire_decoder_init(struct wire_decoder *d, struct artifact *root,
                       const struct budget *budget);
void wire_decoder_free(struct wire_decoder *d);

/* Decode the whole records at the start of bytes and say how many bytes they took.
 * WIRE_MORE: the rest is the beginning of a record.  Any other outcome is final. */
enum wire_outcome wire_decode(struct wire_decoder *d, struct span bytes,
                              size_t *ret_taken);

/* No more will come: whatever has not been closed, or all when the records were
 * malformed, is incomplete for this reason. */
void wire_decoder_abandon(struct wire_decoder *d, const char *reason);

#endif
