/* jobs.h: the scan's files, worked off by a crew.
 *
 * A job is one file: hashed here and inspected in the worker, on one descriptor.
 * Order of completion is nobody's business: results stay in the order of the jobs. */
#ifndef JOBS_H
#define JOBS_H

#include "core/digest.h"
#include "engine/crew.h"
#include "engine/scan.h"
#include "engine/shards.h"

#include <sys/stat.h>

/* What the bytes of a file should be, says somebody. */
struct promise {
    struct span source;     /* who: "blob name", a path in the target, "lockfile …" */
    enum expectation_by by; /* all but BY_TARGET verify */
    enum digest_algorithm algorithm;
    struct span digits; /* lower-case hex, maybe only the first ones; empty: size only */
    bool has_size;
    bool line_ends; /* of a git blob: "\r\n" may stand for "\n" */
    uint64_t size;
    struct promise *next;
};

struct job {
    const struct source_list *list;
    const struct source_file *source;
    struct promise *promises, *last_promise; /* set before the run: what to compute */
    struct shards *shards; /* before the run: signed ranges, checked on the way */
    unsigned also;         /* before the run: DIGEST_BIT()s to compute beyond those */
    struct span unit;      /* before the run: the store entry that it belongs to, if any;
                              after units_group(): the path of its model's unit */
    struct stat hashed;    /* what the file was when it was hashed */
    bool changed;          /* while it was hashed: its digests prove nothing */
    struct file *file;     /* the result: always set when jobs_run() returns true */
    struct model *model;   /* set by units_group() */
    struct span digests[DIGEST_COUNT]; /* hex, in file's arena; empty: not computed */
    struct span url; /* user.xdg.origin.url, in file's arena; empty: it has none */
};

/* DIGEST_BIT()s of what must be computed of it. */
unsigned job_digests(const struct job *job);

struct signatures;

/* Fills jobs[].file; signatures that are met on the way are noted in `signatures`.  False
 * when no worker could be started or memory ran out. */
bool jobs_run(struct crew *crew, const struct scan_options *o, struct job *jobs,
              size_t count, struct signatures *signatures, struct error *error);

#endif
