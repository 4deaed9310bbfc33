/* zip_member.h: one member of a ZIP: decompress it, check it, hand it to the
 * inspectors.  zip.c decides which bytes are a member. */
#ifndef ZIP_MEMBER_H
#define ZIP_MEMBER_H

#include "formats/inspector.h"
#include "formats/zip_directory.h"

struct inflater; /* zlib's state, reused from member to member */

struct zip_members {
    struct inspection *in;
    struct inflater *inflater; /* made on first use */
    uint64_t expanded;         /* bytes all members so far expand to */
    bool bomb;                 /* reported already */
};

void zip_members_end(struct zip_members *m); /* idempotent */

/* Inspect the bytes from e->data on: e->compressed of them, or up to there when
 * e->deferred.  False when a budget is spent and going on is pointless.
 * *ret_used: how many bytes of the file it really took. */
bool zip_member_inspect(struct zip_members *m, const struct zip_entry *e,
                        uint64_t *ret_used);

/* What the header alone tells: name, flags, attributes. */
void zip_member_check(struct zip_members *m, const struct zip_entry *e);

/* The content of a listed member, for a second look: at most `max` bytes of it, from the
 * file itself or decompressed into *ret_expansion (then to be closed).  Empty when it
 * cannot be had; that has been reported by zip.c already. */
struct expansion;
struct span zip_member_content(struct inspection *in, const struct zip_entry *e,
                               uint64_t max, struct expansion **ret_expansion);

bool zip_member_is_link(const struct zip_entry *e);

/* "'name'" for messages: the first bytes of it. */
enum { ZIP_NAME_SHOWN = 100 };
#define ZIP_SHOW(name)                                                                   \
    (int)((name).len < ZIP_NAME_SHOWN ? (name).len : ZIP_NAME_SHOWN),                    \
        (const char *)((name).ptr ? (name).ptr : (const uint8_t *)"")

#endif
