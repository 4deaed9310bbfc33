#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->code = code;
    error->retryable = false;
    (void)vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    return false;
}

bool error_errno(struct error *error, enum error_code code, const char *format, ...)
{
    char reason[128];
    const char *text = strerror_r(errno, reason, sizeof reason);
    va_list args;
    va_start(args, format);
    error->code = code;
    error->retryable = false;
    int n = vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof error->message)
        (void)snprintf(error->message + n, sizeof error->message - (size_t)n, ": %s",
                       text);
    return false;
}

const char *error_name(enum error_code code)
{
    static const char *const names[] = {
        [ERROR_NONE] = "none",     [ERROR_USAGE] = "usage",
        [ERROR_CONFIG] = "config", [ERROR_NOT_FOUND] = "not-found",
        [ERROR_IO] = "io",         [ERROR_MEMORY] = "memory",
        [ERROR_WORKER] = "worker", [ERROR_NETWORK] = "network",
    };
    return names[code];
}
