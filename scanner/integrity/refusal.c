#include "integrity/refusal.h"

#include <stdarg.h>

bool refuse(struct refusal *ret, enum signature_state state, const char *check,
            const char *format, ...)
{
    va_list args;
    ret->state = state;
    ret->check = check;
    va_start(args, format);
    (void)vsnprintf(ret->reason, sizeof ret->reason, format, args);
    va_end(args);
    return false;
}
