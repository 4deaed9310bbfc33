/* What `hf download --local-dir` notes of each file, in
 * .cache/huggingface/download/PATH.metadata: three lines, the commit, the ETag (the
 * sha256 of an LFS file, else its git blob id) and a time.
 * Source: huggingface_hub, _local_folder.py. */
#include "origins/reading.h"

enum { LINE_MAX_BYTES = 1024 };

struct state {
    struct origin_source first;
    struct span commit;
    bool several;
};

/* `W/"abc"` → abc */
static struct span bare_tag(struct span tag)
{
    tag = origin_trim(tag);
    if (span_starts(tag, "W/"))
        tag = span_slice(tag, 2, tag.len);
    if (tag.len >= 2 && span_starts(tag, "\"") && span_ends(tag, "\""))
        tag = span_slice(tag, 1, tag.len - 1);
    return tag;
}

static void note_commit(struct state *state, const struct origin_source *source,
                        struct span commit)
{
    if (state->commit.len == 0) {
        state->first = *source;
        state->commit = commit;
    }
    state->several |= span_compare(state->commit, commit) != 0;
}

static void read_metadata(struct origin_reading *r)
{
    const char *folder = ".cache/huggingface/download/";
    struct reader lines = reader_of(r->source.bytes, 0);
    struct span commit = origin_trim(reader_line(&lines, LINE_MAX_BYTES));
    struct span tag = bare_tag(reader_line(&lines, LINE_MAX_BYTES));
    struct span path;
    if (!reader_ok(&lines) || !origin_is_hex(commit, 40)) {
        origin_malformed(r, "its first line is no commit");
        return;
    }
    note_commit(r->state, &r->source, commit);
    path = span_slice(r->source.path, strlen(folder),
                      r->source.path.len - strlen(".metadata"));
    if (!origin_path(r, (struct span){ 0 }, path, &path))
        return;
    if (origin_is_hex(tag, 64))
        origin_expect(r, path, DIGEST_SHA256, tag, NULL);
    else if (origin_is_hex(tag, 40))
        origin_expect(r, path, DIGEST_GIT_SHA1, tag, NULL);
}

static void finish(struct origin_reading *r)
{
    const struct state *state = r->state;
    struct statement claim = { .kind = STATEMENT_CLAIM,
                               .registry = span_of_text("huggingface") };
    if (state->commit.len == 0)
        return;
    r->source = state->first;
    if (state->several)
        claim.note = span_of_text("files of several commits");
    else
        claim.revision = state->commit;
    origin_say(r, claim);
}

const struct origin_parser hub_origin = {
    .state_size = sizeof(struct state),
    .read = read_metadata,
    .finish = finish,
};
