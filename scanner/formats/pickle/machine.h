/* machine.h: an abstract pickle machine (DESIGN section 7).
 *
 * It executes a stream as CPython's unpicklers would, the C one and the Python one
 * together: where one fails and the other goes on, it goes on.  Nothing is imported or
 * called; every import, call and write is told to a sink when it happens, in order, so
 * also when the result is popped or the stream breaks later.  One machine reads the
 * streams of one artifact; the globals that they imported stay known.  Its bytes must
 * outlive it. */
#ifndef PICKLE_MACHINE_H
#define PICKLE_MACHINE_H

#include "core/arena.h"
#include "formats/pickle/decode.h"
#include "formats/pickle/event.h"
#include "formats/pickle/places.h"
#include "formats/pickle/store.h"

struct dtype_table;
struct extension_table;

struct pickle_machine {
    struct span bytes;
    struct arena *arena; /* names that had to be decoded */
    const struct pickle_rules *rules;
    const struct pickle_sink *sink;

    /* How to run; set by the caller. */
    uint64_t max_instructions;
    bool joblib;      /* array bytes follow a NumpyArrayWrapper, as for joblib.load */
    unsigned reading; /* of enum pickle_reading, added up */
    size_t line_max;  /* give up on longer lines; 0: never */
    bool strict; /* give up on names that no file of ours would have (identification) */

    /* Where the last run began and ended. */
    size_t start, end; /* end: behind STOP, or where it could not go on */
    size_t reach;      /* how far it has looked */
    enum pickle_end status;
    const char *reason; /* of MALFORMED and LIMIT */
    uint8_t protocol;
    uint64_t instructions;
    pickle_value result;   /* of STOP */
    size_t wrapper_offset; /* of the first array wrapper that was built, or SIZE_MAX */
    unsigned disputed; /* readings in which this run would have gone another way … */
    size_t fork;       /* … and from where on; SIZE_MAX when none would */
    size_t textless;   /* where the last instruction with a text ended */

    /* State of the run. */
    pickle_value *stack;
    size_t depth, capacity, fence;
    size_t *marks;
    size_t mark_count, mark_capacity;
    struct pickle_memo memo;
    struct pickle_store store;
    struct pickle_places places;
    size_t frame_end;                  /* SIZE_MAX: no frame is open */
    struct pickle_instruction *pieces; /* framed: instructions that lie in two places */
    size_t piece_count;
    struct span *big_indexes; /* memo indexes beyond 64 bits, which Python allows */
    size_t big_index_count;
    struct buffer scratch[2]; /* decoded names */

    struct pickle_global *globals; /* from [1]; index 0 is none */
    uint32_t global_count, global_capacity;
    uint32_t *global_slots;
    size_t global_slot_count;
    struct extension_table *extensions; /* what the streams put into copyreg's registry */
    struct dtype_table *dtypes;         /* numpy dtypes, for array wrappers */
};

struct pickle_machine *pickle_machine_new(struct span bytes, struct arena *arena,
                                          const struct pickle_rules *rules,
                                          const struct pickle_sink *sink);
void pickle_machine_free(struct pickle_machine *m); /* NULL is fine */

/* Other bytes, all else forgotten but the memory in use (for many small inputs). */
void pickle_machine_reuse(struct pickle_machine *m, struct span bytes,
                          struct arena *arena);
/* Execute the stream at `start`; m->end is where it stopped. */
enum pickle_end pickle_machine_run(struct pickle_machine *m, size_t start);
/* Is there another way to read it?  `disputed`: by any run so far.  Sets m->reading. */
bool pickle_machine_next_reading(struct pickle_machine *m, unsigned disputed);
const struct pickle_global *pickle_global(const struct pickle_machine *m,
                                          pickle_value v); /* of a value with a global */

/* The instruction that pushed a literal. */
bool pickle_instruction_of(const struct pickle_machine *m, pickle_value v,
                           struct pickle_instruction *ret);
/* The bytes of a STR (in UTF-8) or BYTES: in the input, or decoded into `scratch`. */
struct span pickle_text(const struct pickle_machine *m, pickle_value v,
                        struct buffer *scratch);
bool pickle_is_text(const struct pickle_machine *m, pickle_value v, const char *text);
/* The elements of a tuple or list: false when v is none or they are forgotten. */
bool pickle_items(const struct pickle_machine *m, pickle_value v, pickle_value *ret,
                  size_t max, size_t *ret_n);
/* Without the place of the copy of joblib that scikit-learn brought up to 0.20. */
struct span joblib_module(struct span module);

#endif
