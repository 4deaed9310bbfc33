/* clock.h: the time as everything in net/ sees it, so that tests own it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*now)(void *self);                       /* seconds since 1970 */
    void (*sleep)(void *self, unsigned milliseconds); /* may return early */
    uint32_t (*random)(void *self);                   /* for jitter, not for secrets */
    void *self;
};

extern const struct clock clock_system;

#endif
