/* Images at registries: their signatures lie beside them and not among their files, and
 * what is signed is a manifest, which names the files by their digests. */
#include "engine/signatures/private.h"
#include "engine/verifying/image_referrers.h"
#include "sources/remote.h"

enum { ARENA_MAX = 1 << 30 };

bool signatures_have_images(const struct source_list *list)
{
    return list->remote && remote_answers(list->remote)->images;
}

/* The neighbours that are of a list. */
static struct job *jobs_of(const struct signatures *s, const struct source_list *list,
                           size_t *ret_count)
{
    size_t first = 0, end;
    while (first < s->job_count && s->jobs[first].list != list)
        first++;
    for (end = first; end < s->job_count && s->jobs[end].list == list; end++)
        ;
    *ret_count = end - first;
    return &s->jobs[first];
}

/* ---- what is said of them -------------------------------------------------------- */

/* All in the report; *ret_by is the one that vouches for the image, or NULL. */
static bool show(struct model *m, const struct signature *first,
                 const struct signature **ret_by)
{
    *ret_by = NULL;
    for (const struct signature *s = first; s; s = s->next) {
        const struct signature *g = signature_show(m, s, s->path);
        if (!g)
            return false;
        if (s->state == SIGNATURE_VERIFIED && !*ret_by)
            *ret_by = g;
        if (s->state == SIGNATURE_INVALID)
            finding_add(&m->findings, m->arena, &rules[RULE_INTEGRITY_SIGNATURE], 0,
                        arena_printf(m->arena, "%.*s: %.*s", (int)s->path.len,
                                     (const char *)s->path.ptr, (int)s->reason.len,
                                     (const char *)s->reason.ptr),
                        s->check);
    }
    return true;
}

/* ---- what is signed by that ------------------------------------------------------ */

static bool expect(struct job *job, const struct image *image)
{
    struct arena *arena = job->file->arena;
    struct expectation *e = arena_alloc(arena, sizeof *e);
    if (!e)
        return false;
    *e = (struct expectation){ .by = BY_SIGNATURE,
                               .source = arena_copy(arena, span_of_text(image->name)),
                               .algorithm = digest_name(DIGEST_SHA256),
                               .value = job->file->sha256,
                               .state = EXPECT_VERIFIED,
                               .next = job->file->expected };
    job->file->expected = e;
    return true;
}

static bool vouch(const struct image *image, const struct signature_file *manifest,
                  const struct signature *by, struct job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct file *f = jobs[i].file;
        if (!f || !f->sha256.len || jobs[i].changed || f->signature ||
            !image_names_digest(manifest, f->sha256))
            continue;
        f->signature = by;
        if (!expect(&jobs[i], image))
            return false;
    }
    return true;
}

/* Whatever vouches for an index vouches for the images that it names. */
static const struct signature *inherited(const struct image *image,
                                         const struct signature_file *index,
                                         const struct signature *by)
{
    struct span text = span_of_text(image->digest);
    return by && image_names_digest(index, span_slice(text, strlen("sha256:"), text.len))
               ? by
               : NULL;
}

static bool attach(struct signatures *s, const struct source_list *list)
{
    const struct verify_context c = { .verifier = s->verifier,
                                      .signers = signatures_signers(s, list),
                                      .method = VERIFY_ANY,
                                      .arena = s->arena };
    struct signature_file top = { .kind = SIGNATURE_FILE_UNKNOWN };
    const struct signature *by_index = NULL;
    size_t count;
    struct job *jobs = jobs_of(s, list, &count);
    struct model *m = count ? jobs[0].model : NULL;
    bool ok = true;
    for (const struct image *i = remote_answers(list->remote)->images; m && ok && i;
         i = i->next) {
        struct signature_file manifest;
        const struct signature *by;
        ok = show(m, image_referrers_verify(&c, i), &by);
        if (!by)
            by = inherited(i, &top, by_index);
        if (!ok || !by || !image_names(&c, i, &manifest))
            continue;
        if (manifest.index) {
            top = manifest;
            by_index = by;
        } else {
            ok = vouch(i, &manifest, by, jobs, count);
        }
    }
    return ok && !arena_exhausted(s->arena);
}

bool signatures_attach_images(struct signatures *s)
{
    bool ok = true;
    if (s->images && !s->arena)
        s->arena = arena_new(ARENA_MAX);
    for (size_t i = 0; ok && i < s->list_count; i++)
        if (signatures_have_images(&s->lists[i]))
            ok = s->arena && attach(s, &s->lists[i]);
    return ok;
}
