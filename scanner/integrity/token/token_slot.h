/* token_slot.h: the one token that a URI means, among those that PKCS #11 modules offer.
 *
 * A module is a library whose code runs in this process.  Which one is the operator's
 * choice alone: a path of theirs, their URI, or the modules that p11-kit is configured
 * with; nothing in a model can name one. */
#ifndef TOKEN_SLOT_H
#define TOKEN_SLOT_H

#include "integrity/token/token_uri.h"

#include <p11-kit/p11-kit.h>

struct token_slot {
    CK_FUNCTION_LIST **modules; /* all that are loaded, NULL-terminated */
    bool configured;            /* they are those of p11-kit's configuration */
    CK_FUNCTION_LIST *calls;    /* of the token's module */
    CK_SLOT_ID id;
    CK_FLAGS flags; /* of the token, as of the last look */
    char label[33]; /* as the token says it: hostile */
};

/* `module` is a path, or NULL: as the URI says.  ERROR_CONFIG when it cannot be loaded or
 * several tokens match, ERROR_NOT_FOUND when none does. */
bool token_slot_open(const struct token_uri *u, const char *module,
                     struct token_slot *ret_slot, struct error *error);
void token_slot_close(struct token_slot *s); /* ends its sessions; idempotent */

void token_slot_look(struct token_slot *s); /* at the token's flags once more */

/* Always false: "TOKEN: doing: why", ERROR_IO unless it is the operator's to mend. */
bool token_failed(const struct token_slot *s, const char *doing, CK_RV why,
                  struct error *error);

#endif
