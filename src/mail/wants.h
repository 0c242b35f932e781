/* The messages that somebody wants, and how far each has come: in rows, oldest first, and by
 * id. No row is ever searched from end to end: tens of thousands may be wanted at once. */
#ifndef POP3FS_WANTS_H
#define POP3FS_WANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task;

enum want_row {
	WANT_URGENT,    /* a reader waits */
	WANT_BULK,      /* somebody will want it next */
	WANT_OUT,       /* its RETR is out */
	WANT_HELD,      /* its body is in, but not believed yet */
	WANT_POSTPONED, /* the server refuses it for now; in order of `due` */
	WANT_STORING,   /* the store has it, and has not said so yet */
	WANT_ROWS,
};

struct want {
	int64_t id;
	enum want_row row;
	bool urgent;        /* ... or was, before it was out */
	bool again;         /* what the cache has of it is damaged */
	bool alone;         /* no other command may be out while it is fetched */
	unsigned tries;     /* lines that broke under it */
	unsigned doubts;    /* bodies that came and were not believed */
	bool other_header;  /* than TOP gave, or no proof: why it is fetched again */
	bool doubted_alone; /* the last such body had the line for itself ... */
	bool doubted_first; /* ... and was the first that was asked for there */
	bool has_hash;      /* of such a body */
	unsigned char hash[32];
	unsigned postponed;      /* times that it was ... */
	int64_t due;             /* ... and is, until this (clock.h) ... */
	int64_t postponed_until; /* ... but not after this */
	bool is_odd;             /* such a body, of a window, had not LIST's size */
	bool sent_alone;   /* WANT_OUT: nothing was out before it, nothing goes out behind it */
	bool sent_first;   /* ... and no body was asked for on this line before */
	bool sent_ahead;   /* ... but headers were out before it: ahead.c */
	bool was_refused;  /* not as the first of its line: it is asked for once more */
	uint64_t line;     /* the serial of the line that it was asked for on, last */
	uint64_t listed;   /* octets expected: LIST's, or the true size where it is known */
	uint64_t octets;   /* WANT_OUT: of those, what has not come yet */
	struct task *body; /* WANT_HELD: what the store will be told */
	struct want *next, *previous;
};

struct wants {
	struct want *first[WANT_ROWS], *last[WANT_ROWS];
	size_t count[WANT_ROWS];
	void *by_id;
};

/* A zeroed struct wants is an empty one. */

/* The row where it is wanted. */
enum want_row want_home(const struct want *want);

struct want *wants_find(const struct wants *w, int64_t id);

/* A new want of this id, of which there must be none, at the end of the row; and the end of one: it
 * is taken out and freed, its body task as well. */
struct want *wants_add(struct wants *w, int64_t id, enum want_row row);
void wants_remove(struct wants *w, struct want *want);

/* To the end, or to the front, of another row or of its own. */
void wants_move(struct wants *w, struct want *want, enum want_row row);
void wants_move_first(struct wants *w, struct want *want, enum want_row row);

#endif
