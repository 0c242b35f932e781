/* A listing in the making. The session fills it from UIDL and LIST; the store thread says which
 * messages it knows (merge.h); the session brings the headers that are asked for; the store thread
 * makes it the listing. */
#ifndef POP3FS_DRAFT_H
#define POP3FS_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "slice.h"

enum row_kind {
	ROW_NEW,      /* not known: its header is wanted for its time and its hash */
	ROW_KNOWN,    /* known, same listed size */
	ROW_DOUBTFUL, /* known by UIDL, but the listed size is another, or the UIDL one that may
			 begin anew: its header tells whether it is the same message */
	ROW_TWIN,     /* its UIDL is listed more than once: its header tells which one it is */
	ROW_NAMELESS, /* listed without a UIDL: its header's hash will stand in for it (name.h) */
};

/* What became of a draft: the store thread's answer. */
enum draft_verdict {
	DRAFT_STANDS, /* it is the listing in force now */
	DRAFT_HELD,   /* too much is missing to be believed yet (hold.h): nothing was changed */
	DRAFT_ASKS,   /* more headers are wanted before it can stand: its rows' kinds say which */
};

/* What TOP brought; owned by the draft. */
struct learnt {
	unsigned char digest[32]; /* header_digest */
	int64_t received;         /* seconds since 1970, INT64_MIN where the header has no date */
	uint32_t len;             /* octets of text */
	char text[];              /* the header as sent, dots undone, with its blank line */
};

struct row {
	uint64_t listed;    /* octets, from LIST; 0 where LIST had no size for it */
	uint32_t number;    /* in this session */
	uint32_t uidl;      /* where it begins in draft.uidls */
	uint32_t len : 31;  /* octets of the UIDL */
	uint32_t asked : 1; /* its header was asked for, and the answer has not ended */
	enum row_kind kind;
	int64_t id;            /* filled by the merge for known ones, 0 else */
	struct learnt *learnt; /* NULL: not asked for, or TOP failed */
};

struct draft {
	struct row *rows; /* in order of number once it is closed */
	size_t count, room;
	struct buf uidls;
	struct draft_size *sizes; /* LIST's lines, until it is closed */
	size_t size_count, size_room;
	size_t bad_lines; /* lines of UIDL and LIST that made no sense, and were skipped */
	int64_t at;       /* when it was listed, seconds since 1970 */
	uint64_t line;    /* the session's connection: numbers are good for that one only */

	size_t nameless; /* rows without a UIDL ... */
	size_t sizeless; /* ... and those that LIST did not have, both set by draft_close */
	bool no_uidl;    /* the server has no UIDL command */
	bool partial;    /* STAT counts more: what it lacks may still be there, and stays */
	bool sure;       /* a person asked for it: believed even if most is gone */
	int64_t hold_ms; /* how long one that lost most is held back */

	/* set by the store thread */
	enum draft_verdict verdict;
	size_t known, missing; /* DRAFT_HELD: so many of the messages known are not in it */
	bool questioned;       /* DRAFT_ASKS was said: it is said once */
};

struct draft *draft_create(void);
void draft_free(struct draft *d);
void draft_freep(struct draft **d);

/* One line of UIDL or LIST (octets 0: it had no size), in any order, with gaps. Of two lines for
 * one number the first counts, for LIST the first with a size; the other, a number that is none,
 * and what passes the limits in draft.c are bad lines. */
void draft_uidl(struct draft *d, uint32_t number, struct slice uidl);
void draft_listed(struct draft *d, uint32_t number, uint64_t octets);

/* Both answers have ended: sorts by number and joins the two (linear where they came in order).
 * What only LIST had is a nameless row; what only UIDL had, one with listed 0. */
void draft_close(struct draft *d);

/* Gives a nameless row the octets that stand in for its UIDL. */
void draft_name(struct draft *d, struct row *r, struct slice stand_in);

struct slice row_uidl(const struct draft *d, const struct row *r);

#endif
