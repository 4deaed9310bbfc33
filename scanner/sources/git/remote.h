/* remote.h: a git repository behind http(s), without git: what a revision is, and the
 * objects of one commit.
 *
 * Protocol version 2 only, which servers have had since 2018; nothing is ever checked
 * out, no hook, filter or configuration of the repository is looked at.  Source: git,
 * gitprotocol-v2(5), gitprotocol-http(5). */
#ifndef GIT_REMOTE_H
#define GIT_REMOTE_H

#include "sources/git/pack.h"
#include "sources/place.h"

enum { GIT_ANSWER_MAX = 256 << 20, GIT_REFS_MAX = 8 << 20, GIT_TREE_DEPTH_MAX = 64 };

struct git_remote {
    const struct place *place;
    struct arena *arena; /* of everything it hands out, packs among them */
    const char *url;     /* of the repository; another one once the server moved us */
    bool filters;        /* it can leave large files out */
};

/* Greets the server. */
bool git_remote_open(struct git_remote *g, enum rest_refusal *ret_refusal,
                     struct error *error);

/* A tag, a branch, a full name ("refs/…") or a commit; NULL: the default branch.
 * *ret_name: what was meant, "refs/tags/v1"; the commit's own name for one. */
bool git_remote_resolve(struct git_remote *g, const char *revision,
                        uint8_t ret_oid[GIT_OID_SIZE], const char **ret_name,
                        enum rest_refusal *ret_refusal, struct error *error);

/* What one object needs: of a commit its tree, without history, and without files above
 * `blob_max` where the server can (0: all). */
bool git_remote_fetch(struct git_remote *g, const uint8_t oid[GIT_OID_SIZE],
                      uint64_t blob_max, struct git_pack *ret_pack,
                      enum rest_refusal *ret_refusal, struct error *error);

/* Files, links and submodules of a tree, in git's order; false from `entry` ends it.
 * False with an error: malformed, too deep, more than `max`. */
enum { GIT_MODE_LINK = 0120000, GIT_MODE_MODULE = 0160000 };
struct git_tree_entry {
    const char *path; /* "a/b"; may be what no file may be called */
    uint32_t mode;
    const uint8_t *oid;
};
typedef bool git_tree_visit(void *self, const struct git_tree_entry *entry);
bool git_tree_walk(const struct git_pack *pack, const uint8_t tree[GIT_OID_SIZE],
                   size_t max, git_tree_visit *visit, void *self, struct arena *arena,
                   struct error *error);

#endif
