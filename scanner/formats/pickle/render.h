/* render.h: values and calls of the pickle machine as Python-like text.
 *
 * os.system('curl …'): constants as Python's repr() writes them, so control characters
 * are escaped; text beyond ASCII stays as it is.  Deep or long values are cut to "...".
 * What the machine does not know is "...", too. */
#ifndef PICKLE_RENDER_H
#define PICKLE_RENDER_H

#include "formats/pickle/machine.h"

enum pickle_style {
    STYLE_EVIDENCE, /* a call's result reads module.name(...) */
    STYLE_LISTING   /* … reads vN, N being the offset of the call */
};

void pickle_render_value(const struct pickle_machine *m, pickle_value v,
                         enum pickle_style style, struct buffer *out);
void pickle_render_call(const struct pickle_machine *m, const struct pickle_call *call,
                        enum pickle_style style, struct buffer *out);
void pickle_render_name(struct span s, struct buffer *out); /* of a module or attribute */
void pickle_render_global(const struct pickle_global *g, struct buffer *out);

/* repr() of a text (UTF-8) or of bytes (b'…'). */
void pickle_render_text(struct span s, bool bytes, struct buffer *out);

#endif
