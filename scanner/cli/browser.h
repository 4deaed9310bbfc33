/* browser.h: the person at this terminal, and a browser of theirs: the callbacks of
 * engine/signing/sign_in.h. */
#ifndef BROWSER_H
#define BROWSER_H

#include "engine/signing/sign_in.h"

/* Can somebody read what we write to stderr, and type? */
bool person_present(void);

/* Shows the address; opens it with $BROWSER, when that is one word, or xdg-open, unless
 * the sign-in is out of band.  Neither is waited for.  `self`: the struct sign_in. */
void person_show(void *self, const char *url);

/* One line of the terminal. */
bool person_read_code(void *self, char *ret_code, size_t size, struct error *error);

#endif
