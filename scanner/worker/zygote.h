/* zygote.h: the worker process behind main(): loads, confines itself, forks.
 *
 * It speaks control.h on descriptor 3 and reads no byte of a target; its children do.
 */
#ifndef ZYGOTE_H
#define ZYGOTE_H

#include "core/budget.h"
#include "worker/worker.h"

struct zygote_options {
    const char *data_dir;            /* where rules/ lies */
    const char *const *pickle_rules; /* further lists, NULL-terminated */
    const char *yara_pack;           /* the compiled pack; NULL: no byte rules */
    const char *const *yara_rules;   /* the operator's, NULL-terminated */
    enum sandbox sandbox;
    struct budget budget; /* for each file */
    bool signatures;      /* no file is inspected: no rules are loaded */
    bool deep, detail;
    bool list_formats; /* do only that */
};

bool zygote_greet(void); /* the version goes out before any option is looked at */
void zygote_refuse(const struct error *error);

bool zygote_list_formats(void); /* instead of serving: worker_extensions() */

/* Serves until the socket ends.  False when it could not even start; it has said why. */
bool zygote_serve(const struct zygote_options *o);

#endif
