/* run.h: the parts of the pickle machine to one another; nobody else includes it.
 *
 * Each returns false when the run ends here: m->status and m->reason are then set. */
#ifndef PICKLE_RUN_H
#define PICKLE_RUN_H

#include "formats/pickle/machine.h"

bool run_fails(struct pickle_machine *m, const char *reason); /* MALFORMED; false */
bool run_limit(struct pickle_machine *m, const char *reason); /* LIMIT; false */
bool run_push(struct pickle_machine *m, pickle_value v);

/* Does the part of the stack above the last mark hold n values? */
bool run_has(const struct pickle_machine *m, size_t n);

/* Take the last mark off: *ret_base is the index of the first value above it. */
bool run_mark(struct pickle_machine *m, size_t *ret_base);

/* import.c: names */
bool run_global(struct pickle_machine *m, const struct pickle_instruction *i);
bool run_stack_global(struct pickle_machine *m, const struct pickle_instruction *i);
/* Import by two values; one that is no literal makes the name a computed one. */
bool run_import(struct pickle_machine *m, pickle_value module, pickle_value name,
                size_t offset, pickle_value *ret);
/* getattr(object, name) folded to a global; 0 when it cannot be. */
pickle_value run_attribute(struct pickle_machine *m, pickle_value object,
                           pickle_value name, size_t offset);
/* Is v the name of a built-in type that holds data ("slice", "dict")? */
bool run_names_data_type(const struct pickle_machine *m, pickle_value v);
/* The built-in type of that name, as if it had been imported; 0 when it is none. */
pickle_value run_builtin(struct pickle_machine *m, pickle_value name, size_t offset);
/* "name" or "package.module" + "name", as resolved */
bool run_is(const struct pickle_machine *m, pickle_value v, const char *module,
            const char *name);

/* extension.c: copyreg's registry of extension codes */
bool run_extension(struct pickle_machine *m, const struct pickle_instruction *i);
/* What a call of `callee` with these arguments does to it: nothing, mostly. */
bool run_registry_call(struct pickle_machine *m, pickle_value callee,
                       const pickle_value *args, size_t n);
/* And target[key] = value for n/2 pairs. */
bool run_registry_items(struct pickle_machine *m, pickle_value target,
                        const pickle_value *items, size_t n);
void extensions_reset(struct pickle_machine *m);
void extensions_free(struct pickle_machine *m);

/* call.c: everything that can run code */
bool run_reduce(struct pickle_machine *m, const struct pickle_instruction *i);
bool run_inst(struct pickle_machine *m, const struct pickle_instruction *i);
bool run_obj(struct pickle_machine *m, const struct pickle_instruction *i);
bool run_newobj(struct pickle_machine *m, const struct pickle_instruction *i);
bool run_build(struct pickle_machine *m, const struct pickle_instruction *i,
               struct reader *r);
bool run_append(struct pickle_machine *m, size_t offset, size_t base, bool to_set);
bool run_setitems(struct pickle_machine *m, size_t offset, size_t base);
bool run_persistent(struct pickle_machine *m, size_t offset, pickle_value id);

/* joblib.c: raw array bytes in the stream */
void joblib_reset(struct pickle_machine *m);
void joblib_free(struct pickle_machine *m);
void joblib_dtype_called(struct pickle_machine *m, pickle_value result,
                         pickle_value args);
void joblib_dtype_built(struct pickle_machine *m, pickle_value dtype, pickle_value state);
/* Is this state of that numpy dtype one that NumPy writes?  With another one it takes the
 * bytes of an array for addresses of objects, or writes behind it. */
bool joblib_dtype_sound(const struct pickle_machine *m, pickle_value dtype,
                        pickle_value state);
/* Has an array that gets this state as many objects as its shape says?  NumPy does not
 * count them.  True when nobody can tell. */
bool joblib_array_sound(const struct pickle_machine *m, pickle_value state);
/* Without the place of the copy of joblib that scikit-learn brought up to 0.20. */
struct span joblib_module(struct span module);
bool joblib_is_wrapper(const struct pickle_machine *m, pickle_value v);
/* Skip what follows the wrapper; false when the run must end. */
bool joblib_skip(struct pickle_machine *m, pickle_value state, struct reader *r);

#endif
