#include "worker/control.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAGIC = 0x79617341 }; /* "Asay" */

enum { SEVERITY_BITS = 8 }; /* of the value of a RULE; the CWE is above */

struct head {
    uint32_t magic, type, value;
};

struct packet {
    struct head head;
    char text[NAME_MAX_BYTES];
};

/* Space for the descriptors of one message, aligned as the kernel wants it. */
union ancillary {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))];
};

bool control_send(int socket, enum control_type type, uint32_t value, struct span text,
                  const int *fds, size_t fd_count)
{
    struct packet packet = {
        .head = {MAGIC, type, value}
    };
    text = span_slice(text, 0, sizeof packet.text);
    if (text.len > 0)
        memcpy(packet.text, text.ptr, text.len);
    struct iovec all = { .iov_base = &packet, .iov_len = sizeof packet.head + text.len };
    struct msghdr message = { .msg_iov = &all, .msg_iovlen = 1 };
    union ancillary ancillary = { 0 };
    assert(fd_count <= CONTROL_FDS_MAX);
    if (fd_count > 0) {
        message.msg_control = &ancillary;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

static void take_fds(struct msghdr *message, struct control_message *m)
{
    m->fd_count = 0;
    struct cmsghdr *c = message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return;
    m->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(m->fds, CMSG_DATA(c), m->fd_count * sizeof(int));
}

bool control_receive(int socket, struct control_message *ret_message)
{
    struct control_message *m = ret_message;
    struct head head = { 0 };
    struct iovec parts[2] = {
        {&head,     sizeof head   },
        { m->bytes, NAME_MAX_BYTES}
    };
    union ancillary ancillary = { 0 };
    struct msghdr message = { .msg_iov = parts,
                              .msg_iovlen = 2,
                              .msg_control = &ancillary,
                              .msg_controllen = sizeof ancillary };
    ssize_t n;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return false;
    take_fds(&message, m);
    if ((size_t)n < sizeof head || head.magic != MAGIC ||
        (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        control_close_fds(m);
        return false;
    }
    m->type = head.type;
    m->value = head.value;
    m->text = span_of(m->bytes, (size_t)n - sizeof head);
    m->bytes[m->text.len] = '\0';
    return true;
}

void control_close_fds(struct control_message *m)
{
    for (size_t i = 0; i < m->fd_count; i++)
        (void)close(m->fds[i]);
    m->fd_count = 0;
}

bool control_send_rule(int socket, const struct rule *rule)
{
    struct buffer text;
    buffer_init(&text, NAME_MAX_BYTES);
    buffer_add(&text, span_of(rule->id, strlen(rule->id) + 1));
    buffer_add_text(&text, rule->title);
    bool sent = !text.truncated &&
                control_send(socket, CONTROL_RULE,
                             (uint32_t)rule->severity | rule->cwe << SEVERITY_BITS,
                             buffer_span(&text), NULL, 0);
    buffer_free(&text);
    return sent;
}

bool control_read_rule(const struct control_message *m, struct rule_table *table)
{
    const uint32_t severity = m->value & ((1U << SEVERITY_BITS) - 1);
    size_t id = strnlen(m->bytes, m->text.len);
    return rule_table_add(table, span_slice(m->text, 0, id),
                          span_slice(m->text, id + 1, m->text.len), severity,
                          m->value >> SEVERITY_BITS);
}
