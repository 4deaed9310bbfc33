/* outputs.h: -o FORMAT[=FILE], as often as one likes, for every command that reports. */
#ifndef OUTPUTS_H
#define OUTPUTS_H

#include "cli/passphrase.h"
#include "engine/signing/statement_signer.h"
#include "reports/report.h"

enum { OUTPUTS_MAX = 16 };

struct output {
    const struct report_writer *writer;
    const char *path; /* NULL: standard output */
};

struct outputs {
    struct output list[OUTPUTS_MAX];
    size_t count;
    const char *sign_key;      /* --sign-key; NULL: nothing is signed */
    char rules_dir[4096 + 16]; /* where the options point to, and the signer: */
    struct statement_signer *signer;
    char passphrase[PASSPHRASE_MAX];
};

/* "json=FILE"; "-" or nothing for FILE is standard output.  ERROR_USAGE, with a hint, for
 * an unknown format and for two reports to one place, however that is spelled.  `text`
 * must outlive *outputs. */
bool outputs_add(struct outputs *outputs, const char *text, struct error *error);

/* What reports take from the environment: colour, SOURCE_DATE_EPOCH, the pages on rules;
 * and the key that signs.  The options are good until outputs_free().  ERROR_USAGE when
 * SOURCE_DATE_EPOCH is no number, or no report is one that a key signs. */
bool outputs_options(struct outputs *outputs, struct report_options *ret_options,
                     struct error *error);

/* Write all of them; text to standard output when none was asked for.  What could not be
 * written is complained about, and makes exit code 0 or 3 a 2. */
int outputs_write(const struct outputs *outputs, const struct result *r,
                  const struct report_options *o);

void outputs_free(struct outputs *outputs); /* idempotent */

#endif
