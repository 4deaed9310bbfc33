/* statement_wire.h: statements about origins on their way out of a confined child.
 *
 * Framed as in wire.h, {type u8, length u32, payload}, little endian:
 *
 *   SAID  kind u8, source u32, flags u8, algorithm u8, problem u8, size u64, then path,
 *         digest, reference, registry, name, revision, note: {length u16, bytes} each
 *   DONE  nothing; everything was read
 *
 * The reading side trusts none of it: only shapes that a parser could have said pass. */
#ifndef STATEMENT_WIRE_H
#define STATEMENT_WIRE_H

#include "origins/origins.h"
#include "worker/wire.h"

struct statement_encoder {
    int fd; /* not owned */
    struct buffer gathered;
    bool failed;
};

void statement_encoder_init(struct statement_encoder *e, int fd);
void statement_encoder_free(struct statement_encoder *e);
statement_sink statement_encode; /* self: the encoder */
bool statement_encoder_end(struct statement_encoder *e);

struct statement_decoder {
    statement_sink *say; /* its texts are valid during the call */
    void *self;
    uint32_t sources; /* numbers are below this */
    uint64_t left;    /* statements still allowed */
    enum wire_outcome outcome;
};

/* As wire_decode(). */
enum wire_outcome statement_decode(struct statement_decoder *d, struct span bytes,
                                   size_t *ret_taken);

#endif
