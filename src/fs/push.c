#include "push.h"

#include <stdlib.h>

#include "alloc.h"
#include "prefetch.h"
#include "reader.h"
#include "tree.h"

struct push {
	struct fuse_session *fuse;
	const char *store;
	struct reader *reader; /* NULL until the first body: most mounts need none for long */
	char body[PREFETCH_LARGEST_PUSH + 1];
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

/* One octet more is asked for, to see that there is none. */
static bool is_there(struct push *p, int64_t id, uint64_t size)
{
	if (!p->reader && reader_open(&p->reader, p->store, NULL))
		return false;
	return reader_body(p->reader, id, 0, p->body, (size_t)size + 1) == (ssize_t)size;
}

void push_body(
    struct push *p, int64_t id, uint64_t size, push_wanted *wanted, void *with, unsigned round)
{
	struct fuse_bufvec body = FUSE_BUFVEC_INIT((size_t)size);

	if (size > PREFETCH_LARGEST_PUSH || !is_there(p, id, size) || !wanted(with, round))
		return;
	body.buf[0].mem = p->body;
	fuse_lowlevel_notify_store(p->fuse, tree_ino(id, VIEW_MESSAGE), 0, &body, 0);
}
