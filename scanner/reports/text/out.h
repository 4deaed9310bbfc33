/* out.h: paragraphs with a hanging label, for the text report.
 *
 *     LABEL       words that wrap at the width and go on
 *                 under each other
 *
 * Fill `words` (hostile bytes through escape_terminal()), then call text_out_item(). */
#ifndef TEXT_OUT_H
#define TEXT_OUT_H

#include "core/span.h"

#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_YELLOW, STYLE_GREEN };

enum { TEXT_LABEL = 12 }; /* columns of the label */

struct text_out {
    FILE *file;
    size_t width;
    bool colour;
    bool failed; /* memory ran out: something is missing */
    struct buffer words;
};

void text_out_init(struct text_out *t, FILE *file, size_t width, bool colour);
void text_out_free(struct text_out *t);

void text_out_add(struct text_out *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_out_bytes(struct text_out *t, struct span hostile); /* escaped */

/* Print and clear the words.  Lines after the first start at `indent`; the label stands
 * in front of the first one.  Nothing is printed when there are neither. */
void text_out_item(struct text_out *t, enum style style, const char *label,
                   size_t indent);
/* Print and clear the words as one line, however long, behind `indent` blanks. */
void text_out_line(struct text_out *t, enum style style, size_t indent);
void text_out_blank(struct text_out *t);

#endif
