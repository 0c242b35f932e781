/* How one login goes by what is remembered of a server (remembered.h), and what it leaves to be
 * remembered. No I/O. */
#ifndef POP3FS_RECALL_H
#define POP3FS_RECALL_H

#include "remembered.h"

struct recall {
	enum remembered_line line;
	int64_t given;  /* what an earlier login left; 0: nothing */
	bool in_use;    /* what is announced is what was remembered */
	int64_t before; /* what the way in was chosen from */
	int64_t left;   /* what to remember, as it stands now; 0: nothing */
};

/* `given` is left as it is, until the login goes on. */
void recall_init(struct recall *r, enum remembered_line line, int64_t given);

/* The greeting has been heard. true: it is in use, and *announced is set. */
bool recall_begin(struct recall *r, struct capabilities *announced);

/* CAPA is asked first after all. */
void recall_drop(struct recall *r);

/* The way in is chosen from what is announced now. */
void recall_choose(struct recall *r, const struct capabilities *announced);

/* CAPA was answered behind the login: with *announced, or (not `heard`) with "-ERR", whereupon more
 * may be announced than there is. */
void recall_compare(struct recall *r, struct capabilities *announced, bool heard);

#endif
