#include "engine/promises.h"

#include <inttypes.h>

void promise_add(struct job *job, struct promise *p)
{
    p->next = NULL;
    if (job->last_promise)
        job->last_promise->next = p;
    else
        job->promises = p;
    job->last_promise = p;
}

/* Some write the bytes of a CRC the other way round. */
static bool equal_reversed(struct span digits, struct span actual)
{
    if (digits.len != actual.len)
        return false;
    for (size_t i = 0; i + 1 < actual.len; i += 2)
        if (memcmp(digits.ptr + i, actual.ptr + actual.len - 2 - i, 2) != 0)
            return false;
    return true;
}

enum digest_algorithm promise_of_text(const struct promise *p)
{
    return p->algorithm == DIGEST_GIT_SHA1 ? DIGEST_GIT_SHA1_TEXT
                                           : DIGEST_GIT_SHA256_TEXT;
}

static bool keeps(const struct job *job, const struct promise *p, struct span actual)
{
    if (p->line_ends && span_equal(p->digits, job->digests[promise_of_text(p)]))
        return true;
    bool begins = p->digits.len <= actual.len &&
                  memcmp(p->digits.ptr, actual.ptr, p->digits.len) == 0;
    return begins || (p->algorithm == DIGEST_CRC32 && equal_reversed(p->digits, actual));
}

static enum expectation_state state_of(const struct promise *p, bool kept)
{
    if (p->by != BY_TARGET)
        return kept ? EXPECT_VERIFIED : EXPECT_MISMATCH;
    return kept ? EXPECT_CONSISTENT : EXPECT_INCONSISTENT;
}

/* "FILE names md5 1234… and 20 bytes, but it has md5 5678… and 21 bytes" */
static void report(struct job *job, const struct promise *p, struct span actual,
                   bool digest_differs, bool size_differs)
{
    struct artifact *a = job->file->artifact;
    struct buffer message;
    buffer_init(&message, MESSAGE_MAX);
    buffer_add(&message, p->source);
    buffer_add_text(&message, " names");
    if (digest_differs) {
        buffer_printf(&message, " %s ", digest_name(p->algorithm));
        buffer_add(&message, p->digits);
    }
    if (size_differs)
        buffer_printf(&message, "%s %" PRIu64 " bytes", digest_differs ? " and" : "",
                      p->size);
    buffer_add_text(&message, ", the file has");
    if (digest_differs) {
        buffer_printf(&message, " %s ", digest_name(p->algorithm));
        buffer_add(&message, actual);
    }
    if (size_differs)
        buffer_printf(&message, "%s %" PRIu64 " bytes", digest_differs ? " and" : "",
                      a->size);
    enum rule_id rule = p->by != BY_TARGET ? RULE_INTEGRITY_MISMATCH
                        : digest_differs   ? RULE_INTEGRITY_INCONSISTENT
                                           : RULE_INTEGRITY_SIZE;
    finding_add(&a->findings, a->arena, &rules[rule], 0, buffer_span(&message),
                digest_differs ? actual : (struct span){ 0 });
    buffer_free(&message);
}

static struct expectation *expectation_of(struct job *job, const struct promise *p,
                                          bool kept)
{
    struct arena *arena = job->file->arena;
    struct expectation *e = arena_alloc(arena, sizeof *e);
    if (!e)
        return NULL;
    e->by = p->by;
    e->source = arena_copy(arena, p->source);
    e->state = state_of(p, kept);
    if (p->digits.len) {
        e->algorithm = digest_name(p->algorithm);
        e->value = arena_copy(arena, p->digits);
        e->weak =
            digest_weak(p->algorithm) || p->digits.len < digest_digits(p->algorithm);
    } else {
        e->algorithm = "size";
        e->value = arena_printf(arena, "%" PRIu64, p->size);
        e->weak = true;
    }
    return e;
}

void promises_check(struct job *job)
{
    struct file *f = job->file;
    struct expectation **last = &f->expected;
    if (!f->sha256.len || job->changed)
        return; /* it was not read as one whole: incomplete, not different */
    for (const struct promise *p = job->promises; p; p = p->next) {
        struct span actual = job->digests[p->algorithm];
        if (p->digits.len && !actual.len)
            continue;
        bool digest_differs = p->digits.len && !keeps(job, p, actual);
        if (digest_differs && p->line_ends && !job->digests[promise_of_text(p)].len)
            continue; /* too long a text to tell */
        bool size_differs = p->has_size && p->size != f->artifact->size;
        struct expectation *e = expectation_of(job, p, !digest_differs && !size_differs);
        if (!e)
            return;
        *last = e;
        last = &e->next;
        if (digest_differs || size_differs)
            report(job, p, actual, digest_differs, size_differs);
    }
}
