#include "net/retry.h"

enum { FIRST_MS = 500, LONGEST_MS = 30000 };

bool retry_status(unsigned status, const struct fields *f, bool repeatable)
{
    switch (status) {
    case 429:
    case 503:
        return true;
    case 403: /* GitHub's way of saying 429 */
        return field_exhausted(f);
    case 408:
    case 500:
    case 502:
    case 504:
        return repeatable;
    default:
        return false;
    }
}

bool retry_wait(const struct fields *f, unsigned attempt, unsigned wait_max,
                const struct clock *clock, uint64_t *ret_milliseconds)
{
    uint64_t seconds, ms = FIRST_MS;
    if (field_wait(f, clock->now(clock->self), &seconds)) {
        if (seconds > wait_max)
            return false;
        ms = seconds * 1000;
    } else {
        for (unsigned i = 1; i < attempt && ms < LONGEST_MS; i++)
            ms *= 2;
        ms = ms < LONGEST_MS ? ms : LONGEST_MS;
    }
    uint64_t quarter = ms / 4;
    *ret_milliseconds = ms + clock->random(clock->self) % (quarter + 1);
    return true;
}
