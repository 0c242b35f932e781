/* .pop3fs/headers: a file a message, of its header alone. One that is not in the store is brought
 * by TOP before its open is answered, so that its size is true by then; where TOP does not bring
 * it, it comes with the body. */
#include <errno.h>

#include "inside.h"
#include "shelf.h"

/* How far ahead of a reader in order headers are asked for, in messages: at his second step, and at
 * most, doubled between. A step may pass over a few. */
#define FIRST_WINDOW 4
#define MOST_WINDOW  256
#define LONGEST_STEP 8

static bool is_cached(const struct message *m)
{
	return message_flags(m) & MESSAGE_CACHED;
}

/* Whether somebody goes on from where he was. */
static bool goes_on(const struct headers *h, const struct listing *l, const struct message *m)
{
	const struct message *last = listing_by_id(l, h->last);

	return last && m > last && m - last <= LONGEST_STEP;
}

static void look_ahead(struct fs *f, const struct message *m)
{
	const struct listing *l = maildrop_listing(f->maildrop);
	struct headers *h = &f->headers;
	size_t i = listing_index(l, m), end;

	if (!goes_on(h, l, m))
		*h = (struct headers){.asked = m->id};
	else if (h->window < MOST_WINDOW)
		h->window = h->window ? 2 * h->window : FIRST_WINDOW;
	h->last = m->id;
	end = i + h->window < l->count ? i + h->window : l->count - 1;
	while (++i <= end) {
		const struct message *next = &l->messages[i];

		if (next->id <= h->asked)
			continue;
		h->asked = next->id;
		if (atomic_load(&next->header) == 0 && !is_cached(next))
			fs_send_header(f, next->id, false);
	}
}

static void bring(struct fs *f, fuse_req_t req, int64_t id)
{
	bool asked = waiting_for(&f->waiting, WAIT_HEADER, id);

	if (f->ending) {
		fuse_reply_err(req, ENODEV);
		return;
	}
	waiting_park(&f->waiting, req, WAIT_HEADER, id, 0);
	if (!asked && waiting_for(&f->waiting, WAIT_HEADER, id))
		fs_send_header(f, id, true);
}

/* What it is read from, the body or (under nocache) the header on the shelf, is held. */
static void reply(struct fs *f, fuse_req_t req, int64_t id)
{
	if (!pins_hold(f->queues->pins, id)) {
		file_wait_evicted(f, req, id, VIEW_HEADER);
	} else if (!pins_hold(f->queues->pins, SHELF_HEADER(id))) {
		file_let_go(f, id, VIEW_MESSAGE);
		file_wait_evicted(f, req, SHELF_HEADER(id), VIEW_HEADER);
	} else {
		file_reply_open(f, req, id, VIEW_HEADER, false);
	}
}

/* The body may come with another header than TOP brought: the kernel keeps nothing from one open to
 * the next. */
void headers_open(struct fs *f, fuse_req_t req, int64_t id)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);
	uint32_t length;

	if (reader_header_length(f->reader, id, &length))
		reply(f, req, id);
	else if (m)
		bring(f, req, id);
	else
		fuse_reply_err(req, ESTALE);
	if (m && !f->ending)
		look_ahead(f, m);
}

static bool may_come_with_body(enum error code)
{
	return code == E_REFUSED || code == E_PROTOCOL || code == E_CLOSED;
}

void headers_came(struct fs *f, int64_t id, const struct failure *how)
{
	fuse_req_t req;
	int note;

	while ((req = waiting_take(&f->waiting, WAIT_HEADER, id, &note))) {
		if (how->code == OK)
			reply(f, req, id);
		else if (may_come_with_body(how->code))
			file_fetch(f, req, id, VIEW_HEADER);
		else
			fuse_reply_err(req, error_errno(how->code));
	}
}

void headers_read(struct fs *f, fuse_req_t req, int64_t id, size_t size, off_t offset)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);
	char *to;
	ssize_t len;

	buf_clear(&f->reply);
	to = buf_room(&f->reply, size);
	len = reader_header_part(f->reader, id, (uint64_t)offset, to, size);
	if (len < 0) {
		fuse_reply_err(req, EIO);
		if (m && is_cached(m))
			file_mend(f, id);
		return;
	}
	fuse_reply_buf(req, to, (size_t)len);
}
