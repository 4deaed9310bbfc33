/* pickle_listing.h: a pickle stream as text, for people (`assay inspect`).
 *
 * Lines come one by one, without a newline, escaped as Python's repr() does; what is
 * deep or long is cut.  Nothing is judged here. */
#ifndef PICKLE_LISTING_H
#define PICKLE_LISTING_H

#include "formats/pickle_machine.h"

typedef void pickle_line(void *self, struct span text);

/* "offset  OPCODE  argument" for each instruction from `start` to its STOP, or to the
 * first that cannot be read.  Gives the offset behind the last one. */
size_t pickle_disassemble(struct span bytes, size_t start, pickle_line *line, void *self);

/* The same stream as Python-like statements, constants folded:
 *     from os import system
 *     v34 = os.system('id')        # vN: the result of the call at offset N
 *     return [1, v34]
 * The last line says so when the stream breaks.  Gives where it ended; false only when
 * memory is short. */
bool pickle_decompile(struct span bytes, size_t start, pickle_line *line, void *self,
                      size_t *ret_end);

#endif
