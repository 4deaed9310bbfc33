/* memo.h: the memo of a pickle machine: index to value.
 *
 * Pages of 1024 entries, found by hash, so that a sparse PUT costs one page.  Only the
 * pages used last stay as they are; older ones are packed (differences of the payloads,
 * a byte or two for each entry), and past MEMO_SQUEEZE bytes in all those that follow
 * are compressed as well: a memo of 180 million texts of any lengths, as a stream of 1 GB
 * can have it, fits in memory. */
#ifndef PICKLE_MEMO_H
#define PICKLE_MEMO_H

#include "formats/pickle/store.h"

enum { MEMO_PAGE = 1024, MEMO_OPEN_MAX = 2048, MEMO_CACHE = 32 };
#define MEMO_BYTES_MAX (UINT64_C(208) << 20)
#define MEMO_SQUEEZE   (UINT64_C(24) << 20)

struct memo_page;
struct memo_cached;

struct pickle_memo {
    const struct pickle_store *store; /* of the containers in it; NULL: keep them all */
    struct memo_page **slots;         /* by hash of the page's number */
    size_t slot_count, page_count;
    struct memo_page *current; /* the page of the last put */
    struct memo_page *oldest,
        *newest; /* pages that are not packed, in order of opening */
    size_t open_count;
    struct memo_cached *cache; /* pages unpacked for reading */
    struct memo_squeezer *squeezer;
    uint64_t count; /* entries present: the index that MEMOIZE takes */
    uint64_t bytes;
};

void memo_clear(struct pickle_memo *m); /* gives all memory back; zeroed is valid */

/* The value there, or 0. */
pickle_value memo_get(struct pickle_memo *m, uint64_t index);

/* False when memory is short.  *ret_old: what was there, or 0. */
bool memo_put(struct pickle_memo *m, uint64_t index, pickle_value v,
              pickle_value *ret_old);

#endif
