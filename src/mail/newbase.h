/* Makes a database where there is none: beside its place, put on disk, and then moved there. So
 * what stands at its path is at any moment, also after kill -9 and after a power cut, no database,
 * an empty file, or a whole new one, and never half a one that would be taken for damaged. */
#ifndef POP3FS_NEWBASE_H
#define POP3FS_NEWBASE_H

#include <stdint.h>

#include "error.h"

/* In the place of whatever stands at `path`, which nobody has open; logs of what stood there
 * before go with it. Its ids begin after `first` (schema.h). The one sync is that of the file; its
 * name is on disk, like that of its log, with the first sync of the log, for which SQLite syncs
 * the directory, too: nothing that is promised can come before that. E_STORE, E_FULL. */
enum error newbase_make(const char *path, int64_t first, struct failure *why);

/* Moves a damaged database aside, to NAME.damaged-SECONDS, and says so in the log. E_STORE. */
enum error newbase_make_way(const char *path, struct failure *why);

#endif
