/* Files that hold credentials: netrc, tokens, JSON, profiles of AWS, keys of Google.  The
 * first byte picks.  What is found makes a header line, or is refused. */
#include "net/credential.h"
#include "net/google.h"
#include "net/secret.h"
#include "net/sigv4.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static const char *environment(const char *name)
{
    static const char *const names[] = { "NETRC", "FILE", "AWS_SHARED_CREDENTIALS_FILE",
                                         "GOOGLE_APPLICATION_CREDENTIALS" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return path;
    return NULL;
}

static void use(const struct secrets *s, const struct web_origin *to)
{
    struct error error = { .code = ERROR_NONE };
    struct credential *c = s->user
                               ? credential_basic(to, span_of_text(s->user),
                                                  span_of_text(s->word), false, &error)
                               : credential_header(to, "Authorization", "Bearer ",
                                                   span_of_text(s->word), false, &error);
    const char *line = credential_line(c, to);
    require(c || (error.message[0] && (strlen(s->word) < 8 || strlen(s->word) > 200 ||
                                       !strstr(error.message, s->word))));
    for (; line && *line; line++)
        require((unsigned char)*line >= 0x20 && *line != 0x7f);
    credential_free(c);
}

static void find(const struct auth_method *m, const struct auth_place *place)
{
    const struct web_origin to = { .tls = true, .host = "hub.test", .port = 443 };
    struct secrets s = { 0 };
    struct error error = { .code = ERROR_NONE };
    if (!secrets_find(m, place, &to, &s, &error))
        require(error.code != ERROR_NONE);
    else if (s.word)
        use(&s, &to);
    secrets_wipe(&s);
}

static void find_key(const struct auth_method *m, const struct auth_place *place)
{
    struct sigv4_key key = { 0 };
    struct error error = { .code = ERROR_NONE };
    if (sigv4_key_find(m, place, &key, &error))
        require(!key.id == !key.secret);
    else
        require(error.code != ERROR_NONE);
    sigv4_key_wipe(&key);
}

static void find_google(const struct auth_method *m, const struct auth_place *place)
{
    struct google_key key = { 0 };
    struct error error = { .code = ERROR_NONE };
    struct buffer form;
    buffer_init(&form, 64 << 10);
    if (!google_key_find(m, place, &key, &error))
        require(error.code == ERROR_CONFIG);
    else if (key.url) {
        require(strncmp(key.url, "https://", 8) == 0 &&
                strstr(key.url, "googleapis.com"));
        (void)google_form(&key, 1790000000, &form, &error);
    }
    secret_wipe(form.text, form.len);
    buffer_free(&form);
    google_key_wipe(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const none[] = { NULL }, *const file[] = { "$FILE", NULL };
    static const char *const google[] = { "GOOGLE_APPLICATION_CREDENTIALS", NULL };
    const struct auth_place place = { environment, "/nonexistent" };
    struct auth_method m = { .kind = AUTH_BEARER, .env = none, .files = none };
    int fd = memfd_create("secret", MFD_CLOEXEC);
    if (fd < 0 || size == 0)
        return fd >= 0 ? close(fd) : 0;
    require(write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    switch (data[0] % 8) {
    case 0:
    case 1:
        m.netrc = true;
        m.kind = data[0] % 8 ? AUTH_BASIC : AUTH_BEARER;
        find(&m, &place);
        break;
    case 2:
        m.files = file;
        find(&m, &place);
        break;
    case 3: /* kaggle.json */
        m.kind = AUTH_BASIC;
        m.json_file = "$FILE";
        m.json_pointer[0] = "/username";
        m.json_pointer[1] = "/key";
        find(&m, &place);
        break;
    case 4: /* ~/.docker/config.json */
        m.kind = AUTH_OCI;
        m.json_file = "$FILE";
        m.json_pointer[0] = "/auths/{host}/auth";
        find(&m, &place);
        break;
    case 5:
        m.files = file;
        m.kind = AUTH_SIGV4;
        find_key(&m, &place);
        break;
    default:
        m.env = google;
        m.kind = AUTH_GOOGLE;
        find_google(&m, &place);
    }
    return close(fd);
}
