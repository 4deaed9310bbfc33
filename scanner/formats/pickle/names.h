/* names.h: Python 2 names, which unpicklers rename below protocol 3. */
#ifndef PICKLE_NAMES_H
#define PICKLE_NAMES_H

#include "core/span.h"

/* True when the pair has another name in Python 3. */
bool pickle_python3_name(struct span module, struct span name, struct span *ret_module,
                         struct span *ret_name);

#endif
