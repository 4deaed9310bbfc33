/* local.h: files and directories of this machine; source.h is for everybody else. */
#ifndef LOCAL_H
#define LOCAL_H

#include "sources/source.h"

bool local_open(const char *target, const struct source_options *o,
                struct source_list *ret_list, struct error *error);
int local_file_open(const struct source_list *list, const struct source_file *file,
                    struct error *error);

/* Does an --exclude take this path out? */
bool source_excluded(const struct source_options *o, const char *path);

#endif
