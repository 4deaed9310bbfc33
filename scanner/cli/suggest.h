/* suggest.h: "did you mean …?" for commands, options and names of all kinds. */
#ifndef SUGGEST_H
#define SUGGEST_H

/* The closest of `names` (NULL-terminated) within an edit distance of 2, or NULL. */
const char *suggest(const char *word, const char *const *names);

#endif
