#include "net/loopback.h"

#include "net/credential.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Nothing of the page is anybody's input, and nothing is fetched for it. */
#define PAGE(status, text)                                                               \
    "HTTP/1.1 " status "\r\n"                                                            \
    "Content-Type: text/html; charset=utf-8\r\n"                                         \
    "Content-Security-Policy: default-src 'none'\r\n"                                    \
    "Referrer-Policy: no-referrer\r\n"                                                   \
    "X-Content-Type-Options: nosniff\r\n"                                                \
    "Cache-Control: no-store\r\n"                                                        \
    "Connection: close\r\n\r\n"                                                          \
    "<!DOCTYPE html><html lang=\"en\"><title>Assay</title><p>" text "\n"

static const char taken_page[] =
    PAGE("200 OK", "Assay has the answer of your identity provider, and says in the "
                   "terminal what became of it. You may close this page.");
static const char other_page[] =
    PAGE("404 Not Found", "This is no answer to the sign-in that Assay waits for.");

struct connection {
    int fd; /* -1: free */
    size_t len;
    char text[LOOPBACK_REQUEST_MAX];
};

struct loopback {
    int fd;
    uint16_t port;
    size_t next; /* where the next connection goes: the oldest makes room */
    struct connection connections[LOOPBACK_CONNECTIONS];
};

/* ---- beginning and end ------------------------------------------------------------ */

static bool listen_here(struct loopback *l)
{
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&here, size) != 0 ||
        listen(l->fd, LOOPBACK_CONNECTIONS) != 0 ||
        getsockname(l->fd, (struct sockaddr *)&here, &size) != 0)
        return false;
    l->port = ntohs(here.sin_port);
    return true;
}

struct loopback *loopback_open(struct error *error)
{
    struct loopback *l = calloc(1, sizeof *l);
    if (!l) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < LOOPBACK_CONNECTIONS; i++)
        l->connections[i].fd = -1;
    if (listen_here(l))
        return l;
    (void)error_errno(error, ERROR_IO, "nothing can be heard on 127.0.0.1");
    loopback_close(l);
    return NULL;
}

static void hang_up(struct connection *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    secret_wipe(c->text, c->len);
    c->fd = -1;
    c->len = 0;
}

void loopback_close(struct loopback *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < LOOPBACK_CONNECTIONS; i++)
        hang_up(&l->connections[i]);
    if (l->fd >= 0)
        (void)close(l->fd);
    free(l);
}

uint16_t loopback_port(const struct loopback *l)
{
    return l->port;
}

/* ---- listening -------------------------------------------------------------------- */

/* False when we have no room for any. */
static bool take_connection(struct loopback *l)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) /* gone already, or … */
        return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    struct connection *c = &l->connections[l->next];
    l->next = (l->next + 1) % LOOPBACK_CONNECTIONS;
    hang_up(c);
    c->fd = fd;
    return true;
}

/* It fits into the socket's buffer: who does not read it does without. */
static void answer(struct connection *c, const char *page)
{
    (void)send(c->fd, page, strlen(page), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(c->fd, SHUT_WR);
    hang_up(c);
}

/* True when the request is whole, and is the one. */
static bool hear(struct connection *c, bool (*take)(void *self, struct span head),
                 void *self)
{
    ssize_t n = recv(c->fd, c->text + c->len, sizeof c->text - c->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        hang_up(c);
        return false;
    }
    c->len += (size_t)n;
    size_t end = span_find(span_of(c->text, c->len), "\r\n\r\n", 0);
    if (end == SIZE_MAX) {
        if (c->len == sizeof c->text)
            answer(c, other_page);
        return false;
    }
    bool taken = take(self, span_of(c->text, end + 4));
    answer(c, taken ? taken_page : other_page);
    return taken;
}

static int64_t milliseconds_now(void)
{
    struct timespec t = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool loopback_wait(struct loopback *l, int milliseconds,
                   bool (*take)(void *self, struct span head), void *self,
                   struct error *error)
{
    struct pollfd fds[LOOPBACK_CONNECTIONS + 1];
    int64_t end = milliseconds_now() + milliseconds;
    for (;;) {
        int64_t left = end - milliseconds_now();
        fds[LOOPBACK_CONNECTIONS] = (struct pollfd){ .fd = l->fd, .events = POLLIN };
        for (size_t i = 0; i < LOOPBACK_CONNECTIONS; i++)
            fds[i] = (struct pollfd){ .fd = l->connections[i].fd, .events = POLLIN };
        int n = poll(fds, LOOPBACK_CONNECTIONS + 1, left > 0 ? (int)left : 0);
        if (n < 0 && errno != EINTR)
            return error_errno(error, ERROR_IO, "127.0.0.1");
        if (n == 0 || left <= 0)
            return error_set(error, ERROR_NETWORK,
                             "nobody has signed in within %d seconds",
                             milliseconds / 1000);
        for (size_t i = 0; n > 0 && i < LOOPBACK_CONNECTIONS; i++)
            if (fds[i].revents && hear(&l->connections[i], take, self))
                return true;
        if (n > 0 && fds[LOOPBACK_CONNECTIONS].revents && !take_connection(l))
            return error_errno(error, ERROR_IO, "127.0.0.1");
    }
}
