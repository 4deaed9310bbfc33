/* Git LFS pointer: three lines of text that stand for a file nobody fetched.
 *
 *   version https://git-lfs.github.com/spec/v1
 *   oid sha256:4d7a…
 *   size 12345
 *
 * Source: the Git LFS specification, docs/spec.md.  A pointer is less than 1024 bytes. */
#include "formats/inspector.h"

enum { POINTER_MAX = 1024, SHOWN = 80 };

static enum claim claim(const struct inspection *in)
{
    bool pointer = in->bytes.len < POINTER_MAX &&
                   (span_starts(in->bytes, "version https://git-lfs.github.com/spec/") ||
                    span_starts(in->bytes, "version https://hawser.github.com/spec/"));
    return pointer ? CLAIM_MAGIC : CLAIM_NONE;
}

/* The rest of the line behind `key`, or nothing. */
static struct span value_of(struct span text, const char *key)
{
    struct reader r = reader_of(text, 0);
    while (reader_left(&r) > 0) {
        struct span line = reader_line(&r, POINTER_MAX);
        if (span_starts(line, key))
            return span_slice(line, span_of_text(key).len, line.len);
    }
    return (struct span){ 0 };
}

static void inspect(struct inspection *in)
{
    struct span oid = span_slice(value_of(in->bytes, "oid "), 0, SHOWN);
    struct span size = span_slice(value_of(in->bytes, "size "), 0, SHOWN);
    struct fact *facts =
        fact_object(in->arena, artifact_facts(in->artifact), "git_lfs_pointer");
    fact_text(in->arena, facts, "oid", oid);
    fact_text(in->arena, facts, "size", size);
    inspection_incomplete(in, "Git LFS pointer: the weights are not here");
}

const struct inspector lfs_pointer_inspector = {
    .format = FORMAT_LFS_POINTER,
    .claim = claim,
    .inspect = inspect,
};
