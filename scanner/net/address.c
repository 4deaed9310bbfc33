#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct network {
    uint8_t bytes[16];
    unsigned bits;
    enum address_class class;
};

/* The first that holds the address counts, so single addresses come first. */
static const struct network networks4[] = {
    {{ 168, 63, 129, 16 },    32, ADDRESS_FORBIDDEN}, /* Azure: the host's agent */
    { { 100, 100, 100, 200 }, 32, ADDRESS_FORBIDDEN}, /* Alibaba: instance metadata */
    { { 0 },                  8,  ADDRESS_FORBIDDEN}, /* this network; Linux: loopback */
    { { 10 },                 8,  ADDRESS_PRIVATE  },
    { { 100, 64 },            10, ADDRESS_PRIVATE  }, /* carrier-grade NAT */
    { { 127 },                8,  ADDRESS_LOOPBACK },
    { { 169, 254 },           16, ADDRESS_FORBIDDEN}, /* link-local, and metadata of most */
    { { 172, 16 },            12, ADDRESS_PRIVATE  },
    { { 192, 0, 0 },          24, ADDRESS_FORBIDDEN}, /* protocols; Oracle: metadata */
    { { 192, 0, 2 },          24, ADDRESS_FORBIDDEN}, /* documentation */
    { { 192, 88, 99 },        24, ADDRESS_FORBIDDEN}, /* 6to4 relays */
    { { 192, 168 },           16, ADDRESS_PRIVATE  },
    { { 198, 18 },            15, ADDRESS_PRIVATE  }, /* benchmarks, local tunnels */
    { { 198, 51, 100 },       24, ADDRESS_FORBIDDEN},
    { { 203, 0, 113 },        24, ADDRESS_FORBIDDEN},
    { { 224 },                4,  ADDRESS_FORBIDDEN}, /* multicast */
    { { 240 },                4,  ADDRESS_FORBIDDEN}, /* reserved, broadcast */
    { { 0 },                  0,  ADDRESS_PUBLIC   },
};

/* Those that carry an IPv4 address are looked at before (embedded4). */
static const struct network networks6[] = {
    {{ 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54 },
     128,                                                        ADDRESS_FORBIDDEN}, /* AWS */
    { { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54 },
     128,                                                        ADDRESS_FORBIDDEN}, /* GCP */
    { { [15] = 1 },                                         128, ADDRESS_LOOPBACK },
    { { 0xfc },                                             7,   ADDRESS_PRIVATE  },
    { { 0xfe, 0xc0 },                                       10,  ADDRESS_PRIVATE  }, /* site-local */
    { { 0x20, 0x01, 0x0d, 0xb8 },                           32,  ADDRESS_FORBIDDEN},
    { { 0x20, 0x01, 0x00 },                                 23,  ADDRESS_FORBIDDEN}, /* Teredo, … */
    { { 0x3f, 0xff },                                       20,  ADDRESS_FORBIDDEN},
    { { 0x20 },                                             3,   ADDRESS_PUBLIC   },
    { { 0 },                                                0,   ADDRESS_FORBIDDEN}, /* all else */
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static enum address_class look_up(const struct network *table, const uint8_t *bytes)
{
    while (!same_bits(bytes, table->bytes, table->bits))
        table++; /* the last row holds everything */
    return table->class;
}

/* The IPv4 address that packets to this IPv6 address may end up at, or NULL. */
static const uint8_t *embedded4(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    static const uint8_t compatible[12] = { 0 };
    static const uint8_t sixtofour[2] = { 0x20, 0x02 };
    if (same_bits(bytes, mapped, 96) || same_bits(bytes, nat64, 96))
        return bytes + 12;
    if (same_bits(bytes, compatible, 96) && (bytes[12] | bytes[13] | bytes[14]))
        return bytes + 12;
    return same_bits(bytes, sixtofour, 16) ? bytes + 2 : NULL;
}

static enum address_class class_of_bytes(int family, const uint8_t *bytes)
{
    if (family == AF_INET)
        return look_up(networks4, bytes);
    const uint8_t *inner = embedded4(bytes);
    return inner ? look_up(networks4, inner) : look_up(networks6, bytes);
}

enum address_class address_class_of(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return class_of_bytes(AF_INET, (const uint8_t *)&v4.sin_addr);
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return class_of_bytes(AF_INET6, v6.sin6_addr.s6_addr);
    default:
        return ADDRESS_FORBIDDEN;
    }
}

/* The family, 0 when `text` is no address.  A zone ("%eth0") is cut off. */
static int read_address(const char *text, uint8_t ret_bytes[16])
{
    char plain[INET6_ADDRSTRLEN + 1];
    size_t n = strcspn(text, "%");
    if (n >= sizeof plain)
        return 0;
    memcpy(plain, text, n);
    plain[n] = '\0';
    if (inet_pton(AF_INET, plain, ret_bytes) == 1)
        return AF_INET;
    return inet_pton(AF_INET6, plain, ret_bytes) == 1 ? AF_INET6 : 0;
}

bool address_parse(const char *text, enum address_class *ret_class)
{
    uint8_t bytes[16];
    int family = read_address(text, bytes);
    if (family)
        *ret_class = class_of_bytes(family, bytes);
    return family != 0;
}

bool address_within(const char *text, const char *network)
{
    uint8_t a[16], b[16];
    char base[INET6_ADDRSTRLEN + 1];
    size_t n = strcspn(network, "/");
    if (n >= sizeof base)
        return false;
    memcpy(base, network, n);
    base[n] = '\0';
    int family = read_address(text, a);
    unsigned long most = family == AF_INET ? 32 : 128, bits = most;
    if (!family || read_address(base, b) != family)
        return false;
    if (network[n] == '/') {
        char *end;
        bits = strtoul(network + n + 1, &end, 10);
        if (end == network + n + 1 || *end || bits > most)
            return false;
    }
    return same_bits(a, b, (unsigned)bits);
}

const char *address_class_name(enum address_class c)
{
    static const char *const names[] = {
        [ADDRESS_PUBLIC] = "a public address",
        [ADDRESS_PRIVATE] = "a private address",
        [ADDRESS_LOOPBACK] = "a loopback address",
        [ADDRESS_FORBIDDEN] = "a link-local, metadata or reserved address",
    };
    return names[c];
}
