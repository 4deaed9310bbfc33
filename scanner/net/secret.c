#include "net/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 10, FILE_PATH_MAX = 4096 };

void secrets_wipe(struct secrets *s)
{
    secret_wipe(s->user, s->user ? strlen(s->user) : 0);
    secret_wipe(s->word, s->word ? strlen(s->word) : 0);
    free(s->user);
    free(s->word);
    s->user = s->word = NULL;
}

static const char *variable(const struct auth_place *place, const char *name)
{
    const char *value = place->env ? place->env(name) : NULL;
    return value && *value ? value : NULL;
}

static char *copy(const char *text, size_t len)
{
    char *new = malloc(len + 1);
    if (!new)
        return NULL;
    memcpy(new, text, len);
    new[len] = '\0';
    return new;
}

static bool no_memory(struct error *error)
{
    return error_set(error, ERROR_MEMORY, "out of memory");
}

static bool keep(struct secrets *s, const char *user, const char *word, size_t word_len,
                 const char *source, struct error *error)
{
    s->user = user ? strdup(user) : NULL;
    s->word = copy(word, word_len);
    (void)snprintf(s->source, sizeof s->source, "%s", source);
    if (s->word && (s->user || !user))
        return true;
    secrets_wipe(s);
    return no_memory(error);
}

/* Does this kind need a name and a password, and not only a word? */
static bool wants_pair(const struct auth_method *m)
{
    bool two = m->env[0] && m->env[1];
    switch (m->kind) {
    case AUTH_BASIC:
        return !m->user && (two || m->json_pointer[1]);
    case AUTH_OCI:
    case AUTH_EXCHANGE:
        return !m->user;
    default:
        return false;
    }
}

static bool from_environment(const struct auth_method *m, const struct auth_place *place,
                             struct secrets *s, struct error *error)
{
    if (wants_pair(m)) {
        const char *user = m->env[0] ? variable(place, m->env[0]) : NULL;
        const char *word = user && m->env[1] ? variable(place, m->env[1]) : NULL;
        return !word || keep(s, user, word, strlen(word), m->env[1], error);
    }
    for (size_t i = 0; m->env[i]; i++) {
        const char *word = variable(place, m->env[i]);
        if (word)
            return keep(s, m->user, word, strlen(word), m->env[i], error);
    }
    return true;
}

/* --- files --- */

/* "~/x" and "$NAME/x"; false when there is no such place. */
static bool path_of(const char *text, const struct auth_place *place,
                    char ret_path[FILE_PATH_MAX])
{
    const char *base = place->home, *rest = text + 1;
    char name[64];
    if (*text == '$') {
        size_t n = strcspn(rest, "/");
        if (n >= sizeof name)
            return false;
        memcpy(name, rest, n);
        name[n] = '\0';
        base = variable(place, name);
        rest += n;
    } else if (*text != '~') {
        base = "";
        rest = text;
    }
    if (!base || !place->home)
        return false;
    int n = snprintf(ret_path, FILE_PATH_MAX, "%s%s", base, rest);
    return n > 0 && n < FILE_PATH_MAX;
}

bool secret_file(const struct auth_place *place, const char *shown, char **ret_text,
                 struct error *error)
{
    char path[FILE_PATH_MAX];
    struct stat st;
    *ret_text = NULL;
    if (!path_of(shown, place, path))
        return true;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    char *text = malloc(FILE_BYTES_MAX + 1);
    ssize_t n = -1;
    if (fd >= 0 && text && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        n = read(fd, text, FILE_BYTES_MAX);
    int why = errno;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0) {
        free(text);
        errno = why;
        return error_errno(error, ERROR_CONFIG, "cannot read credentials from %s", shown);
    }
    text[n] = '\0';
    *ret_text = text;
    return true;
}

void secret_file_free(char *text)
{
    secret_wipe(text, text ? strlen(text) : 0);
    free(text);
}

