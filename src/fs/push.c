#include "push.h"

#include <stdlib.h>

#include "alloc.h"
#include "prefetch.h"
#include "reader.h"
#include "tree.h"

#define PIECE 131072 /* octets at a time: whole pages, and a row of the database */

struct push {
	struct fuse_session *fuse;
	const char *store;
	struct reader *reader; /* NULL until the first body: most mounts need none for long */
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

/* Behind its last octet there is none. */
static bool has_size(struct push *p, int64_t id, uint64_t size)
{
	return size > 0 && reader_body(p->reader, id, size - 1, p->piece, 2) == 1;
}

void push_body(
    struct push *p, int64_t id, uint64_t size, push_wanted *wanted, void *with, unsigned round)
{
	size_t len;

	if (size > PREFETCH_LARGEST_PUSH || !opened(p) || !has_size(p, id, size))
		return;
	for (uint64_t at = 0; at < size; at += len) {
		struct fuse_bufvec piece = FUSE_BUFVEC_INIT(0);

		len = size - at < PIECE ? (size_t)(size - at) : PIECE;
		if (reader_body(p->reader, id, at, p->piece, len) != (ssize_t)len ||
		    !wanted(with, round))
			return;
		piece.buf[0].mem = p->piece;
		piece.buf[0].size = len;
		if (fuse_lowlevel_notify_store(
			p->fuse, tree_ino(id, VIEW_MESSAGE), (off_t)at, &piece, 0) != 0)
			return;
	}
}
