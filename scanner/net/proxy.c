#include "net/proxy.h"

#include "net/address.h"

#include <string.h>
#include <strings.h>

/* One element of no_proxy, without a port. */
static bool excepts(struct span element, const char *host)
{
    char text[URL_HOST_MAX + 1];
    while (span_starts(element, ".") || span_starts(element, "*."))
        element = span_slice(element, element.ptr[0] == '*' ? 2 : 1, element.len);
    if (element.len == 0 || element.len >= sizeof text)
        return false;
    memcpy(text, element.ptr, element.len);
    text[element.len] = '\0';
    size_t n = strlen(host);
    bool below = n > element.len && host[n - element.len - 1] == '.';
    return strcmp(text, "*") == 0 || address_within(host, text) ||
           ((below || n == element.len) && strcasecmp(host + n - element.len, text) == 0);
}

const char *proxy_for(const struct http_options *o, const struct web_origin *to)
{
    const char *proxy = to->tls ? o->https_proxy : o->http_proxy;
    const char *list = o->no_proxy ? o->no_proxy : "";
    if (!proxy || !*proxy || web_origin_loopback(to))
        return NULL;
    while (*list) {
        size_t len = strcspn(list, ", \t");
        if (excepts(span_of(list, len), to->host))
            return NULL;
        list += len + strspn(list + len, ", \t");
    }
    return proxy;
}
