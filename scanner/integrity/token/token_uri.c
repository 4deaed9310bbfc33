#include "integrity/token/token_uri.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static bool refuse(struct error *error, const char *what)
{
    return error_set(error, ERROR_CONFIG, "the PKCS #11 URI: %s", what);
}

/* RFC 7512, 2.4: a file, as a path or a "file:" URI of one; "|" begins a command. */
static bool read_pin_source(struct token_uri *u, struct error *error)
{
    const char *source = p11_kit_uri_get_pin_source(u->uri);
    if (!source)
        return true;
    if (source[0] == '|')
        return refuse(error, "pin-source is a command; Assay runs none");
    if (u->pin)
        return refuse(error, "it has both pin-value and pin-source");
    if (strncmp(source, "file:", 5) == 0) {
        source += 5;
        if (strncmp(source, "//localhost/", 12) == 0)
            source += 11;
        else if (strncmp(source, "///", 3) == 0)
            source += 2;
    }
    if (source[0] != '/' || source[1] == '/')
        return refuse(error, "pin-source is no absolute path of a file");
    u->pin_file = source;
    return true;
}

/* Whether a name is given twice in `part`, which ends at `end` or where the text does:
 * p11-kit would take the last (RFC 7512, 2.3: it must not be). */
static bool repeats_a_name(const char *part, const char *end, const char *separator)
{
    for (const char *a = part; a < end; a += strcspn(a, separator) + 1) {
        size_t name = strcspn(a, "=");
        const char *b = a + strcspn(a, separator) + 1;
        for (; b < end; b += strcspn(b, separator) + 1)
            if (strcspn(b, "=") == name && memcmp(a, b, name) == 0)
                return true;
    }
    return false;
}

static bool repeats(const char *text)
{
    const char *query = text + strcspn(text, "?"), *end = text + strlen(text);
    return repeats_a_name(text, query, ";") ||
           (query < end && repeats_a_name(query + 1, end, "&"));
}

static bool check(struct token_uri *u, struct error *error)
{
    if (p11_kit_uri_any_unrecognized(u->uri))
        return refuse(error, "it has an attribute that RFC 7512 does not know");
    u->pin = p11_kit_uri_get_pin_value(u->uri);
    u->module_path = p11_kit_uri_get_module_path(u->uri);
    u->module_name = p11_kit_uri_get_module_name(u->uri);
    if (u->pin && strlen(u->pin) >= TOKEN_PIN_MAX)
        return refuse(error, "pin-value is too long for a PIN");
    if (u->module_path && u->module_path[0] != '/')
        return refuse(error, "module-path is no absolute path");
    if (u->module_name && (u->module_name[0] == '\0' || strchr(u->module_name, '/')))
        return refuse(error, "module-name is no name");
    return read_pin_source(u, error);
}

bool token_uri_read(const char *text, struct token_uri *ret_uri, struct error *error)
{
    struct token_uri u = { .uri = p11_kit_uri_new() };
    if (!u.uri)
        return error_set(error, ERROR_MEMORY, "out of memory");
    int result = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, u.uri);
    bool ok = result == P11_KIT_URI_BAD_SCHEME
                  ? refuse(error, "it does not begin with \"pkcs11:\"")
              : result != P11_KIT_URI_OK ? refuse(error, p11_kit_uri_message(result))
              : repeats(text + P11_KIT_URI_SCHEME_LEN + 1)
                  ? refuse(error, "it has an attribute twice")
                  : check(&u, error);
    if (ok)
        *ret_uri = u;
    else
        token_uri_free(&u);
    return ok;
}

void token_uri_free(struct token_uri *u)
{
    /* p11-kit's copy of the PIN, which it would only free. */
    const char *pin = u->uri ? p11_kit_uri_get_pin_value(u->uri) : NULL;
    if (pin)
        explicit_bzero((void *)(uintptr_t)pin, strlen(pin));
    p11_kit_uri_free(u->uri);
    *u = (struct token_uri){ 0 };
}

bool token_uri_slot(const struct token_uri *u, CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slot = p11_kit_uri_get_slot_id(u->uri);
    if (slot == (CK_SLOT_ID)-1)
        return false;
    *ret_slot = slot;
    return true;
}

static bool first_line(int fd, char pin[TOKEN_PIN_MAX], const char *path,
                       struct error *error)
{
    size_t len = 0;
    ssize_t n = 1;
    while (len < TOKEN_PIN_MAX && (n = read(fd, pin + len, TOKEN_PIN_MAX - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        return error_errno(error, ERROR_IO, "%.300s", path);
    size_t end = 0;
    while (end < len && pin[end] != '\n' && pin[end] != '\r' && pin[end] != '\0')
        end++;
    if (end == TOKEN_PIN_MAX || end == 0)
        return error_set(error, ERROR_CONFIG, "%.300s: its first line is no PIN", path);
    pin[end] = '\0';
    return true;
}

bool token_uri_pin(const struct token_uri *u, char pin[TOKEN_PIN_MAX],
                   struct error *error)
{
    error->code = ERROR_NONE;
    if (u->pin)
        memcpy(pin, u->pin, strlen(u->pin) + 1);
    if (!u->pin_file)
        return u->pin != NULL;
    int fd = open(u->pin_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(error, ERROR_CONFIG, "%.300s", u->pin_file);
    bool ok = first_line(fd, pin, u->pin_file, error);
    (void)close(fd);
    return ok;
}
