/* baseline.h: findings that are known, so that a gate looks at new ones only.
 *
 * A file of fingerprints (core/fingerprint.h) with the sha256 of the file that each was
 * found in.  A critical finding is known only in the very same bytes.  Everything is
 * still reported. */
#ifndef BASELINE_H
#define BASELINE_H

#include "core/result.h"

struct baseline;

/* NULL with ERROR_CONFIG and file:line when it is none. */
struct baseline *baseline_read(const char *path, struct error *error);
void baseline_free(struct baseline *b); /* NULL is fine */
const char *baseline_path(const struct baseline *b);

/* `f` may be NULL, for a finding of a model as a whole. */
bool baseline_knows(const struct baseline *b, const struct finding *finding,
                    const struct artifact *a, const struct file *f, struct span identity);

#endif
