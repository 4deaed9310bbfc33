#include "net/clock.h"

#include <sys/random.h>
#include <time.h>

static int64_t system_now(void *self)
{
    (void)self;
    return (int64_t)time(NULL);
}

static void system_sleep(void *self, unsigned milliseconds)
{
    (void)self;
    struct timespec t = { .tv_sec = milliseconds / 1000,
                          .tv_nsec = (long)(milliseconds % 1000) * 1000000 };
    (void)nanosleep(&t, NULL);
}

static uint32_t system_random(void *self)
{
    (void)self;
    uint32_t bits = 0;
    if (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        bits = (uint32_t)time(NULL); /* only jitter */
    return bits;
}

const struct clock clock_system = { system_now, system_sleep, system_random, NULL };
