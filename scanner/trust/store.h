/* store.h: what the names along a file's path say: which store keeps it there, as what,
 * and which digest its bytes should have.  Names alone, so it costs nothing; whoever made
 * the target chose them, so it proves nothing.  Spans are slices of the path. */
#ifndef STORE_H
#define STORE_H

#include "core/digest.h"

/* A file's place in a Hugging Face cache:
 * …/models--ORG--NAME/snapshots/REVISION/PATH -> ../../blobs/DIGEST.
 * Source: huggingface_hub, "Understand caching". */
struct hub_place {
    struct span organisation, model, revision;
    size_t unit_end; /* where …/snapshots/REVISION ends in the path */
};
bool hub_place_find(struct span path, struct hub_place *ret_place);

/* The digest that a link into blobs/ promises: 64 hex digits are a sha256, 40 a git
 * blob id.  False when the link is none of these. */
bool hub_blob_find(struct span link, struct span *ret_hex, bool *ret_git);

/* One entry of a store that is known by its layout. */
struct store_entry {
    const char *evidence; /* "the layout of a Hugging Face cache" */
    const char *registry; /* id; NULL: the layout belongs to no registry */
    char reference[1024]; /* as a registry resolves it; "" when only names are known */
    char name[512];
    struct span revision;
    size_t unit_end; /* the path up to here is one model; 0: it makes none */
};
bool store_entry_find(struct span path, struct store_entry *ret_entry);

/* A digest that a name promises: a blob, an object, a checkpoint NAME-HASH.pth. */
struct named_digest {
    const char *source; /* "git lfs object name" */
    enum digest_algorithm algorithm;
    char digits[DIGEST_HEX_MAX + 1]; /* maybe only the first ones */
};
bool named_digest_find(struct span path, struct named_digest *ret_digest);

#endif
