#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Blank comments in place, so that lines and columns stay right.  Measures the
 * nesting on the way; false with the line when it is too deep. */
static bool strip_comments(char *text, size_t len, size_t *ret_line)
{
    bool string = false;
    size_t depth = 0, line = 1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            line++;
        } else if (string) {
            if (text[i] == '\\' && i + 1 < len)
                i++;
            else if (text[i] == '"')
                string = false;
        } else if (text[i] == '"') {
            string = true;
        } else if (text[i] == '/' && i + 1 < len && text[i + 1] == '/') {
            while (i < len && text[i] != '\n')
                text[i++] = ' ';
            i--;
        } else if (text[i] == '{' || text[i] == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                *ret_line = line;
                return false;
            }
        } else if ((text[i] == '}' || text[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

json_t *json_read(struct span bytes, const char *name, struct error *error)
{
    json_t *value = NULL;
    size_t line = 0;
    char *text = malloc(bytes.len + 1);
    if (!text) {
        error_set(error, ERROR_MEMORY, "%s: out of memory", name);
        return NULL;
    }
    if (bytes.len)
        memcpy(text, bytes.ptr, bytes.len);
    if (memchr(text, 0, bytes.len)) { /* jansson overlooks one behind a number */
        error_set(error, ERROR_CONFIG, "%s:1:1: holds a NUL byte", name);
    } else if (!strip_comments(text, bytes.len, &line)) {
        error_set(error, ERROR_CONFIG, "%s:%zu:1: nested deeper than %d levels", name,
                  line, JSON_DEPTH_MAX);
    } else {
        json_error_t at;
        value = json_loadb(text, bytes.len, JSON_REJECT_DUPLICATES, &at);
        if (!value)
            error_set(error, ERROR_CONFIG, "%s:%d:%d: %s", name, at.line, at.column,
                      at.text);
    }
    free(text);
    return value;
}

static bool read_all(int fd, char *text, size_t size, size_t *ret_len)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return true;
}

char *json_file_text(const char *path, size_t *ret_len, struct error *error)
{
    char *text = NULL;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(error, ERROR_IO, "%s", path);
    } else if (!S_ISREG(st.st_mode)) {
        error_set(error, ERROR_CONFIG, "%s: not a regular file", path);
    } else if (st.st_size > JSON_FILE_MAX) {
        error_set(error, ERROR_CONFIG, "%s: larger than %d bytes", path, JSON_FILE_MAX);
    } else if (!(text = malloc((size_t)st.st_size + 1))) {
        error_set(error, ERROR_MEMORY, "%s: out of memory", path);
    } else if (!read_all(fd, text, (size_t)st.st_size, ret_len)) {
        error_errno(error, ERROR_IO, "%s", path);
        free(text);
        text = NULL;
    }
    if (fd >= 0)
        close(fd);
    return text;
}

json_t *json_read_file(const char *path, struct error *error)
{
    size_t len = 0;
    char *text = json_file_text(path, &len, error);
    json_t *value = text ? json_read(span_of(text, len), path, error) : NULL;
    free(text);
    return value;
}

const char *json_unknown_key(const json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return key;
    }
    return NULL;
}