/* Files that hold a token and nothing else; what is no single word is another format. */
static bool from_token_file(const struct auth_method *m, const char *shown,
                            const char *text, struct secrets *s, struct error *error)
{
    const char *word = text + strspn(text, " \t\r\n");
    size_t len = strcspn(word, " \t\r\n");
    const char *rest = word + len;
    if (len == 0 || rest[strspn(rest, " \t\r\n")] || strpbrk(word, "{}\"'"))
        return true;
    return wants_pair(m) || keep(s, m->user, word, len, shown, error);
}

static const char *next_word(const char **at, size_t *ret_len)
{
    const char *word = *at + strspn(*at, " \t\r\n");
    *ret_len = strcspn(word, " \t\r\n");
    *at = word + *ret_len;
    return word;
}

static bool word_is(const char *word, size_t len, const char *literal)
{
    return strlen(literal) == len && memcmp(word, literal, len) == 0;
}

/* "machine HOST login USER password WORD".  "default" would send it anywhere: ignored. */
static bool from_netrc(const struct auth_method *m, const char *shown, const char *text,
                       const char *host, struct secrets *s, struct error *error)
{
    bool mine = false;
    struct span user = { 0 };
    size_t len;
    for (const char *at = text, *word; word = next_word(&at, &len), len > 0;) {
        bool machine = word_is(word, len, "machine");
        bool login = word_is(word, len, "login"),
             password = word_is(word, len, "password");
        if (word_is(word, len, "default"))
            mine = false;
        if (word_is(word, len, "macdef")) { /* up to an empty line */
            const char *end = strstr(at, "\n\n");
            at = end ? end : at + strlen(at);
            mine = false;
        }
        if (!machine && !login && !password)
            continue;
        word = next_word(&at, &len);
        if (machine) {
            mine = word_is(word, len, host);
            user = (struct span){ 0 };
        } else if (mine && login) {
            user = span_of(word, len);
        } else if (mine) {
            char *name = copy((const char *)user.ptr, user.len);
            bool pair = wants_pair(m), ok = name != NULL;
            ok = ok ? keep(s, pair ? name : m->user, word, len, shown, error)
                    : no_memory(error);
            free(name);
            return ok;
        }
    }
    return true;
}

static bool from_files(const struct auth_method *m, const struct auth_place *place,
                       const char *host, struct secrets *s, struct error *error)
{
    static const char *const netrc[] = { "$NETRC", "~/.netrc", NULL };
    for (int of_netrc = 0; of_netrc < 2; of_netrc++) {
        const char *const *list = of_netrc ? netrc : m->files;
        for (; *list && !s->word && (!of_netrc || m->netrc); list++) {
            char *text;
            bool named = span_ends(span_of_text(*list), "netrc");
            if (!secret_file(place, *list, &text, error))
                return false;
            bool ok =
                !text || (named || of_netrc ? from_netrc(m, *list, text, host, s, error)
                                            : from_token_file(m, *list, text, s, error));
            secret_file_free(text);
            if (!ok)
                return false;
        }
    }
    return true;
}

/* --- JSON files --- */

/* One step of a pointer: "~1" is "/", "~0" is "~". */
static const json_t *step_into(const json_t *at, const char *step, size_t len)
{
    char key[512];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (n + 1 == sizeof key)
            return NULL;
        if (step[i] == '~' && i + 1 < len)
            key[n++] = step[++i] == '1' ? '/' : '~';
        else
            key[n++] = step[i];
    }
    key[n] = '\0';
    if (!json_is_array(at))
        return json_object_get(at, key);
    char *end;
    unsigned long index = strtoul(key, &end, 10);
    return key[0] >= '0' && key[0] <= '9' && *end == '\0' ? json_array_get(at, index)
                                                          : NULL;
}

const json_t *secret_pointer(const json_t *root, const char *pointer)
{
    while (root && *pointer == '/') {
        size_t len = strcspn(pointer + 1, "/");
        root = step_into(root, pointer + 1, len);
        pointer += 1 + len;
    }
    return root;
}

