#include "cli/help.h"

#include "cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HELP_MAX = 256 << 10 };

/* ---- getting it ------------------------------------------------------------------ */

static bool read_back(int fd, char **ret_text, struct error *error)
{
    char *text = malloc(HELP_MAX);
    ssize_t n = text ? pread(fd, text, HELP_MAX - 1, 0) : -1;
    if (n <= 0) {
        free(text);
        return error_set(error, ERROR_IO, "the help text cannot be read");
    }
    text[n] = '\0';
    *ret_text = text;
    return true;
}

bool help_of(const char *command, char **ret_text, struct error *error)
{
    char name[64], flag[] = "--help";
    char *argv[] = { name, flag, NULL };
    int fd = memfd_create("help", MFD_CLOEXEC);
    int saved = fflush(stdout) == 0 ? dup(STDOUT_FILENO) : -1;
    bool ok = fd >= 0 && saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0;
    (void)snprintf(name, sizeof name, "%s", command);
    if (ok) {
        optind = 0; /* glibc: start over */
        ok = command_run(2, argv) == 0;
        ok = fflush(stdout) == 0 && ok;
        ok = dup2(saved, STDOUT_FILENO) >= 0 && ok;
    }
    ok = ok ? read_back(fd, ret_text, error)
            : error_errno(error, ERROR_IO, "the help text cannot be made");
    if (fd >= 0)
        close(fd);
    if (saved >= 0)
        close(saved);
    return ok;
}

/* ---- lines ----------------------------------------------------------------------- */

static size_t indent_of(struct span line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] == ' ')
        n++;
    return n;
}

/* "-o, --output FILE     text": the text is behind two spaces or more; "--long FILE text"
 * where there is no room for them. */
static void split_option(struct span line, struct help_line *ret)
{
    struct span rest = span_trim(line, " ");
    size_t gap = span_find(rest, "  ", 0), at = 0;
    struct help_option o;
    if (gap == SIZE_MAX) {
        while (help_option(rest, &at, &o) && at < rest.len && rest.ptr[at] == ',')
            at++;
        gap = at;
    }
    ret->left = span_trim(span_slice(rest, 0, gap), " ");
    ret->right = span_trim(span_slice(rest, gap, rest.len), " ");
}

/* Of the word that an item begins with: lower case, spaces behind it; or 0. */
static size_t item_width(struct span line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] >= 'a' && line.ptr[n] <= 'z')
        n++;
    return n && span_starts(span_slice(line, n, line.len), "  ") ? n : 0;
}

bool help_next(struct span text, size_t *at, struct help_line *ret)
{
    struct help_line before = *ret;
    if (*at >= text.len)
        return false;
    size_t end = span_find(text, "\n", *at);
    struct span line = span_slice(text, *at, end);
    *at = end == SIZE_MAX ? text.len : end + 1;
    size_t indent = indent_of(line);
    *ret = (struct help_line){ .kind = HELP_TEXT, .right = line };
    if (indent == line.len) {
        ret->kind = HELP_BLANK;
    } else if (span_starts(line, "Usage: ") || span_starts(line, "usage: ")) {
        ret->kind = HELP_USAGE;
        ret->right = span_slice(line, 7, line.len);
    } else if (before.kind == HELP_USAGE && indent >= 7) {
        ret->kind = HELP_USAGE;
        ret->right = span_trim(line, " ");
        ret->continues = !span_starts(ret->right, "assay ");
    } else if (indent >= 2 && line.ptr[indent] == '-') {
        ret->kind = HELP_OPTION;
        split_option(line, ret);
    } else if (before.kind == HELP_OPTION && indent > 6) {
        ret->kind = HELP_OPTION;
        ret->continues = true;
        ret->right = span_trim(line, " ");
    } else if (indent >= 2) {
        ret->kind = HELP_SAMPLE;
        ret->right = span_trim(line, " ");
    } else if (indent == 0 && item_width(line)) {
        ret->kind = HELP_ITEM;
        ret->left = span_slice(line, 0, item_width(line));
        ret->right = span_trim(span_slice(line, ret->left.len, line.len), " ");
    }
    return true;
}

/* ---- options --------------------------------------------------------------------- */

static bool word_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool help_option(struct span left, size_t *at, struct help_option *ret)
{
    struct help_option o = { 0 };
    size_t i = *at;
    while (i < left.len && left.ptr[i] == ' ')
        i++;
    if (i + 3 < left.len && left.ptr[i] == '-' && left.ptr[i + 1] != '-' &&
        left.ptr[i + 2] == ',') {
        o.letter = (char)left.ptr[i + 1];
        i += 4;
    }
    if (!span_starts(span_slice(left, i, left.len), "--"))
        return false;
    size_t start = i + 2;
    for (i = start; i < left.len && word_char(left.ptr[i]); i++)
        ;
    o.name = span_slice(left, start, i);
    size_t next = i + 1;
    if (i + 1 < left.len && left.ptr[i] == ' ' && left.ptr[next] != '-' &&
        left.ptr[next] != ' ' && left.ptr[next] != '(') {
        for (i = next; i < left.len && left.ptr[i] != ' ' && left.ptr[i] != ','; i++)
            ;
        o.argument = span_slice(left, next, i);
    }
    *at = i < left.len && left.ptr[i] == ',' ? i + 1 : i;
    *ret = o;
    return o.name.len > 0;
}

struct span help_subcommand(struct span usage, const char *command)
{
    struct buffer start;
    buffer_init(&start, 128);
    buffer_printf(&start, "assay %s ", command);
    size_t at = start.len, end;
    bool begins = start.text && span_starts(usage, start.text);
    buffer_free(&start);
    while (begins && at < usage.len && usage.ptr[at] == '[') { /* options in front */
        size_t close = span_find(usage, "] ", at);
        at = close == SIZE_MAX ? usage.len : close + 2;
    }
    for (end = at; end < usage.len && word_char(usage.ptr[end]); end++)
        ;
    bool whole = end == usage.len || usage.ptr[end] == ' ';
    return begins && whole && end > at && usage.ptr[at] != '-'
               ? span_slice(usage, at, end)
               : (struct span){ 0 };
}
