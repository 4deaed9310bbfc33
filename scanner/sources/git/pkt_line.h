/* pkt_line.h: the frames of git's protocol.  Source: git, gitprotocol-common(5). */
#ifndef PKT_LINE_H
#define PKT_LINE_H

#include "core/reader.h"

enum pkt_kind { PKT_DATA, PKT_FLUSH, PKT_DELIMITER, PKT_RESPONSE_END, PKT_BAD };

struct pkt {
    enum pkt_kind kind;
    struct span data; /* of PKT_DATA, as it came */
};

/* PKT_BAD at the end, too, and for ever after something malformed. */
struct pkt pkt_next(struct reader *r);

void pkt_add(struct buffer *out, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* one line, "\n" added */
void pkt_add_flush(struct buffer *out);
void pkt_add_delimiter(struct buffer *out);

/* Side band: the bytes of channel 1 until the flush, joined.  False with a static reason,
 * or what channel 3 says (hostile), in *ret_why. */
bool pkt_side_band(struct reader *r, struct buffer *ret_bytes, struct span *ret_why);

#endif
