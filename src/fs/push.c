#include "push.h"

#include <stdlib.h>

#include "alloc.h"
#include "prefetch.h"
#include "reader.h"
#include "tree.h"

#define PIECE 131072 /* octets at a time: whole pages, and a row of the database */

/* Pieces in one transaction, or a body's: each costs four system calls, and while one lasts the
 * writer cannot begin its log anew. */
#define MOST_TOGETHER 64

struct push {
	struct fuse_session *fuse;
	const char *store;
	struct reader *reader; /* NULL until the first body: most mounts need none for long */
	unsigned together;     /* pieces in the transaction that is open; 0: none is */
	char piece[PIECE];
};

struct push *push_create(struct fuse_session *fuse, const char *store)
{
	struct push *p = xnew(struct push);

	p->fuse = fuse;
	p->store = store;
	return p;
}

void push_free(struct push *p)
{
	if (!p)
		return;
	reader_close(p->reader);
	free(p);
}

static bool opened(struct push *p)
{
	return p->reader || reader_open(&p->reader, p->store, NULL) == OK;
}

void push_rest(struct push *p)
{
	if (p->together > 0)
		reader_end(p->reader);
	p->together = 0;
}

/* true: the transaction has just begun. */
static bool join(struct push *p)
{
	if (p->together >= MOST_TOGETHER)
		push_rest(p);
	if (p->together == 0)
		reader_begin(p->reader);
	return p->together++ == 0;
}

static size_t piece_at(uint64_t at, uint64_t size)
{
	return size - at < PIECE ? (size_t)(size - at) : PIECE;
}

static bool read_piece(struct push *p, int64_t id, uint64_t at, uint64_t size)
{
	return reader_body(p->reader, id, at, p->piece, PIECE) == (ssize_t)piece_at(at, size);
}

/* Its first piece is there, and behind its last octet there is none. */
static bool begins(struct push *p, int64_t id, uint64_t size)
{
	return (size < PIECE || reader_body(p->reader, id, size - 1, p->piece, 2) == 1) &&
	       read_piece(p, id, 0, size);
}

/* One that the transaction does not show yet has come since it began. */
static bool found(struct push *p, int64_t id, uint64_t size)
{
	bool is_new = join(p);

	if (begins(p, id, size))
		return true;
	if (is_new)
		return false;
	push_rest(p);
	join(p);
	return begins(p, id, size);
}

static bool next_piece(struct push *p, int64_t id, uint64_t at, uint64_t size)
{
	p->together++;
	return read_piece(p, id, at, size);
}

void push_body(struct push *p, int64_t id, uint64_t size, push_wanted *wanted, void *with)
{
	size_t len;

	if (size == 0 || size > PREFETCH_LARGEST_PUSH || !opened(p) || !found(p, id, size))
		return;
	for (uint64_t at = 0; at < size; at += len) {
		struct fuse_bufvec piece = FUSE_BUFVEC_INIT(0);

		len = piece_at(at, size);
		if ((at > 0 && !next_piece(p, id, at, size)) || !wanted(with, at))
			return;
		piece.buf[0].mem = p->piece;
		piece.buf[0].size = len;
		if (fuse_lowlevel_notify_store(
			p->fuse, tree_ino(id, VIEW_MESSAGE), (off_t)at, &piece, 0) != 0)
			return;
	}
}
