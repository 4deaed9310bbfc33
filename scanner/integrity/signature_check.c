#include "integrity/signature_check.h"

struct row {
    const char *name;
    enum signature_state state;
};

#define CHECK(symbol, name, state, what) { name, SIGNATURE_##state },
static const struct row checks[SC_COUNT] = {
    {"", SIGNATURE_VERIFIED},
#include "integrity/checks.def"
};
#undef CHECK

const char *signature_check_name(enum signature_check c)
{
    return checks[c].name;
}

enum signature_state signature_check_state(enum signature_check c)
{
    return checks[c].state;
}

bool signature_check_parse(const char *name, enum signature_check *ret_check)
{
    for (enum signature_check c = SC_NONE + 1; c < SC_COUNT; c++)
        if (strcmp(checks[c].name, name) == 0) {
            *ret_check = c;
            return true;
        }
    return false;
}

void signature_fail(struct signature_failure *failure, enum signature_check check,
                    const char *format, va_list args)
{
    failure->check = check;
    (void)vsnprintf(failure->reason, sizeof failure->reason, format, args);
}

bool signature_require(struct signature_failure *failure, enum signature_check check,
                       bool holds, const char *format, ...)
{
    va_list args;
    if (holds)
        return true;
    va_start(args, format);
    signature_fail(failure, check, format, args);
    va_end(args);
    return false;
}
