/* Signatures of a fetched model that their content tells and not their name: they are met
 * while its files are worked off, for a look at all of them before would load all of them
 * at once.  By then files are hashed, with what was asked for without them. */
#include "core/file_state.h"
#include "engine/signatures/private.h"

#include <sys/stat.h>
#include <unistd.h>

static bool is_known(const struct signatures *s, const struct job *job)
{
    for (size_t i = 0; i < s->named; i++)
        if (s->list[i].source == job->source)
            return true;
    return false;
}

/* Not moved ever after: what was read points into it.  NULL: there are as many as files,
 * which cannot be. */
static struct sealed *take_place(struct signatures *s, const struct job *job)
{
    struct sealed *one = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->count < s->capacity) {
        one = &s->list[s->count++];
        *one = (struct sealed){ .list = job->list, .source = job->source };
    }
    pthread_mutex_unlock(&s->lock);
    return one;
}

bool signatures_meet(struct signatures *s, const struct job *job, int fd,
                     struct crew_hand *h, struct error *error)
{
    uint8_t head[SIGNATURE_HEAD];
    struct stat st;
    if (!job->list->remote || fstat(fd, &st) != 0 || st.st_size == 0 || is_known(s, job))
        return true;
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n <= 0 || !(signature_file_starts(span_of(head, (size_t)n)) ||
                    signature_file_named(job->source->path)))
        return true;
    struct sealed *one = take_place(s, job);
    return !one || sealed_read(one, (uint64_t)st.st_size, fd, h, error);
}

/* ---- when all files are hashed --------------------------------------------------- */

static int compare_places(const void *a, const void *b)
{
    const struct sealed *left = a, *right = b;
    if (left->list != right->list)
        return left->list < right->list ? -1 : 1;
    return span_compare(left->source->path, right->source->path);
}

/* Can what it says of its files be checked, now that they are gone? */
static bool can_be_checked(const struct sealed *one)
{
    for (size_t i = 0; i < one->files->count; i++) {
        const struct manifest_entry *e = &one->files->entries[i];
        const struct job *job = sealed_entry_job(one, e);
        if (e->end != WHOLE_FILE ||
            (job && job->file->sha256.len && !job->digests[e->algorithm].len))
            return false;
    }
    return true;
}

/* Was it taken apart and then, before it was hashed, replaced?  What a list or a manifest
 * says must be what somebody signed. */
static void compare_with_hashed(const struct sealed *one)
{
    struct job *self = one->self;
    if (one->list->remote || !self || !self->file || !self->file->sha256.len ||
        self->changed || file_state_equal(&one->seen, &self->hashed))
        return;
    struct artifact *a = self->file->artifact;
    self->changed = true;
    finding_add(&a->findings, a->arena, &rules[RULE_INTEGRITY_CHANGED], 0,
                span_of_text("it was another file when it was read for what it says of "
                             "others"),
                (struct span){ 0 });
    artifact_lower(a, STATUS_INCOMPLETE, "it changed while it was scanned");
}

bool signatures_promise_met(struct signatures *s, struct job *jobs, size_t count,
                            struct error *error)
{
    for (size_t i = 0; i < s->named; i++)
        compare_with_hashed(&s->list[i]);
    if (s->count > s->named)
        qsort(s->list + s->named, s->count - s->named, sizeof *s->list, compare_places);
    if (!signatures_promise_from(s, s->named, jobs, count, error))
        return false;
    for (size_t i = s->named; i < s->count; i++) {
        struct sealed *one = &s->list[i];
        if (!one->model || can_be_checked(one))
            continue;
        one->model = NULL;
        sealed_set(one, SIGNATURE_UNSUPPORTED, "file-digest",
                   span_of_text("its name does not tell that it is a signature, so the "
                                "files it is of were hashed without the digests that it "
                                "names: name it like model.sig"));
    }
    return true;
}
