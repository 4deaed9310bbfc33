/* tar.h: which members of a tar checkpoint tar.c reads instead of tar.c. */
#ifndef TORCH_TAR_H
#define TORCH_TAR_H

#include "core/span.h"

bool torch_tar_reads(struct span member);

#endif
