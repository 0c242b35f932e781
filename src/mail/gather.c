#include "gather.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "header.h"
#include "learn.h"

#define FIRST_ROOM 8192 /* octets of the first piece's memory: most messages are small */

/* So the first chunk holds the header, and nothing need be kept besides. */
static_assert(LEARN_LARGEST <= CHUNK_OCTETS, "a header may not span chunks");

struct gather {
	struct queue *tasks;
	int64_t id;
	EVP_MD_CTX *hash;
	struct header_scan header;
	struct body *body; /* what is known of it so far */
	/* the chunk in the making */
	char *data;
	size_t len, room;
	uint32_t lines;
	char last; /* the octet before the next one */
};

/* Like memory: a machine without SHA-256 is none to go on with. */
static void must(int good)
{
	if (good != 1)
		abort();
}

struct gather *gather_create(int64_t id, struct queue *tasks)
{
	struct gather *g = xnew(struct gather);

	g->tasks = tasks;
	g->id = id;
	g->body = xnew(struct body);
	g->hash = EVP_MD_CTX_new();
	must(g->hash && EVP_DigestInit_ex(g->hash, EVP_sha256(), NULL));
	return g;
}

static void gather_free(struct gather *g)
{
	EVP_MD_CTX_free(g->hash);
	if (g->body)
		free(g->body->learnt);
	free(g->body);
	free(g->data);
	free(g);
}

/* The message begins with these octets: all of it, or a chunk's worth. */
static void keep_header(struct gather *g)
{
	g->body->learnt = learn_of_body(slice_make(g->data, g->len));
}

/* Its length is known however long it is; what is kept of it besides the body is bounded. */
static void measure_header(struct gather *g, struct slice text)
{
	size_t more = header_scan(&g->header, text), room = UINT32_MAX - g->body->header;

	g->body->header += (uint32_t)(more < room ? more : room);
}

/* The chunk leaves with a task, in memory of just its size. */
static void give_chunk(struct gather *g, struct task *t)
{
	if (g->body->chunks == 0)
		keep_header(g);
	t->index = g->body->chunks++;
	t->data = g->len < g->room ? xrealloc(g->data, g->len) : g->data;
	t->len = g->len;
	t->lines = g->lines;
	g->body->lines += g->lines;
	g->data = NULL;
	g->len = g->room = 0;
	g->lines = 0;
}

static struct task *task_of(const struct gather *g, enum task_kind kind)
{
	struct task *t = task_create(kind);

	t->id = g->id;
	return t;
}

static size_t send_chunk(struct gather *g)
{
	struct task *t = task_of(g, TASK_CHUNK);
	size_t len = g->len;

	give_chunk(g, t);
	queue_put(g->tasks, &t->item);
	return len;
}

/* The first chunk grows as it must; one that has a chunk before it will likely be full. */
static void make_room(struct gather *g, size_t octets)
{
	size_t room = g->room;

	if (octets <= room)
		return;
	if (g->body->chunks > 0)
		room = CHUNK_OCTETS;
	else if (room == 0)
		room = FIRST_ROOM;
	while (room < octets)
		room *= 2;
	g->data = xrealloc(g->data, room);
	g->room = room;
}

/* A CRLF belongs to the chunk that holds its LF. */
static void count_lines(struct gather *g, struct slice text)
{
	const char *end = text.at + text.len, *lf = text.at;

	while ((lf = memchr(lf, '\n', (size_t)(end - lf)))) {
		g->lines += (lf > text.at ? lf[-1] : g->last) == '\r';
		lf++;
	}
	g->last = end[-1];
}

size_t gather_add(struct gather *g, struct slice text)
{
	size_t sent = 0;

	while (text.len > 0) {
		size_t fits = CHUNK_OCTETS - g->len, len = text.len < fits ? text.len : fits;

		make_room(g, g->len + len);
		memcpy(g->data + g->len, text.at, len);
		count_lines(g, slice_make(text.at, len));
		measure_header(g, slice_make(text.at, len));
		must(EVP_DigestUpdate(g->hash, text.at, len));
		g->len += len;
		g->body->size += len;
		if (g->len == CHUNK_OCTETS)
			sent += send_chunk(g);
		text = slice_make(text.at + len, text.len - len);
	}
	return sent;
}

size_t gather_hold(struct gather *g, bool together, struct task **body)
{
	struct task *t = task_of(g, TASK_BODY);
	size_t sent = 0;

	if (g->len > 0 && g->body->chunks == 0 && together)
		give_chunk(g, t);
	else if (g->len > 0)
		sent = send_chunk(g);
	else if (g->body->chunks == 0)
		keep_header(g); /* an empty message has an empty header */
	must(EVP_DigestFinal_ex(g->hash, g->body->sha256, NULL));
	t->body = take(&g->body);
	gather_free(g);
	*body = t;
	return sent;
}

void gather_abort(struct gather *g)
{
	struct task *t;

	if (!g)
		return;
	if (g->body->chunks > 0) {
		t = task_of(g, TASK_DISCARD);
		queue_put(g->tasks, &t->item);
	}
	gather_free(g);
}