/* "user:password" in base64, as Docker keeps it. */
static bool keep_encoded(struct secrets *s, const char *text, const char *source,
                         struct error *error)
{
    size_t len = strlen(text);
    uint8_t *plain = malloc(len + 4);
    if (!plain)
        return no_memory(error);
    int n = len % 4 == 0 && len < FILE_BYTES_MAX
                ? EVP_DecodeBlock(plain, (const uint8_t *)text, (int)len)
                : -1;
    bool ok = true;
    if (n > 0) {
        plain[n] = '\0';
        char *colon = strchr((char *)plain, ':');
        if (colon) {
            *colon = '\0';
            ok = keep(s, (char *)plain, colon + 1, strlen(colon + 1), source, error);
        }
    }
    secret_wipe(plain, len + 4);
    free(plain);
    return ok;
}

/* A pointer's "{host}" is the endpoint's host. */
static const char *value_at(const json_t *root, const char *pointer, const char *host)
{
    char full[512];
    const char *mark = strstr(pointer, "{host}");
    int n = mark ? snprintf(full, sizeof full, "%.*s%s%s", (int)(mark - pointer), pointer,
                            host, mark + strlen("{host}"))
                 : snprintf(full, sizeof full, "%s", pointer);
    if (n < 0 || (size_t)n >= sizeof full)
        return NULL;
    const char *value = json_string_value(secret_pointer(root, full));
    return value && *value ? value : NULL;
}

static bool from_json(const struct auth_method *m, const struct auth_place *place,
                      const char *host, struct secrets *s, struct error *error)
{
    char *text;
    struct error ignored;
    if (!m->json_file || !m->json_pointer[0])
        return true;
    if (!secret_file(place, m->json_file, &text, error) || !text)
        return text == NULL && error->code == ERROR_NONE;
    json_t *root = json_read(span_of_text(text), m->json_file, &ignored);
    secret_file_free(text);
    if (!root)
        return error_set(error, ERROR_CONFIG, "%s is not JSON", m->json_file);
    const char *first = value_at(root, m->json_pointer[0], host);
    const char *second =
        m->json_pointer[1] ? value_at(root, m->json_pointer[1], host) : NULL;
    bool ok = true;
    if (first && second)
        ok = keep(s, first, second, strlen(second), m->json_file, error);
    else if (first && wants_pair(m))
        ok = m->json_pointer[1] || keep_encoded(s, first, m->json_file, error);
    else if (first)
        ok = keep(s, m->user, first, strlen(first), m->json_file, error);
    json_decref(root);
    return ok;
}

bool secrets_find(const struct auth_method *m, const struct auth_place *place,
                  const struct web_origin *endpoint, struct secrets *ret_secrets,
                  struct error *error)
{
    struct secrets s = { 0 };
    struct error why = { .code = ERROR_NONE };
    bool ok = from_environment(m, place, &s, &why) &&
              (s.word || from_json(m, place, endpoint->host, &s, &why)) &&
              (s.word || from_files(m, place, endpoint->host, &s, &why));
    if (ok)
        *ret_secrets = s;
    else
        *error = why;
    return ok;
}

/* --- templates --- */

void secret_encode(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                     (*text >= '0' && *text <= '9') || strchr("-._~", *text);
        if (plain)
            buffer_add(out, span_of(text, 1));
        else
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

bool secret_expand(const char *text, const struct auth_place *place, struct buffer *out)
{
    char name[64];
    while (*text) {
        size_t n = strcspn(text, "$");
        buffer_add(out, span_of(text, n));
        text += n;
        if (*text != '$')
            break;
        n = strspn(text + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (n == 0 || n >= sizeof name)
            return false;
        memcpy(name, text + 1, n);
        name[n] = '\0';
        const char *value = variable(place, name);
        if (!value)
            return false;
        secret_encode(out, value);
        text += 1 + n;
    }
    return !out->truncated;
}
