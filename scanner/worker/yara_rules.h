/* yara_rules.h: byte rules.  yara_rules.c alone includes yara.h (libyara 4.2).
 *
 * Two packs: the one that comes with Assay (rules/yara, compiled when Assay is built)
 * and the operator's (--yara, compiled when the worker starts).  All files are read
 * before the worker confines itself; scanning needs memory and a clock, nothing else.
 * What a rule's meta says is in docs/yara.md. */
#ifndef YARA_RULES_H
#define YARA_RULES_H

#include "core/error.h"
#include "formats/byte_scan.h"

struct yara_rules; /* owns everything below */

/* At build time: sources is NULL-terminated.  ERROR_CONFIG names file and line; a
 * warning of libyara's and a rule whose meta is not complete are errors too. */
bool yara_rules_compile(const char *const *sources, const char *output,
                        struct error *error);

/* Load the compiled pack, and compile the operator's files and directories (NULL-
 * terminated; NULL: none).  ERROR_CONFIG when the pack is missing or of another build,
 * and with file and line when a rule of the operator's cannot be used. */
struct yara_rules *yara_rules_load(const char *pack, const char *const *sources,
                                   struct error *error);
void yara_rules_free(struct yara_rules *y); /* NULL is fine */

/* What can be found, until NULL.  Private rules are not listed. */
const struct rule *yara_rules_at(const struct yara_rules *y, size_t i);

/* sha256, hex, of the compiled pack and the operator's files in order. */
const char *yara_rules_digest(const struct yara_rules *y);

/* Lives as long as y; not to be used while it is scanning. */
struct byte_scanner yara_rules_scanner(struct yara_rules *y);

#endif
