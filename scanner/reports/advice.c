#include "reports/advice.h"

#include <stddef.h>
#include <string.h>

const char *report_advice(const char *rule_id)
{
    static const struct {
        const char *prefix, *text;
    } table[] = {
#define ADVICE(prefix, text) { prefix, text },
#include "reports/advice.def"
#undef ADVICE
    };
    const char *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t len = strlen(table[i].prefix);
        if (len > best_len && strncmp(rule_id, table[i].prefix, len) == 0) {
            best = table[i].text;
            best_len = len;
        }
    }
    return best;
}
