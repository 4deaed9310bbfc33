/* mdoc.h: manual pages in mdoc(7), the language of man pages; clean for `mandoc -T lint`.
 *
 * Text comes as Markdown, as much of it as the documentation uses; it is filled, one
 * sentence a line. */
#ifndef MDOC_H
#define MDOC_H

#include "core/span.h"

#include <stdio.h>

enum mdoc_block { MDOC_TEXT, MDOC_LIST, MDOC_LITERAL };

struct mdoc {
    FILE *out;
    enum mdoc_block block;
    bool item;          /* the list has one */
    bool separate;      /* text that follows is a new paragraph */
    struct buffer text; /* of the paragraph, with escapes for fonts */
};

/* "assay-policy", "5", one line: the head of a page, up to DESCRIPTION. */
void mdoc_begin(struct mdoc *m, FILE *out, const char *name, const char *section,
                const char *what);
void mdoc_end(struct mdoc *m); /* whether all was written, the FILE knows */

void mdoc_section(struct mdoc *m, struct span title); /* any case */
void mdoc_subsection(struct mdoc *m, struct span title);

/* Words of the paragraph, with `code`, **bold** and [text](address). */
void mdoc_text(struct mdoc *m, struct span words);
void mdoc_paragraph(struct mdoc *m); /* ends it */

void mdoc_item(struct mdoc *m, struct span tag); /* of a list; its text follows */
void mdoc_item_open(struct mdoc *m); /* only ".It": the caller ends that line */
void mdoc_list_end(struct mdoc *m);

void mdoc_literal(struct mdoc *m, struct span line);
void mdoc_line(struct mdoc *m, const char *macro); /* as it is */

/* A page of the documentation, without its title; what stands before its first section
 * goes where the manual is. */
void mdoc_markdown(struct mdoc *m, struct span page);

#endif
