#include "checking.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "jobs.h"
#include "name.h"
#include "query.h"

#define STEP_OCTETS   (4 << 20)  /* in one transaction */
#define STEP_MESSAGES 256        /* the same */
#define MOST_OCTETS   (64 << 20) /* in one answer: a person wants to see that it goes on */
#define MOST_MESSAGES 10000      /* the same */

/* A body whose pieces are hashed one after the other. */
struct hashing {
	int64_t id;
	uint64_t size, listed;
	uint32_t chunks, next;
	unsigned char sha256[32];
	bool vanished;
	EVP_MD_CTX *sum;
	uint64_t octets; /* so far */
};

struct checking *checking_create(int64_t after, bool only)
{
	struct checking *c = xnew(struct checking);

	c->after = after;
	c->only = only;
	return c;
}

static void hashing_free(struct hashing *h)
{
	if (h)
		EVP_MD_CTX_free(h->sum);
	free(h);
}

void checking_free(struct checking *c)
{
	if (c)
		hashing_free(c->hashing);
	free(c);
}

/* Like memory: a machine without SHA-256 is none to go on with. */
static void must(int good)
{
	if (good != 1)
		abort();
}

/* ---- which one ---- */

static void begin(struct checking *c, sqlite3_stmt *q)
{
	struct hashing *h = xnew(struct hashing);
	struct slice hash = query_blob(q, 4);

	h->id = sqlite3_column_int64(q, 0);
	h->size = (uint64_t)sqlite3_column_int64(q, 1);
	h->listed = (uint64_t)sqlite3_column_int64(q, 2);
	h->chunks = (uint32_t)sqlite3_column_int64(q, 3);
	if (hash.len == sizeof(h->sha256))
		memcpy(h->sha256, hash.at, hash.len);
	h->vanished = sqlite3_column_int(q, 5) != 0;
	h->sum = EVP_MD_CTX_new();
	must(h->sum && EVP_DigestInit_ex(h->sum, EVP_sha256(), NULL));
	name_encode(c->name, query_blob(q, 6), (unsigned)sqlite3_column_int(q, 7));
	hashing_free(c->hashing);
	c->hashing = h;
}

#define COLUMNS                                                                                    \
	"SELECT id, size, listed, abs(chunks), sha256, vanished IS NOT NULL, uidl, ordinal FROM "  \
	"message "

/* The one under way may have gone, or come anew, since the last step: then it begins again. */
static bool still_the_same(const struct hashing *h, sqlite3_stmt *q)
{
	struct slice hash = query_blob(q, 4);

	return h && h->id == sqlite3_column_int64(q, 0) && hash.len == sizeof(h->sha256) &&
	       memcmp(hash.at, h->sha256, hash.len) == 0;
}

static enum error find(struct store *s, struct checking *c, bool *found, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    c->only ? COLUMNS "WHERE id = ?1 AND chunks IS NOT NULL"
		    : COLUMNS "WHERE id > ?1 AND chunks IS NOT NULL ORDER BY id LIMIT 1",
	    "i", c->after);
	enum error e = q ? query_next(s, q, found, why) : E_STORE;

	if (!e && *found && !still_the_same(c->hashing, q))
		begin(c, q);
	return e;
}

/* ---- one body ---- */

/* A piece that cannot be read is as bad as one that differs. */
static bool hash_piece(struct store *s, struct hashing *h)
{
	CLEANUP(buf_finish) struct buf piece = {.len = 0};
	uint64_t rest = h->size - h->octets;
	uint32_t lines;
	size_t expected = rest < CHUNK_OCTETS ? (size_t)rest : CHUNK_OCTETS;

	if (bodies_piece(s, h->id, h->next, &piece, &lines, NULL) || piece.len != expected)
		return false;
	must(EVP_DigestUpdate(h->sum, buf_at(&piece), piece.len));
	h->octets += piece.len;
	h->next++;
	return true;
}

static bool is_whole(struct hashing *h)
{
	unsigned char sum[32];

	must(EVP_DigestFinal_ex(h->sum, sum, NULL));
	return h->octets == h->size && memcmp(sum, h->sha256, sizeof(sum)) == 0;
}

static enum error settle(
    struct store *s, struct checking *c, enum finding found, struct failure *why)
{
	const struct hashing *h = c->hashing;

	c->found = found;
	c->after = c->id = h->id;
	c->size = h->size;
	c->listed = h->listed;
	memcpy(c->sha256, h->sha256, sizeof(c->sha256));
	c->checked += found == FOUND_NOTHING;
	hashing_free(take(&c->hashing));
	return found == FOUND_DAMAGED ? bodies_discard(s, c->id, why) : OK;
}

/* As far as `octets` go. */
static enum error go_on(struct store *s, struct checking *c, uint64_t *octets, struct failure *why)
{
	struct hashing *h = c->hashing;
	bool good = true;

	while (good && h->next < h->chunks && *octets < STEP_OCTETS) {
		uint64_t before = h->octets;

		good = hash_piece(s, h);
		*octets += h->octets - before;
		c->octets += h->octets - before;
	}
	if (good && h->next < h->chunks)
		return OK;
	if (!good || !is_whole(h))
		return settle(s, c, FOUND_DAMAGED, why);
	return settle(
	    s, c, !h->vanished && h->listed != h->size ? FOUND_DIFFERS : FOUND_NOTHING, why);
}

/* ---- the story ---- */

/* What SQLite remembers of the file may still be right where the file is not any more. */
static void look_at_the_disk(struct store *s)
{
	sqlite3_db_release_memory(store_handle(s));
}

static bool is_enough(const struct checking *c)
{
	return c->found != FOUND_NOTHING || c->octets >= MOST_OCTETS ||
	       c->checked >= MOST_MESSAGES || (c->only && c->id);
}

enum error checking_step(struct store *s, struct checking *c, bool *done, struct failure *why)
{
	uint64_t octets = 0;
	bool found = true;
	enum error e = OK;

	*done = c->found == FOUND_DAMAGED;
	if (*done) /* the disk was full, and this is another try */
		return bodies_discard(s, c->id, why);
	look_at_the_disk(s);
	for (unsigned i = 0; !e && !*done && i < STEP_MESSAGES && octets < STEP_OCTETS; i++) {
		e = find(s, c, &found, why);
		if (!e && found) {
			e = go_on(s, c, &octets, why);
			*done = is_enough(c) && !c->hashing;
		} else if (!e) {
			c->id = 0;
			c->found = c->only ? FOUND_ABSENT : FOUND_NOTHING;
			*done = true;
		}
	}
	return e;
}
