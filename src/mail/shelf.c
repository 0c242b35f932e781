#include "shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "jobs.h"

#define FIRST_ROOM 16 /* bodies, pieces of one; doubled when full */
#define SPARE_PART 4  /* of the memory: this part of it is kept free for what comes */

struct piece {
	char *octets;   /* in memory, or NULL: in the file */
	uint32_t lines; /* CRLFs that end in it */
};

struct shelved {
	struct shelved *older; /* whole, in use until this one is; NULL if there is none */
	int64_t id;
	uint64_t serial; /* the older, the smaller */
	unsigned users;  /* the shelf, and reads that have begun */
	bool whole;
	uint64_t size;
	struct piece *pieces;
	uint32_t count, room;
	uint64_t in_memory; /* octets */
	int fd;             /* -1: none is in a file */
};

struct shelf {
	pthread_mutex_t lock; /* of what follows; a body that is not whole is the store thread's */
	struct shelved **all; /* in order of id */
	size_t count, room;
	uint64_t serial;
	uint64_t in_memory; /* octets of all, those that only reads still hold as well */
	uint64_t memory;    /* the bound */
	char *directory;
	struct shelf_place elsewhere;
};

struct shelf *shelf_create(uint64_t memory, const char *directory, struct shelf_place elsewhere)
{
	struct shelf *s = xnew(struct shelf);

	pthread_mutex_init(&s->lock, NULL);
	s->memory = memory;
	s->directory = xstrdup(directory);
	s->elsewhere = elsewhere;
	return s;
}

static void free_shelved(struct shelf *s, struct shelved *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		free(b->pieces[i].octets);
	s->in_memory -= b->in_memory;
	free(b->pieces);
	closep(&b->fd);
	free(b);
}

static void release(struct shelf *s, struct shelved *b)
{
	if (--b->users == 0)
		free_shelved(s, b);
}

static void release_both(struct shelf *s, struct shelved *b)
{
	if (b->older)
		release(s, take(&b->older));
	release(s, b);
}

void shelf_free(struct shelf *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		release_both(s, s->all[i]);
	pthread_mutex_destroy(&s->lock);
	free(s->all);
	free(s->directory);
	free(s);
}

/* ---- under the lock ---- */

static size_t place_of(const struct shelf *s, int64_t id)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->all[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct shelved *find(const struct shelf *s, int64_t id)
{
	size_t at = place_of(s, id);

	return at < s->count && s->all[at]->id == id ? s->all[at] : NULL;
}

/* What can be read of it. */
static struct shelved *find_whole(const struct shelf *s, int64_t id)
{
	struct shelved *b = find(s, id);

	return b && !b->whole ? b->older : b;
}

static void take_down(struct shelf *s, int64_t id)
{
	size_t at = place_of(s, id);
	struct shelved *b = find(s, id);

	if (!b)
		return;
	if (b->older) {
		s->all[at] = take(&b->older);
		release(s, b);
		return;
	}
	s->count--;
	memmove(s->all + at, s->all + at + 1, (s->count - at) * sizeof(*s->all));
	release(s, b);
}

static void put_up(struct shelf *s, struct shelved *b)
{
	size_t at = place_of(s, b->id);

	b->older = find_whole(s, b->id);
	if (b->older) {
		if (s->all[at] != b->older) {
			s->all[at]->older = NULL;
			release(s, s->all[at]);
		}
		s->all[at] = b;
		return;
	}
	take_down(s, b->id);
	if (s->count == s->room) {
		s->room = s->room ? 2 * s->room : FIRST_ROOM;
		s->all = xreallocarray(s->all, s->room, sizeof(*s->all));
	}
	memmove(s->all + at + 1, s->all + at, (s->count - at) * sizeof(*s->all));
	s->all[at] = b;
	s->count++;
}

/* ---- the store thread ---- */

void shelf_begin(struct shelf *s, int64_t id)
{
	struct shelved *b = xnew(struct shelved);

	b->id = id;
	b->users = 1;
	b->fd = -1;
	pthread_mutex_lock(&s->lock);
	b->serial = ++s->serial;
	put_up(s, b);
	pthread_mutex_unlock(&s->lock);
}

void shelf_drop(struct shelf *s, int64_t id)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	take_down(s, id);
	pthread_mutex_unlock(&s->lock);
}

/* Where the file system has no such files, one that loses its name at once. */
int shelf_spill(const char *directory)
{
	const char *tmp = getenv("TMPDIR");
	int fd;
	char *name;

	if (!directory)
		directory = tmp ? tmp : "/tmp";
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	name = xasprintf("%s/pop3fs-XXXXXX", directory);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	free(name);
	return fd;
}

static int open_elsewhere(const struct shelf *s)
{
	return s->elsewhere.open ? s->elsewhere.open(s->elsewhere.with) : shelf_spill(NULL);
}

static bool write_at(int fd, struct slice data, off_t offset)
{
	while (data.len > 0) {
		ssize_t wrote = pwrite(fd, data.at, data.len, offset);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		data = slice_make(data.at + wrote, data.len - (size_t)wrote);
		offset += wrote;
	}
	return true;
}

/* Only a body's first file may be elsewhere: what is written stays where it is. */
static bool to_file(const struct shelf *s, struct shelved *b, struct slice data, off_t offset)
{
	if (b->fd >= 0)
		return write_at(b->fd, data, offset);
	for (int try = 0; try < 2; try++) {
		b->fd = try == 0 ? shelf_spill(s->directory) : open_elsewhere(s);
		if (b->fd >= 0 && write_at(b->fd, data, offset))
			return true;
		closep(&b->fd);
		b->fd = -1;
	}
	return false;
}

