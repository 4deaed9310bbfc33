/* storage.h: the element types of PyTorch's storages, by the names of their
 * classes in a checkpoint. */
#ifndef TORCH_STORAGE_H
#define TORCH_STORAGE_H

#include "core/span.h"

/* Bytes of one element: 4 for "FloatStorage"; 0 for what is no storage type. */
uint64_t torch_element_size(struct span class_name);

/* The dtype as PyTorch spells it: "float32"; NULL for what is no storage type, and for
 * an untyped one. */
const char *torch_dtype(struct span class_name);

#endif
