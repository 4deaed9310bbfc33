/* file_state.h: is a file still what it was when somebody looked before? */
#ifndef FILE_STATE_H
#define FILE_STATE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Size, inode and both times agree: nobody has written to it between the two, nor renamed
 * or linked it. */
bool file_state_equal(const struct stat *a, const struct stat *b);

#endif
