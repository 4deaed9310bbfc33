/* jobs.h: the scan's files, worked off by threads that own one worker each.
 *
 * A job is one file: hashed here and inspected in the worker, on one descriptor.
 * Order of completion is nobody's business: results stay in the order of the jobs. */
#ifndef JOBS_H
#define JOBS_H

#include "core/digest.h"
#include "engine/scan.h"

struct job {
    const struct source_list *list;
    const struct source_file *source;
    struct file *file;   /* the result: always set when jobs_run() returns true */
    struct model *model; /* set by units_group() */
    struct span digests[DIGEST_COUNT]; /* hex, in file's arena; empty: not computed */
};

/* Fills jobs[].file.  False when no worker could be started or memory ran out. */
bool jobs_run(const struct scan_options *o, struct job *jobs, size_t count,
              char ret_sandbox[64], struct error *error);

#endif
