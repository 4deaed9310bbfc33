/* tensors.h: the tensors of a PyTorch checkpoint, from the calls of its pickle.
 *
 *   persistent_load(('storage', torch.FloatStorage, '0', 'cpu', 9408))      a storage
 *   torch._utils._rebuild_tensor_v2(storage, 0, (64, 3, 7, 7), …)           a tensor
 *   torch._utils._rebuild_parameter(tensor, True, …)                        the same one
 *   OrderedDict()['conv1.weight'] = tensor                                  its name
 *
 * A tensor is named by the key that holds it: a name as it stands in a state_dict.
 * Nothing of that is checked here; the numbers are what the stream says. */
#ifndef TORCH_TENSORS_H
#define TORCH_TENSORS_H

#include "formats/inspector.h"
#include "formats/pickle/machine.h"
#include "formats/tensor_facts.h"

struct torch_tensors;

struct torch_tensors *torch_tensors_new(struct inspection *in); /* NULL: no memory */
void torch_tensors_free(struct torch_tensors *t);

/* Of a tar (tar_tensors.h): persistent_load(key) gives this tensor.  `key` and
 * `storage` are texts or numbers; texts of `t` outlive all of this.  After the last one
 * torch_tensors_declared(), before any call. */
void torch_tensors_declare(struct torch_tensors *list, const struct pickle_machine *m,
                           pickle_value key, pickle_value storage,
                           const struct tensor *t);
void torch_tensors_declared(struct torch_tensors *list);

void torch_tensors_call(struct torch_tensors *t, struct pickle_machine *m,
                        const struct pickle_call *call);

/* The stream has ended: note its tensors as facts, in the order of the stream. */
void torch_tensors_note(struct torch_tensors *t, struct pickle_machine *m);

#endif
