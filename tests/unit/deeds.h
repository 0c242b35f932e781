/* What the tests of mounts have in common: a small maildrop, and system calls to try on it. A deed
 * runs in a child (world.h) and returns 0, the errno, or WRONG and more where the system did what
 * the test did not expect. */
#ifndef POP3FS_DEEDS_H
#define POP3FS_DEEDS_H

#include "world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { WRONG = 200 };

enum { CACHED = WORLD_FIRST_ID, SHORT, LONG, FIXED };
extern const struct letter four[4];
#define ALL_FOUR "b-cached a-short d-long c-fixed "

/* The session's and the store's part. Without a body the fetch stays under way. */
void answer_fetch(struct world *w, int64_t id, const char *body);
void answer_unlink(struct world *w, int64_t id, enum error code);

/* Deeds; `with` is a file's name but where it says something else. */
int list(struct world *w, const void *want); /* the directory's names, a space behind each */
int list_in_the_end(struct world *w, const void *want); /* an event is taken when it is taken */
int say_mirror_in_the_end(struct world *w, const void *with); /* status: the words behind mirror: */
int look(struct world *w, const void *with); /* all that needs no message; nothing */
int stat_it(struct world *w, const void *name);
int wait_until_gone(struct world *w, const void *name);
int remove_it(struct world *w, const void *name);
int open_it(struct world *w, const void *name);
int find_in_mountinfo(struct world *w, const void *with); /* nothing */

struct text {
	const char *name, *body;
};
int read_it(struct world *w, const void *text); /* fstat and octets are those of a struct text */

/* Not a deed of its own: stat says this size, and all else it should. */
int size_is(struct world *w, const char *name, off_t size);

#endif
