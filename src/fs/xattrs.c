/* Extended attributes of messages, in whatever view: what the server calls one, what its header
 * says, how far it is here. They answer from the store, never from the network.
 *
 * Listed are those alone that never change, so that a copy with all attributes (rsync -X) is done
 * at the first time: what the header says only where it was known before the message was shown.
 * Together they fit into what ext4 has for an inode's attributes, a block of 4096 octets. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "encoded.h"
#include "header.h"
#include "inside.h"
#include "name.h"

#define LONGEST_UIDL 255 /* octets, of one that is listed; the law allows 70 (RFC 1939, 7) */

/* The message that is asked for. */
struct asked {
	struct fs *fs;
	int64_t id;
	struct reader_row row;
	struct slice header; /* nothing where it is not known */
	bool stays;          /* it was known before the message was shown, and always will be */
};

struct attribute;
typedef bool getter(const struct attribute *a, const struct asked *m, struct buf *value);
static getter get_uidl, get_text, get_plain, get_state, get_listed_size, get_sha256;

static const struct attribute {
	const char *name;
	getter *get; /* appends the value; false: this message has none */
	bool listed;
	const char *field; /* of the header */
	size_t most;       /* octets */
} attributes[] = {
    {"user.pop3fs.uidl", get_uidl, true},
    {"user.mail.subject", get_text, true, "Subject", 1000},
    {"user.mail.from", get_text, true, "From", 500},
    {"user.mail.to", get_text, true, "To", 1000},
    {"user.mail.date", get_plain, true, "Date", 100},
    {"user.mail.message_id", get_plain, true, "Message-ID", 500},
    {"user.pop3fs.state", get_state, false},
    {"user.pop3fs.listed_size", get_listed_size, false},
    {"user.pop3fs.sha256", get_sha256, false},
};

#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

/* ---- their values ---- */

static bool get_uidl(const struct attribute *a, const struct asked *m, struct buf *value)
{
	struct slice uidl;

	if (!reader_uidl(m->fs->reader, m->id, value))
		return false;
	uidl = buf_slice(value);
	return !name_is_stand_in(uidl);
}

static bool get_text(const struct attribute *a, const struct asked *m, struct buf *value)
{
	struct slice field;

	if (!header_field(m->header, a->field, &field))
		return false;
	encoded_decode(value, field, a->most);
	return true;
}

static bool get_plain(const struct attribute *a, const struct asked *m, struct buf *value)
{
	struct slice field;

	if (!header_field(m->header, a->field, &field))
		return false;
	encoded_plain(value, field, a->most);
	return true;
}

static bool get_state(const struct attribute *a, const struct asked *m, struct buf *value)
{
	bool deleted = maildrop_hides(m->fs->maildrop, m->id);

	buf_add_text(value, deleted ? "deleted" : m->row.cached ? "cached" : "remote");
	return true;
}

static bool get_listed_size(const struct attribute *a, const struct asked *m, struct buf *value)
{
	buf_printf(value, "%" PRIu64, m->row.listed);
	return true;
}

static bool get_sha256(const struct attribute *a, const struct asked *m, struct buf *value)
{
	for (size_t i = 0; m->row.hashed && i < sizeof(m->row.sha256); i++)
		buf_printf(value, "%02x", m->row.sha256[i]);
	return m->row.hashed;
}

/* ---- asking ---- */

static bool is_message(struct node n)
{
	return n.kind == NODE_MESSAGE || n.kind == NODE_HEADER || n.kind == NODE_MAILDIR ||
	       n.kind == NODE_DELETED;
}

static bool find(struct fs *f, fuse_ino_t ino, struct asked *m)
{
	struct node n = tree_node(ino);

	*m = (struct asked){.fs = f, .id = n.id};
	return is_message(n) && reader_message(f->reader, n.id, &m->row);
}

static void read_header(struct asked *m, struct buf *text)
{
	if (reader_header(m->fs->reader, m->id, text))
		m->header = buf_slice(text);
}

static bool is_listed(const struct attribute *a, const struct asked *m)
{
	CLEANUP(buf_finish) struct buf value = {0};

	if (!a->listed || (a->field && !m->stays) || !a->get(a, m, &value))
		return false;
	return a->field || value.len <= LONGEST_UIDL;
}

/* How long it is is asked first, and then it may not fit. */
static void reply(fuse_req_t req, struct slice value, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, value.len);
	else if (value.len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value.at, value.len);
}

/* ENOSYS: the kernel asks no more. */
static bool is_off(fuse_req_t req)
{
	if (fs_of(req)->plan.xattr)
		return false;
	fuse_reply_err(req, ENOSYS);
	return true;
}

/* ls asks each file for security.selinux and system.posix_acl_access, unless it has heard that this
 * file system has nothing of the kind. */
static bool is_foreign(const char *name)
{
	return strncmp(name, "user.", 5) != 0;
}

void xattrs_get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	CLEANUP(buf_finish) struct buf text = {0};
	CLEANUP(buf_finish) struct buf value = {0};
	const struct attribute *a = attributes;
	struct asked m;

	if (is_off(req))
		return;
	if (is_foreign(name)) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	while (a < attributes + ATTRIBUTES && strcmp(a->name, name) != 0)
		a++;
	if (a == attributes + ATTRIBUTES || !find(fs_of(req), ino, &m)) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	if (a->field)
		read_header(&m, &text);
	if (a->get(a, &m, &value))
		reply(req, buf_slice(&value), size);
	else
		fuse_reply_err(req, ENODATA);
}

void xattrs_list(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	CLEANUP(buf_finish) struct buf text = {0};
	CLEANUP(buf_finish) struct buf names = {0};
	struct asked m;

	if (is_off(req))
		return;
	if (find(fs_of(req), ino, &m)) {
		read_header(&m, &text);
		m.stays = m.row.headed && reader_header_is_kept(m.fs->reader, m.id);
		for (size_t i = 0; i < ATTRIBUTES; i++)
			if (is_listed(&attributes[i], &m))
				buf_add(&names, attributes[i].name, strlen(attributes[i].name) + 1);
	}
	reply(req, buf_slice(&names), size);
}
