/* statement_signer.h: the operator's key as reports see it: a function that puts a signed
 * envelope around a statement. */
#ifndef STATEMENT_SIGNER_H
#define STATEMENT_SIGNER_H

#include "core/error.h"
#include "reports/report.h"

struct statement_signer;

/* A private key, PEM; `passphrase` may be NULL.  It signs once, to see that it can.
 * NULL with ERROR_CONFIG, ERROR_IO or ERROR_MEMORY. */
struct statement_signer *statement_signer_new(const char *key, const char *passphrase,
                                              struct error *error);
void statement_signer_free(struct statement_signer *s); /* NULL is fine */

const struct report_signer *statement_signer_report(const struct statement_signer *s);

#endif
