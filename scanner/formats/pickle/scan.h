/* scan.h: finding pickle streams in bytes and reading all of them. */
#ifndef PICKLE_SCAN_H
#define PICKLE_SCAN_H

#include "formats/inspector.h"
#include "formats/pickle/judge.h"

struct pickle_scan {
    struct inspection *in;
    struct pickle_judge judge;
    struct pickle_machine *machine; /* its bytes: in->bytes */
    size_t at;                      /* everything before it is accounted for */
    unsigned streams;               /* read so far */
    bool stopped;                   /* the last one came to its STOP */
};

bool pickle_scan_begin(struct pickle_scan *s, struct inspection *in); /* false: memory */
void pickle_scan_end(struct pickle_scan *s); /* findings that add up; frees */

/* Read the stream at s->at, in every way a loader would; s->at moves behind it. */
enum pickle_end pickle_scan_stream(struct pickle_scan *s);

/* Read on from s->at: streams that follow, after padding or hidden behind bytes that
 * are none.  What stays unexplained makes the artifact incomplete. */
void pickle_scan_rest(struct pickle_scan *s);

#endif
