/* detail.h: the listings of a pickle stream as facts, for `assay inspect`. */
#ifndef PICKLE_DETAIL_H
#define PICKLE_DETAIL_H

#include "formats/inspector.h"
#include "formats/pickle/machine.h"

/* Read the stream that `m` has read once more and add to its fact (an object, or NULL)
 *
 *   "decompilation": [text], "disassembly": [{offset, opcode, operand, note}],
 *   and "…_dropped": n for what the budget of facts leaves out;
 *
 * the tensors of a PyTorch checkpoint go to the artifact (tensor_facts.h). */
void pickle_detail(struct inspection *in, struct fact *stream,
                   const struct pickle_machine *m);

#endif
