/* private.h: between evidence.c, which has files read, listing.c, which compares whole
 * directories, and attach.c, which tells files and models what was said of them. */
#ifndef EVIDENCE_PRIVATE_H
#define EVIDENCE_PRIVATE_H

#include "engine/evidence/evidence.h"
#include "origins/origins.h"
#include "trust/origin.h"

/* A file whose name promises that it says something. */
struct voice {
    const struct source_list *list;
    const struct source_file *file;
    enum origin_kind kind;
    size_t base;     /* bytes of file->path, with the '/' */
    bool unheard;    /* larger than may be read */
    bool overlapped; /* the same files are in too many of its directories */
    bool crowded;    /* of one of its files too many different things are said */
    struct job
        *job; /* set by evidence_promise(); NULL: it is scanned under another name */
    struct buffer missing; /* names of files that it speaks of and that are not there */
    uint64_t missing_count;
};

/* The voices of one base, and all that they said. */
struct bundle {
    struct voice *voices;
    size_t voice_count;
    struct arena *arena; /* of the texts */
    struct statement *said;
    size_t said_count, said_capacity;
    bool lost;               /* memory for what was said */
    char reason[REASON_MAX]; /* why it was not read to the end; empty: it was */
};

/* A file of two models: it lies in one and is shown in the other, too. */
struct share {
    const struct job *job, *manifest; /* neighbours in the list: ordered by address */
};

/* The jobs of one list. */
struct range {
    struct job *jobs;
    size_t count;
};

struct evidence {
    const struct scan_options *options;
    const struct source_list *lists;
    size_t list_count;
    struct arena *arena;
    struct voice *voices; /* ordered by list, base, path */
    size_t voice_count;
    struct bundle *bundles;
    size_t bundle_count;
    struct range *ranges;  /* of each list */
    uint64_t listing_left; /* files that listings may still be made of */
    struct share *shares;
    size_t share_count, share_capacity;
};

/* The job of that path, or NULL; the first one that is not before it. */
struct job *range_find(const struct range *r, struct span path);
size_t range_lower_bound(const struct range *r, struct span path);

/* The jobs below a directory; "": all of them. */
struct range range_below(const struct range *r, struct arena *arena,
                         struct span directory);

/* `path`, which a voice speaks of, from the target's top. */
struct span voice_path(struct arena *arena, const struct voice *v, struct span path);

/* A whole directory's digest (STATEMENT_LISTING): before the jobs run, and after.  False
 * when directories overlap so often that they would cost too much. */
bool listing_promise(struct evidence *e, const struct bundle *b,
                     const struct statement *s);
void listing_check(struct evidence *e, const struct bundle *b, const struct statement *s);

#endif
