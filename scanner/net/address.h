/* address.h: what kind of network an IP address lies in.
 *
 * A public server must not send us into the network that we run in (server-side request
 * forgery), so this is asked of the address that is really connected to, after DNS.
 * Sources: IANA special-purpose address registries (RFC 6890), RFC 6598, RFC 4193; the
 * documentation of cloud providers for the addresses of instance metadata. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* From far to near.  A hop may lead to `public`, or to what is no nearer than itself;
 * never to the last one. */
enum address_class {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE,  /* RFC 1918, shared (RFC 6598), unique local (RFC 4193) */
    ADDRESS_LOOPBACK, /* this machine */
    ADDRESS_FORBIDDEN /* link-local, instance metadata, multicast, unspecified, reserved
                       */
};

struct sockaddr;
enum address_class address_class_of(const struct sockaddr *address);

/* Of "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0".  False when it is no address. */
bool address_parse(const char *text, enum address_class *ret_class);

/* Does `text` lie in "10.0.0.0/8" or "fd00::/8"?  Also equality without a slash. */
bool address_within(const char *text, const char *network);

const char *address_class_name(enum address_class c); /* "a private address", … */

#endif
