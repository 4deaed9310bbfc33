/* fact.h: what is true of an artifact, without judging it.
 *
 * A small tree with the shape of JSON, so that an inspector can say something new
 * without any change in the wire protocol or a report.  Names are ours (string
 * constants on the inspector's side); texts may be hostile bytes.  Every function
 * takes a NULL parent and then returns NULL: a builder reads straight down, and
 * arena_exhausted() tells at the end. */
#ifndef FACT_H
#define FACT_H

#include "core/arena.h"

enum fact_type { FACT_OBJECT, FACT_LIST, FACT_TEXT, FACT_UINT, FACT_BOOL };
enum { FACT_DEPTH_MAX = 8, FACT_TEXT_MAX = 4096 };

struct fact {
    enum fact_type type;
    const char *name; /* "" for the elements of a list */
    struct span text; /* FACT_TEXT */
    uint64_t number;  /* FACT_UINT; FACT_BOOL: 0 or 1 */
    struct fact *first, *last, *next;
};

struct fact *fact_object(struct arena *a, struct fact *parent, const char *name);
struct fact *fact_list(struct arena *a, struct fact *parent, const char *name);
struct fact *fact_text(struct arena *a, struct fact *parent, const char *name,
                       struct span text); /* copied, cut to FACT_TEXT_MAX */
struct fact *fact_uint(struct arena *a, struct fact *parent, const char *name,
                       uint64_t number);
struct fact *fact_bool(struct arena *a, struct fact *parent, const char *name,
                       bool truth);

/* The root of a new tree; its name is "". */
struct fact *fact_root(struct arena *a);
const struct fact *fact_find(const struct fact *object, const char *name);

#endif
