/* judge.h: turns what the pickle machine saw into findings and facts.
 *
 * One judge for an artifact: it hears every event of the machine, reports what is
 * dangerous at once, and what only adds up (imports that nothing called, unknown
 * classes by package) when the artifact is done. */
#ifndef PICKLE_JUDGE_H
#define PICKLE_JUDGE_H

#include "formats/inspector.h"
#include "formats/pickle/machine.h"
#include "formats/pickle/probe.h"

/* What the judge notes in pickle_global.mentioned; the low bits count findings. */
enum {
    MENTION_COUNT = 0xffff,
    MENTION_INSTANTIATED = 1 << 16,
    MENTION_DOTTED = 1 << 17,
    MENTION_ACCOUNTED = 1 << 18 /* handed to a function that may have it */
};

struct pickle_judge {
    struct inspection *in;
    struct pickle_sink sink; /* for pickle_machine_new() */

    /* Of the stream that runs now. */
    struct fact *stream, *calls; /* NULL: memory or the budget of facts is spent */
    uint32_t stream_number;
    uint64_t calls_dropped;
    const char *harm;  /* what a dict of it would do as the state of an object; or NULL */
    bool untold_pairs; /* it made a dict of pairs that are forgotten */
    bool risky;        /* it called something that is not known to be safe */
    size_t silent_until;   /* events before this offset were heard in an earlier run */
    size_t heard_until;    /* and some before this one; 0: this is the first run */
    const size_t *wrapper; /* plain reading of what may be joblib's: where its first
                              array is; what is odd behind that is no oddity.  Or NULL */

    struct pickle_prober *prober; /* for literals; NULL until the first */
    size_t nested; /* offset of the literal that was inspected last, plus one */
    unsigned anomalies[ANOMALY_FRAME + 1]; /* reported so far, each kind */
    unsigned indirect;                     /* findings without a global to count them */

    /* Called for each persistent id; or NULL. */
    void (*persistent)(void *self, const struct pickle_machine *m, pickle_value id);
    void *persistent_self;
};

void judge_init(struct pickle_judge *j, struct inspection *in);

/* Around each stream: facts and the judgement of how it ended. */
void judge_stream(struct pickle_judge *j, size_t offset);
void judge_stream_end(struct pickle_judge *j, const struct pickle_machine *m);

/* When no more streams follow: what only adds up. */
void judge_finish(struct pickle_judge *j, const struct pickle_machine *m);

/* check.c: judge a call to a global of class PICKLE_CHECK. */
enum pickle_opinion {
    OPINION_FINE,
    OPINION_CLASS, /* an unknown class is instantiated: *ret_class */
    OPINION_UNKNOWN,
    OPINION_DANGEROUS
};
enum pickle_opinion judge_check(struct pickle_judge *j, struct pickle_machine *m,
                                const struct pickle_call *call, uint32_t *ret_class,
                                const char **ret_why);

/* state.c: what it does to an object to be given these items (key, value, …) or this
 * state, beyond giving it attributes; NULL for nothing.  A sentence, static storage. */
const char *judge_items(const struct pickle_machine *m, const pickle_value *items,
                        size_t n, bool is_state);
const char *judge_state(const struct pickle_judge *j, const struct pickle_machine *m,
                        pickle_value state);
/* dict([(key, value), …]), OrderedDict(…): remembers what that would do as a state. */
void judge_pairs(struct pickle_judge *j, const struct pickle_machine *m,
                 pickle_value args);
bool judge_is_dict(const struct pickle_machine *m, pickle_value v);

/* nested.c: look for a pickle (or a compressed one) in a literal. */
void judge_literal(struct pickle_judge *j, const struct pickle_machine *m,
                   pickle_value literal, struct span bytes);
/* The bytes that _codecs.encode(text, 'latin1') makes. */
void judge_latin1(struct pickle_judge *j, size_t offset, struct span text);

#endif
