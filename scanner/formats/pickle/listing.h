/* listing.h: a pickle stream as text, for people (`assay inspect`).
 *
 * One run of the machine gives both listings side by side.  Texts are escaped as
 * Python's repr() does; what is deep or long is cut to "...".  Nothing is judged here. */
#ifndef PICKLE_LISTING_H
#define PICKLE_LISTING_H

#include "formats/pickle/machine.h"

/* One instruction: offset, name, operand, and what the machine made of it:
 *     34  STACK_GLOBAL               # os.system
 *     44  REDUCE                     # v44 = os.system('id')             */
struct pickle_line {
    size_t offset;
    const char *opcode;  /* "" where the stream cannot be read on */
    struct span operand; /* as text; may be empty */
    struct span note;    /* may be empty */
};

struct pickle_listener {
    void *self;
    void (*line)(void *self, const struct pickle_line *line);
    /* The stream as Python-like statements, constants folded:
     *     import os  # system
     *     v44 = os.system('id')        # vN: the result of the call at offset N
     *     return [1, v44]
     * The last one is a comment when the stream breaks. */
    void (*statement)(void *self, struct span text);
    /* Every call, before its statement; NULL: not wanted. */
    void (*call)(void *self, struct pickle_machine *m, const struct pickle_call *call);
    /* When the stream has ended, while its values are still known; or NULL. */
    void (*ended)(void *self, struct pickle_machine *m);
};

/* List the stream at `start`, at most so many instructions of it.  joblib: as joblib.load
 * reads it, which skips the bytes of arrays.  False only when memory is short. */
bool pickle_list(struct span bytes, size_t start, bool joblib, uint64_t most,
                 const struct pickle_listener *to);

#endif
