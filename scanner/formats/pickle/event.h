/* event.h: what a pickle machine tells while it runs (machine.h).
 *
 * Events come when they happen, in the order of the stream; spans in them point into
 * the input or live as long as the machine. */
#ifndef PICKLE_EVENT_H
#define PICKLE_EVENT_H

#include "formats/pickle/rules.h"
#include "formats/pickle/value.h"

struct pickle_machine;

enum pickle_end {
    PICKLE_STOPPED,   /* STOP */
    PICKLE_TRUNCATED, /* the input ends before STOP */
    PICKLE_MALFORMED, /* every unpickler fails here */
    PICKLE_SPENT,     /* max_instructions executed */
    PICKLE_LIMIT      /* memory, or a table, is full */
};

struct pickle_global {
    struct span module, name;         /* as resolved; a computed part is "?" */
    struct span raw_module, raw_name; /* as written in the stream */
    uint64_t offset;                  /* of its first import */
    bool computed;                    /* a part of the name is no literal */
    bool dotted;                      /* an attribute chain (protocol 4 and up) */
    bool attribute;                   /* made by getattr(), not imported as such */
    struct pickle_verdict verdict;    /* the worse of both names */
    uint32_t imports, calls, writes;  /* how often; saturating */
    uint32_t mentioned, stream;       /* the judge's own marks */
};

enum pickle_call_kind {
    CALL_REDUCE,
    CALL_INST,
    CALL_OBJ,
    CALL_NEWOBJ,
    CALL_NEWOBJ_EX,
    CALL_BUILD,     /* callee: the object; args: its state */
    CALL_APPEND,    /* callee: no list; items: what is appended */
    CALL_ADD,       /* callee: no set */
    CALL_SETITEM,   /* callee: no dict; items: key, value, … */
    CALL_PERSISTENT /* args: the id */
};

struct pickle_call {
    enum pickle_call_kind kind;
    size_t offset;
    pickle_value callee, args, keywords;
    const pickle_value *items; /* valid during the report */
    size_t count;
};

enum pickle_anomaly {
    ANOMALY_COMPUTED_NAME, /* STACK_GLOBAL on something that is no literal */
    ANOMALY_EXTENSION,     /* EXT1, EXT2, EXT4 */
    ANOMALY_PROTOCOL,      /* the protocol changes in mid-stream */
    ANOMALY_OVERWRITTEN,   /* an import by a text whose memo slot was overwritten */
    ANOMALY_HUGE_MEMO,     /* a memo index that makes a loader allocate */
    ANOMALY_HUGE_LENGTH,   /* a length that makes a loader allocate */
    ANOMALY_FRAME          /* an instruction crosses the end of its frame */
};

struct pickle_sink {
    void *self;
    void (*import)(void *self, struct pickle_machine *m, uint32_t global, size_t offset);
    void (*call)(void *self, struct pickle_machine *m, const struct pickle_call *call);
    void (*anomaly)(void *self, struct pickle_machine *m, enum pickle_anomaly what,
                    size_t offset);
    /* A dict gets these items: key, value, …; NULL: not wanted. */
    void (*items)(void *self, struct pickle_machine *m, const pickle_value *items,
                  size_t n);
    /* Bytes or text of at least PICKLE_LITERAL_MIN bytes; NULL: not wanted. */
    void (*literal)(void *self, struct pickle_machine *m, pickle_value literal,
                    struct span bytes);
    /* Raw bytes, from `offset` to `end`, that are no instructions: an array of joblib's;
     * NULL: not wanted. */
    void (*skipped)(void *self, struct pickle_machine *m, size_t offset, size_t end);
    /* A long run of instructions none of which has a line, text or bytes: numbers of at
     * most 8 bytes, and what makes containers of them.  Only where all readings of the
     * stream agree; NULL: not wanted. */
    void (*textless)(void *self, struct pickle_machine *m, size_t offset, size_t end);
};
enum { PICKLE_LITERAL_MIN = 10, PICKLE_TEXTLESS_MIN = 4096 };

#endif
