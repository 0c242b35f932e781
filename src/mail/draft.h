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
	ROW_DOUBTFUL, /* known by UIDL, another listed size: its header tells whether it is the same
			 message */
	ROW_TWIN,     /* its UIDL is listed more than once: its header tells which one it is */
};

/* What TOP brought; owned by the draft. */
struct learnt {
	unsigned char digest[32]; /* header_digest */
	int64_t received;         /* seconds since 1970, INT64_MIN where the header has no date */
	uint32_t len;             /* octets of text */
	char text[];              /* the header as sent, dots undone, with its blank line */
};

struct row {
	uint64_t listed; /* octets, from LIST; 0 where LIST had no line for it */
	uint32_t number; /* in this session */
	uint32_t uidl;   /* where it begins in draft.uidls */
	uint32_t len;    /* octets of the UIDL */
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
	size_t known;     /* by the merge: messages of the listing in force, ... */
	size_t missing;   /* ... and those of them that are not in this one */
	uint64_t line;    /* the session's connection: numbers are good for that one only */
	bool sure; /* a user asked for this listing (refresh): believed even if most is gone */
};

struct draft *draft_create(void);
void draft_free(struct draft *d);
void draft_freep(struct draft **d);

/* One line of UIDL or LIST, in any order, with gaps. Of two lines for one number the first counts;
 * the other, number 0, and what passes the limits in draft.c are bad lines. */
void draft_uidl(struct draft *d, uint32_t number, struct slice uidl);
void draft_listed(struct draft *d, uint32_t number, uint64_t octets);

/* Both answers have ended: sorts by number, joins the two (linear where they came in order), and
 * returns how many messages LIST had for which there is no UIDL: they get no row. A UIDL without a
 * LIST line keeps its row, with listed 0. */
size_t draft_close(struct draft *d);

struct slice row_uidl(const struct draft *d, const struct row *r);

#endif
