/* tar_tensors.h: the tensors of a tar checkpoint, for `assay inspect`.
 *
 * The member `tensors` has their types and shapes by number, `pickle` has the object
 * that names them: an id of persistent_load() is such a number. */
#ifndef TORCH_TAR_TENSORS_H
#define TORCH_TAR_TENSORS_H

#include "formats/inspector.h"

/* Note them as facts of the checkpoint.  Judges nothing: what does not follow the layout
 * ends the list, and tar.c says so.  Either may be empty. */
void torch_tar_tensors(struct inspection *in, struct span tensors, struct span pickle);

#endif
