/* date.h: days, counted from 1970-01-01 in UTC, for expiry and ages. */
#ifndef DATE_H
#define DATE_H

#include "core/span.h"

/* "2026-06-30" and nothing else; a day that the calendar has. */
bool date_parse(struct span text, int64_t *ret_day);

/* What registries write: RFC 3339, of which the day counts, or seconds or milliseconds
 * since 1970. */
bool date_of_time(struct span text, int64_t *ret_day);

enum { DATE_TEXT = 16 };
void date_text(int64_t day, char ret_text[DATE_TEXT]); /* "2026-06-30" */

#endif
