/* formats.h: the table of formats (formats.def), for everyone who needs names.
 *
 * A set of formats is a uint64_t with bit (1 << id) for each. */
#ifndef FORMATS_H
#define FORMATS_H

#include <stdbool.h>
#include <stdint.h>

enum format_id {
#define FORMAT(symbol, name, is_a, family, title) FORMAT_##symbol,
#include "core/formats.def"
#undef FORMAT
    FORMAT_COUNT,
    FORMAT_ANY = FORMAT_COUNT
};

struct format {
    const char *name; /* "torch_zip": as reports and policies spell it */
    enum format_id is_a;
    const char *family;
    const char *title;
};
extern const struct format formats[FORMAT_COUNT];

#define FORMAT_BIT(id) (UINT64_C(1) << (id))

bool format_find(const char *name, enum format_id *ret_id);
bool format_related(enum format_id a, enum format_id b); /* one refines the other */

#endif
