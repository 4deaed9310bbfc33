/* proxy.h: which proxy a request goes through. */
#ifndef PROXY_H
#define PROXY_H

#include "net/http.h"

/* NULL: none.  By scheme, unless the host is this machine or no_proxy lists it: names
 * ("example.org" and below, with or without a leading dot), addresses, networks
 * ("10.0.0.0/8"), "*" for all; separated by commas or spaces. */
const char *proxy_for(const struct http_options *o, const struct web_origin *to);

#endif
