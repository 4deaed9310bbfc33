/* schema.h: checks of values that several keys of an entry share; inside registry/ only.
 *
 * schema.c has the keys about names and trust, request_schema.c those about asking,
 * answer_schema.c those about what follows. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "registry/check.h"

/* schema.c */
field_check check_texts, check_hosts, check_environment_names, check_known_variable;
bool variable_known(const struct check *c, const char *name);

/* request_schema.c */
field_check check_requests, check_selects, check_fields;
field_check check_json_pointer, check_regex, check_constant, check_constants;
field_check check_answer_value, check_answer_template, check_answer_templates;
field_check check_address, check_condition_names;
bool variable_set(const struct check *c, const char *name); /* by a request */

/* answer_schema.c */
field_check check_files, check_download, check_errors, check_error_texts, check_rate;
field_check check_checks, check_question, check_oci, check_git, check_identity_answers;

#endif
