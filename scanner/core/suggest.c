#include "core/suggest.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 48 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edits (insert, delete, replace, swap neighbours) between two words. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][WORD_MAX + 1]; /* two before, before, current; reused in turn */
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            now[j] = least(before[j] + 1, now[j - 1] + 1, before[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                earlier[j - 2] + 1 < now[j])
                now[j] = earlier[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

struct suggestion suggestion_for(const char *word)
{
    return (struct suggestion){ .word = word, .distance = SIZE_MAX };
}

void suggestion_offer(struct suggestion *s, const char *candidate)
{
    size_t word_len = strlen(s->word), len = strlen(candidate);
    if (word_len == 0 || word_len > WORD_MAX || len == 0 || len > WORD_MAX)
        return;
    size_t d = distance(s->word, word_len, candidate, len);
    if (d <= (len + 2) / 3 && d < s->distance) { /* one edit in three letters */
        s->best = candidate;
        s->distance = d;
    }
}
