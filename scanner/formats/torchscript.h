/* torchscript.h: what the source text inside a TorchScript archive calls.
 *
 * code/ in the archive holds a subset of Python that torch.jit.load compiles.  It can
 * call only registered operators, written torch.NAME(...) or ops.NAMESPACE.NAME(...);
 * a few of those read or write files (CVE-2025-32434). */
#ifndef TORCHSCRIPT_H
#define TORCHSCRIPT_H

#include "core/span.h"

enum torchscript_call { TORCHSCRIPT_DANGEROUS, TORCHSCRIPT_CUSTOM };

/* Called once for each such operator in the text, in order. */
typedef void torchscript_report(void *self, enum torchscript_call kind, size_t offset,
                                struct span name);

void torchscript_scan(struct span text, torchscript_report *report, void *self);

#endif
