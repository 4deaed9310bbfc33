#include "reports/text/out.h"

#include "reports/escape.h"

#include <string.h>

enum { WORDS_MAX = 16 << 20, WIDTH_DEFAULT = 80, WIDTH_MIN = 40 };

void text_out_init(struct text_out *t, FILE *file, size_t width, bool colour)
{
    *t = (struct text_out){ .file = file, .width = width, .colour = colour };
    if (width == 0)
        t->width = WIDTH_DEFAULT;
    else if (width < WIDTH_MIN)
        t->width = WIDTH_MIN;
    buffer_init(&t->words, WORDS_MAX);
}

void text_out_free(struct text_out *t)
{
    buffer_free(&t->words);
}

void text_out_add(struct text_out *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buffer_vprintf(&t->words, format, args);
    va_end(args);
}

void text_out_bytes(struct text_out *t, struct span hostile)
{
    escape_terminal(&t->words, hostile);
}

static void styled(const struct text_out *t, enum style style, const char *text)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "",
        [STYLE_BOLD] = "\033[1m",
        [STYLE_DIM] = "\033[2m",
        [STYLE_RED] = "\033[1;31m",
        [STYLE_YELLOW] = "\033[1;33m",
        [STYLE_GREEN] = "\033[1;32m",
    };
    bool on = t->colour && style != STYLE_PLAIN && *text;
    fprintf(t->file, "%s%s%s", on ? codes[style] : "", text, on ? "\033[0m" : "");
}

/* The next word.  One space parts two words; further spaces belong to the second, so
 * that nothing of a name is lost but at the end of a line. */
static struct span next_word(struct span words, size_t *at)
{
    if (*at > 0 && *at < words.len)
        ++*at;
    size_t start = *at;
    while (*at < words.len && words.ptr[*at] == ' ')
        ++*at;
    while (*at < words.len && words.ptr[*at] != ' ')
        ++*at;
    return span_slice(words, start, *at);
}

/* The longest head of a word that fits into `columns`, at least one character. */
static size_t fitting(struct span word, size_t columns)
{
    size_t end = 0;
    while (end < word.len) {
        size_t next = end + 1;
        while (next < word.len && (word.ptr[next] & 0xc0) == 0x80)
            next++;
        if (end > 0 && escape_width(span_slice(word, end, next)) > columns)
            break;
        columns -= escape_width(span_slice(word, end, next));
        end = next;
        if (columns == 0)
            break;
    }
    return end;
}

/* No line may start with "::" after its indent: a CI log would take it for a command. */
static size_t put_word(const struct text_out *t, struct span word, bool line_start)
{
    size_t columns = 0;
    if (line_start && span_starts(word, "::")) {
        fputs("\\x3a", t->file);
        columns = 4;
        word = span_slice(word, 1, word.len);
    }
    if (word.len)
        (void)fwrite(word.ptr, 1, word.len, t->file);
    return columns + escape_width(word);
}

static void new_line(const struct text_out *t, size_t indent)
{
    fprintf(t->file, "\n%*s", (int)indent, "");
}

static void flow(const struct text_out *t, size_t indent)
{
    struct span words = buffer_span(&t->words);
    size_t column = indent, at = 0;
    bool line_start = true;
    for (struct span word = next_word(words, &at); word.len;
         word = next_word(words, &at)) {
        size_t room = t->width - indent;
        if (!line_start && column + 1 + escape_width(word) > t->width) {
            new_line(t, indent);
            column = indent;
            line_start = true;
        }
        while (line_start && escape_width(word) > room) { /* longer than a whole line */
            size_t n = fitting(word, room);
            (void)put_word(t, span_slice(word, 0, n), true);
            word = span_slice(word, n, word.len);
            if (word.len)
                new_line(t, indent);
        }
        if (!word.len)
            continue;
        if (!line_start) {
            fputc(' ', t->file);
            column++;
        }
        column += put_word(t, word, line_start);
        line_start = false;
    }
}

void text_out_item(struct text_out *t, enum style style, const char *label, size_t indent)
{
    size_t len = strlen(label);
    if (len || t->words.len) {
        styled(t, style, label);
        if (t->words.len) {
            if (len > indent)
                new_line(t, indent);
            else
                fprintf(t->file, "%*s", (int)(indent - len), "");
            flow(t, indent);
        }
        fputc('\n', t->file);
    }
    t->failed |= t->words.truncated;
    buffer_clear(&t->words);
}

void text_out_line(struct text_out *t, enum style style, size_t indent)
{
    struct span words = buffer_span(&t->words);
    fprintf(t->file, "%*s", (int)indent, "");
    if (span_starts(words, "::")) {
        fputs("\\x3a", t->file);
        words = span_slice(words, 1, words.len);
    }
    if (words.len)
        styled(t, style, (const char *)words.ptr); /* buffers end with a NUL */
    fputc('\n', t->file);
    t->failed |= t->words.truncated;
    buffer_clear(&t->words);
}

void text_out_blank(struct text_out *t)
{
    fputc('\n', t->file);
}
