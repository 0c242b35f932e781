#include "sink.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "jobs.h"
#include "query.h"
#include "schema.h"
#include "store.h"

#define INDEX_BITS  24         /* of a chunk's key: bodies.c */
#define FIRST_ROOM  8192       /* octets of a message's first piece of memory */
#define MOST_ON_WAY (16 << 20) /* octets received, but not yet stored */
#define MOST_ITEMS  1000       /* in one transaction ... */
#define MOST_OCTETS (8 << 20)  /* ... as storer.c does it */

struct item {
	struct queue_item item;
	int64_t id;
	uint32_t index;
	char *data; /* of a chunk, or NULL */
	size_t len;
	uint32_t lines;
	bool row; /* the message is whole: store its row, ... */
	char *uidl;
	size_t uidl_len;
	uint64_t listed, size, all_lines;
	uint32_t chunks; /* ... with its body if it has one */
	bool end;        /* nothing follows */
};

struct sink {
	struct store *store;
	int64_t first; /* id of message 0 */
	pthread_t thread;
	struct queue items;
	pthread_mutex_t lock; /* of on_way */
	pthread_cond_t stored;
	size_t on_way;
	struct item *message, *chunk; /* being received */
	size_t room;
	struct failure failure;
};

/* ---- the thread ---- */

static enum error store_item(struct sink *s, const struct item *i)
{
	struct slice data = slice_make(i->data, i->len);
	enum error e = OK;

	if (i->data)
		e = query_run(s->store, &s->failure,
		    "INSERT INTO chunk(key, lines, data) VALUES(?1, ?2, ?3)", "iib",
		    i->id << INDEX_BITS | i->index, (int64_t)i->lines, data);
	if (!e && i->row && i->chunks)
		e = query_run(s->store, &s->failure,
		    "INSERT INTO message(id, uidl, ordinal, listed, size, lines, chunks, seen, "
		    "used) "
		    "VALUES(?1, ?2, 1, ?3, ?4, ?5, ?6, ?7, ?7)",
		    "ibiiiii", i->id, slice_make(i->uidl, i->uidl_len), (int64_t)i->listed,
		    (int64_t)i->size, (int64_t)i->all_lines, (int64_t)i->chunks, clock_seconds());
	else if (!e && i->row)
		e = query_run(s->store, &s->failure,
		    "INSERT INTO message(id, uidl, ordinal, listed, seen, used) "
		    "VALUES(?1, ?2, 1, ?3, ?4, ?4)",
		    "ibii", i->id, slice_make(i->uidl, i->uidl_len), (int64_t)i->listed,
		    clock_seconds());
	return e;
}

static void item_free(struct item *i)
{
	free(i->data);
	free(i->uidl);
	free(i);
}

static void tell_stored(struct sink *s, size_t octets)
{
	pthread_mutex_lock(&s->lock);
	s->on_way -= octets;
	pthread_cond_signal(&s->stored);
	pthread_mutex_unlock(&s->lock);
}

/* One transaction from the front of *waiting. After a failure items are only thrown away. */
static bool store_batch(struct sink *s, struct queue_item **waiting)
{
	size_t octets = 0;
	bool end = false;

	if (!s->failure.code)
		store_begin(s->store, &s->failure);
	for (unsigned n = 0; *waiting && n < MOST_ITEMS && octets < MOST_OCTETS; n++) {
		struct item *i = (struct item *)*waiting;

		*waiting = i->item.next;
		end |= i->end;
		octets += i->len;
		if (!s->failure.code)
			store_item(s, i);
		item_free(i);
	}
	if (!s->failure.code)
		store_commit(s->store, end, &s->failure);
	tell_stored(s, octets);
	return end;
}

static void *run(void *with)
{
	struct sink *s = with;
	struct queue_item *waiting = NULL;
	bool end = false;

	while (!end) {
		if (!waiting)
			queue_wait(&s->items, CLOCK_NEVER);
		if (!waiting)
			waiting = queue_take_all(&s->items);
		if (waiting)
			end = store_batch(s, &waiting);
	}
	return NULL;
}