static void add_piece(struct shelved *b, char *octets, uint32_t lines)
{
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : FIRST_ROOM;
		b->pieces = xreallocarray(b->pieces, b->room, sizeof(*b->pieces));
	}
	b->pieces[b->count++] = (struct piece){octets, lines};
}

static bool takes_memory(struct shelf *s, struct shelved *b, size_t octets)
{
	bool fits;

	pthread_mutex_lock(&s->lock);
	fits = s->in_memory + octets <= s->memory;
	s->in_memory += fits ? octets : 0;
	pthread_mutex_unlock(&s->lock);
	b->in_memory += fits ? octets : 0;
	return fits;
}

enum error shelf_add(struct shelf *s, int64_t id, uint32_t index, struct slice data, uint32_t lines,
    struct failure *why)
{
	struct shelved *b = find(s, id);

	if (!b || b->whole || index > b->count)
		return failed(why, E_STORE, "pieces of message %lld are missing", (long long)id);
	if (index < b->count)
		return OK; /* the transaction that it came in is tried again */
	if (takes_memory(s, b, data.len))
		add_piece(b, xmemdup(data.at, data.len), lines);
	else if (to_file(s, b, data, (off_t)index * CHUNK_OCTETS))
		add_piece(b, NULL, lines);
	else
		return failed(why, E_FULL, "there is no room for message %lld: %s", (long long)id,
		    strerror(errno));
	b->size += data.len;
	return OK;
}

bool shelf_complete(struct shelf *s, int64_t id, uint64_t size)
{
	struct shelved *b;
	bool whole;

	pthread_mutex_lock(&s->lock);
	b = find(s, id);
	whole = b && b->size == size;
	if (whole) {
		b->whole = true;
		if (b->older)
			release(s, take(&b->older));
	}
	pthread_mutex_unlock(&s->lock);
	return whole;
}

bool shelf_is_over(struct shelf *s)
{
	bool over;

	if (!s)
		return false;
	pthread_mutex_lock(&s->lock);
	over = s->in_memory > s->memory - s->memory / SPARE_PART;
	pthread_mutex_unlock(&s->lock);
	return over;
}

bool shelf_rests(struct shelf *s, int64_t id)
{
	const struct shelved *b = s ? find(s, id) : NULL;

	return b && b->whole;
}

int64_t shelf_next(struct shelf *s, uint64_t after, uint64_t *serial)
{
	const struct shelved *oldest = NULL;

	for (size_t i = 0; s && i < s->count; i++) {
		const struct shelved *b = s->all[i];

		if (b->whole && b->serial > after && (!oldest || b->serial < oldest->serial))
			oldest = b;
	}
	if (oldest)
		*serial = oldest->serial;
	return oldest ? oldest->id : 0;
}

/* ---- everybody ---- */

bool shelf_has(struct shelf *s, int64_t id)
{
	bool has;

	if (!s)
		return false;
	pthread_mutex_lock(&s->lock);
	has = find(s, id) != NULL;
	pthread_mutex_unlock(&s->lock);
	return has;
}

bool shelf_has_whole(struct shelf *s, int64_t id)
{
	bool whole;

	if (!s)
		return false;
	pthread_mutex_lock(&s->lock);
	whole = find_whole(s, id) != NULL;
	pthread_mutex_unlock(&s->lock);
	return whole;
}

bool shelf_piece_lines(struct shelf *s, int64_t id, uint32_t index, uint32_t *lines)
{
	const struct shelved *b;
	bool there;

	if (!s)
		return false;
	pthread_mutex_lock(&s->lock);
	b = find_whole(s, id);
	there = b && index < b->count;
	if (there)
		*lines = b->pieces[index].lines;
	pthread_mutex_unlock(&s->lock);
	return there;
}

static bool copy_piece(const struct shelved *b, uint64_t offset, char *to, size_t len)
{
	const char *piece = b->pieces[offset / CHUNK_OCTETS].octets;

	if (piece)
		memcpy(to, piece + offset % CHUNK_OCTETS, len);
	return piece || pread(b->fd, to, len, (off_t)offset) == (ssize_t)len;
}

/* Nothing of a whole body changes: it is read without the lock. */
static ssize_t read_whole(const struct shelved *b, uint64_t offset, char *to, size_t len)
{
	size_t done = 0;

	if (offset >= b->size)
		return 0;
	if (len > b->size - offset)
		len = (size_t)(b->size - offset);
	while (done < len) {
		size_t room = CHUNK_OCTETS - (size_t)((offset + done) % CHUNK_OCTETS);
		size_t part = len - done < room ? len - done : room;

		if (!copy_piece(b, offset + done, to + done, part))
			return -1;
		done += part;
	}
	return (ssize_t)done;
}

ssize_t shelf_read(struct shelf *s, int64_t id, uint64_t offset, void *to, size_t len)
{
	struct shelved *b;
	ssize_t got;

	if (!s)
		return -1;
	pthread_mutex_lock(&s->lock);
	b = find_whole(s, id);
	if (b)
		b->users++;
	pthread_mutex_unlock(&s->lock);
	if (!b)
		return -1;
	got = read_whole(b, offset, to, len);
	pthread_mutex_lock(&s->lock);
	release(s, b);
	pthread_mutex_unlock(&s->lock);
	return got;
}
