#include "engine/crew.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

struct crew {
    struct worker_options options;
    unsigned threads;
    char sandbox[64], rules_digest[80]; /* of the first worker; "": not started */
    struct crew_hand hands[CREW_MAX];
};

/* One run: a counter hands out items, a mutex guards the rest. */
struct run {
    struct crew *crew;
    crew_work *work;
    void *self;
    size_t count;
    atomic_size_t next;
    atomic_uint hand;
    pthread_mutex_t lock;
    bool failed;
    struct error error; /* the first one that stopped a thread */
};

struct crew *crew_new(const struct worker_options *o, unsigned threads)
{
    struct crew *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->options = *o;
    c->threads = threads < 1 ? 1 : threads > CREW_MAX ? CREW_MAX : threads;
    return c;
}

void crew_free(struct crew *c)
{
    for (size_t i = 0; c && i < CREW_MAX; i++) {
        worker_stop(c->hands[i].worker);
        free(c->hands[i].buffer);
    }
    free(c);
}

const char *crew_sandbox(const struct crew *c)
{
    return c->sandbox;
}

const char *crew_rules_digest(const struct crew *c)
{
    return c->rules_digest;
}

static bool start_worker(struct crew *c, struct crew_hand *h, struct error *error)
{
    worker_stop(h->worker);
    h->crew = c;
    h->worker = worker_start(&c->options, error);
    return h->worker != NULL;
}

bool crew_start(struct crew *c, struct error *error)
{
    if (!start_worker(c, &c->hands[0], error))
        return false;
    const struct worker *w = c->hands[0].worker;
    (void)snprintf(c->sandbox, sizeof c->sandbox, "%s", worker_sandbox(w));
    (void)snprintf(c->rules_digest, sizeof c->rules_digest, "%s", worker_rules_digest(w));
    return true;
}

bool crew_hand_replace(struct crew_hand *h, struct error *error)
{
    const struct crew *c = h->crew;
    return start_worker(h->crew, h, error) &&
           (strcmp(worker_rules_digest(h->worker), c->rules_digest) == 0 ||
            error_set(error, ERROR_CONFIG,
                      "the rules were changed while the scan was running"));
}

static bool equip(struct crew *c, struct crew_hand *h, struct error *error)
{
    h->crew = c;
    if (!h->buffer)
        h->buffer = malloc(CREW_BUFFER);
    if (!h->buffer)
        return error_set(error, ERROR_MEMORY, "out of memory");
    return h->worker || crew_hand_replace(h, error);
}

static void *thread_main(void *self)
{
    struct run *r = self;
    struct crew_hand *h = &r->crew->hands[atomic_fetch_add(&r->hand, 1)];
    struct error error = { 0 };
    bool ok = equip(r->crew, h, &error);
    while (ok) {
        size_t item = atomic_fetch_add(&r->next, 1);
        if (item >= r->count)
            break;
        ok = r->work(r->self, item, h, &error);
    }
    if (!ok) {
        pthread_mutex_lock(&r->lock);
        if (!r->failed)
            r->error = error;
        r->failed = true;
        pthread_mutex_unlock(&r->lock);
        atomic_store(&r->next, r->count); /* the others stop too */
    }
    return NULL;
}

bool crew_run(struct crew *c, size_t count, crew_work *work, void *self,
              struct error *error)
{
    struct run r = { .crew = c, .work = work, .self = self, .count = count };
    pthread_t threads[CREW_MAX];
    assert(c->rules_digest[0] != '\0');
    unsigned wanted = c->threads < count ? c->threads : (unsigned)count, started = 0;
    pthread_mutex_init(&r.lock, NULL);
    while (started + 1 < wanted &&
           pthread_create(&threads[started], NULL, thread_main, &r) == 0)
        started++;
    if (count)
        thread_main(&r); /* this thread works too */
    while (started)
        pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&r.lock);
    if (r.failed)
        *error = r.error;
    return !r.failed;
}
