/* What a message is called where it is shown: its name (name.h), and behind it the suffix that is
 * wanted, or, in the Maildir, its flags. Pure. One message's name is no other's: all have the same
 * tail. */
#ifndef POP3FS_NAMES_H
#define POP3FS_NAMES_H

#include <stdbool.h>

#include "name.h"
#include "slice.h"
#include "tree.h"

#define NAMES_MAILDIR ":2,S" /* seen: it has been on the server for others, too */
#define NAMES_ROOM    (NAME_LONGEST + NAME_LONGEST_SUFFIX + 1)

_Static_assert(NAMES_ROOM <= 256, "no file's name is longer");

/* Writes it, ended by NUL, and returns it. `suffix` has at most NAME_LONGEST_SUFFIX octets; the
 * Maildir's names do not depend on it. */
struct slice names_shown(
    char to[NAMES_ROOM], enum view view, const char *suffix, struct slice name);

/* Takes the tail off *shown; false: no message is called so in that view. */
bool names_bare(struct slice *shown, enum view view, const char *suffix);

#endif