/* ---- what the receiving thread does ---- */

enum error sink_open(struct sink **out, const char *path, struct failure *why)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	struct sink *s = xnew(struct sink);
	enum error e;

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		CLEANUP(freep) char *old = xasprintf("%s%s", path, tails[i]);

		unlink(old);
	}
	e = store_open(&s->store, path, why);
	if (!e && !queue_init(&s->items))
		e = failed(why, E_SYSTEM, "no descriptor is left");
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->stored, NULL);
	s->first = clock_seconds() * SCHEMA_IDS_A_SECOND;
	if (!e && pthread_create(&s->thread, NULL, run, s) != 0)
		e = failed(why, E_SYSTEM, "cannot start a thread");
	if (e) {
		store_close(s->store);
		free(s);
		return e;
	}
	*out = s;
	return OK;
}

static struct item *item_create(struct sink *s, uint32_t number)
{
	struct item *i = xnew(struct item);

	i->id = s->first + number;
	return i;
}

static struct item *row_create(struct sink *s, uint32_t number, struct slice uidl, uint64_t octets)
{
	struct item *i = item_create(s, number);

	i->row = true;
	i->listed = octets;
	i->uidl = xmemdup(uidl.at, uidl.len);
	i->uidl_len = uidl.len;
	return i;
}

static void put(struct sink *s, struct item *i)
{
	pthread_mutex_lock(&s->lock);
	while (s->on_way > MOST_ON_WAY)
		pthread_cond_wait(&s->stored, &s->lock);
	s->on_way += i->len;
	pthread_mutex_unlock(&s->lock);
	queue_put(&s->items, &i->item);
}

void sink_listed(struct sink *s, uint32_t number, struct slice uidl, uint64_t octets)
{
	put(s, row_create(s, number, uidl, octets));
}

void sink_message(struct sink *s, uint32_t number, struct slice uidl, uint64_t octets)
{
	s->message = row_create(s, number, uidl, octets);
}

static uint32_t count_lines(struct slice text)
{
	const char *end = text.at + text.len, *lf = text.at;
	uint32_t lines = 0;

	while ((lf = memchr(lf, '\n', (size_t)(end - lf)))) {
		lines++;
		lf++;
	}
	return lines;
}

static void make_room(struct sink *s, size_t octets)
{
	size_t room = s->message->chunks > 0 ? CHUNK_OCTETS : FIRST_ROOM;

	if (octets <= s->room)
		return;
	while (room < octets)
		room *= 2;
	s->chunk->data = xrealloc(s->chunk->data, room);
	s->room = room;
}

static void send_chunk(struct sink *s)
{
	struct item *c = take(&s->chunk);

	if (!c)
		return;
	c->index = s->message->chunks++;
	c->lines = count_lines(slice_make(c->data, c->len));
	s->message->all_lines += c->lines;
	put(s, c);
}

void sink_text(struct sink *s, struct slice text)
{
	s->message->size += text.len;
	while (text.len > 0) {
		size_t fits;

		if (!s->chunk) {
			s->chunk = xnew(struct item);
			s->chunk->id = s->message->id;
			s->room = 0;
		}
		fits = CHUNK_OCTETS - s->chunk->len;
		fits = text.len < fits ? text.len : fits;
		make_room(s, s->chunk->len + fits);
		memcpy(s->chunk->data + s->chunk->len, text.at, fits);
		s->chunk->len += fits;
		text = slice_make(text.at + fits, text.len - fits);
		if (s->chunk->len == CHUNK_OCTETS)
			send_chunk(s);
	}
}

void sink_message_end(struct sink *s)
{
	send_chunk(s);
	put(s, take(&s->message));
}

enum error sink_close(struct sink *s, struct failure *why)
{
	struct item *last = xnew(struct item);
	enum error e;

	last->end = true;
	put(s, last);
	pthread_join(s->thread, NULL);
	store_close(s->store);
	queue_finish(&s->items);
	e = s->failure.code;
	if (e)
		failed(why, e, "%s", s->failure.words);
	free(s);
	return e;
}
