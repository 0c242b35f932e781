#include "room.h"

#include <inttypes.h>
#include <sys/statvfs.h>

#include "alloc.h"
#include "bodies.h"
#include "clock.h"
#include "log.h"
#include "pins.h"
#include "point.h"
#include "query.h"
#include "shelf.h"

/* Bodies in one transaction, and octets of them. */
#define MOST_VICTIMS 32
#define MOST_OCTETS  (8 << 20)

/* Whatever cache_min_free says: a batch of bodies is in the log and then once more in the database
 * before the log is used again, and intentions need room behind that. */
#define LEAST_FREE (UINT64_C(32) << 20)

/* After the disk was full: what is freed, and how long bodies stay out of the database. */
#define CLEARED_OCTETS (UINT64_C(8) << 20)
#define FULL_MS        10000

/* Pages of the database that hold nothing are given back to the disk in such steps, when there are
 * more than will soon be used again, or the disk is short. */
#define SPARE_OCTETS (INT64_C(32) << 20)
#define GIVE_BACK    "PRAGMA incremental_vacuum(512)"

struct victims {
	int64_t ids[MOST_VICTIMS];
	size_t count;
	uint64_t octets;
	bool blocked; /* some could not be had */
};

/* ---- how much there is ---- */

/* Counted by the database itself, so that it stays right whatever is rolled back. */
static const char count_bodies[] =
    "CREATE TEMP TABLE total(octets INTEGER NOT NULL) STRICT;"
    "INSERT INTO temp.total SELECT coalesce(sum(size), 0) FROM main.message "
    "  WHERE chunks IS NOT NULL;"
    "CREATE TEMP TRIGGER count_bodies AFTER UPDATE OF chunks ON main.message BEGIN "
    "  UPDATE total SET octets = octets "
    "    - CASE WHEN old.chunks IS NULL THEN 0 ELSE old.size END "
    "    + CASE WHEN new.chunks IS NULL THEN 0 ELSE new.size END;"
    "END;";

enum error room_init(struct room *r, const struct room_plan *plan, struct store *store,
    struct queues *queues, struct listing *const *listing, struct failure *why)
{
	*r = (struct room){
	    .store = store, .queues = queues, .listing = listing, .full_until = INT64_MIN};
	if (!plan)
		return OK;
	r->plan = *plan;
	r->look = true;
	if (!plan->bounded || plan->cache_size == 0)
		return OK;
	r->counting = true;
	if (sqlite3_exec(store_handle(store), count_bodies, NULL, NULL, NULL) != SQLITE_OK)
		return store_failed(store, "count what is in the cache", why);
	return OK;
}

static uint64_t octets_kept(const struct room *r)
{
	int64_t octets = 0;

	if (r->counting)
		query_number(r->store, &octets, NULL, "SELECT octets FROM temp.total", "");
	return octets > 0 ? (uint64_t)octets : 0;
}

static uint64_t disk_free(const struct room *r)
{
	struct statvfs st;

	if (statvfs(sqlite3_db_filename(store_handle(r->store), "main"), &st) != 0)
		return UINT64_MAX;
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static uint64_t must_stay_free(const struct room *r)
{
	return r->plan.cache_min_free > LEAST_FREE ? r->plan.cache_min_free : LEAST_FREE;
}

static bool is_short(const struct room *r)
{
	return r->plan.bounded && disk_free(r) < must_stay_free(r);
}

/* Asked once a batch: what goes into it since is taken off. */
static uint64_t left_for_bodies(struct room *r)
{
	uint64_t must = must_stay_free(r);

	if (!r->asked)
		r->left = disk_free(r);
	r->asked = true;
	return r->left < must ? 0 : r->left - must;
}

bool room_keeps(struct room *r, uint64_t octets)
{
	if (!r->queues->shelf)
		return true;
	if (r->plan.nocache || clock_ms() < r->full_until)
		return false;
	if (!r->plan.bounded)
		return true;
	if (r->plan.cache_size && octets > r->plan.cache_size)
		return false;
	if (left_for_bodies(r) < octets || r->left < must_stay_free(r))
		return false;
	r->left -= octets;
	return true;
}

/* ---- who leaves ---- */

static const char long_vanished[] =
    "SELECT id, size FROM message INDEXED BY message_left "
    "WHERE vanished IS NOT NULL AND chunks IS NOT NULL AND vanished <= ?1 ORDER BY vanished";

static const char least_used[] =
    "SELECT m.id, m.size FROM message m INDEXED BY message_cached WHERE m.chunks IS NOT NULL "
    "AND m.vanished IS NULL AND m.used <= ?1 "
    "AND NOT EXISTS (SELECT 1 FROM intention i WHERE i.id = m.id) "
    "ORDER BY m.used";

/* Until `wanted` octets are found, or enough for one transaction. */
static void choose(
    struct room *r, struct victims *v, const char *sql, int64_t until, uint64_t wanted)
{
	CLEANUP(query_end) sqlite3_stmt *q = query(r->store, NULL, sql, "i", until);
	bool row = false;

	while (q && v->count < MOST_VICTIMS && v->octets < wanted && v->octets < MOST_OCTETS &&
	       query_next(r->store, q, &row, NULL) == OK && row) {
		int64_t id = sqlite3_column_int64(q, 0);

		if (pins_leave(r->queues->pins, id)) {
			v->ids[v->count++] = id;
			v->octets += (uint64_t)sqlite3_column_int64(q, 1);
		} else {
			v->blocked = true;
		}
	}
}

/* What is to be freed now, in octets. */
static uint64_t excess(const struct room *r)
{
	uint64_t kept = octets_kept(r), over = 0;

	if (r->counting && kept > r->plan.cache_size)
		over = kept - r->plan.cache_size;
	if (r->owed > over)
		over = r->owed;
	return over == 0 && is_short(r) ? MOST_OCTETS : over;
}

/* ---- leaving ---- */

/* The fs thread hears of it whether it has happened or not: until then nobody can open the message.
 */
static void tell(struct room *r, int64_t id)
{
	struct event *e = event_create(EVENT_EVICTED);

	e->id = id;
	queue_put(&r->queues->events, &e->item);
}

static void uncached(const struct room *r, int64_t id)
{
	struct message *m = listing_by_id(*r->listing, id);

	if (m && (message_flags(m) & MESSAGE_CACHED))
		message_set_uncached(*r->listing, m);
}

static enum error discard_all(struct room *r, const struct victims *v, struct failure *why)
{
	enum error e = store_begin(r->store, why);

	for (size_t i = 0; !e && i < v->count; i++)
		e = bodies_discard(r->store, v->ids[i], why);
	POINT("evict", "done"); /* and not committed */
	return e ? e : store_commit(r->store, false, why);
}

static bool evict(struct room *r, const struct victims *v)
{
	struct failure why = {0};
	enum error e = discard_all(r, v, &why);

	if (e)
		store_rollback(r->store);
	for (size_t i = 0; i < v->count; i++) {
		if (!e)
			uncached(r, v->ids[i]);
		tell(r, v->ids[i]);
	}
	POINT("evict", "told");
	if (e == E_FULL)
		r->owed = 0; /* not even this fits: the next one that comes may try again */
	else if (e)
		log_error("%s", why.words);
	else
		r->owed -= r->owed < v->octets ? r->owed : v->octets;
	return e == OK;
}

static bool evict_long_vanished(struct room *r)
{
	struct victims v = {.count = 0};

	if (!r->plan.bounded)
		return false;
	choose(r, &v, long_vanished, clock_seconds() - r->plan.keep_vanished_s, UINT64_MAX);
	return v.count > 0 && evict(r, &v);
}

static bool evict_for_room(struct room *r)
{
	struct victims v = {.count = 0};
	uint64_t wanted = excess(r);

	if (wanted == 0)
		return false;
	choose(r, &v, long_vanished, INT64_MAX, wanted);
	if (!pins_hold_all_now(r->queues->pins))
		choose(r, &v, least_used, INT64_MAX, wanted);
	if (v.blocked && v.octets < wanted)
		pins_wanted(r->queues->pins);
	if (v.count == 0)
		r->owed = 0; /* there is nothing */
	return v.count > 0 && evict(r, &v);
}

/* ---- the shelf ---- */

void room_spare(struct room *r, int64_t id)
{
	struct queues *q = r->queues;

	if (shelf_rests(q->shelf, id) && pins_leave(q->pins, id)) {
		shelf_drop(q->shelf, id);
		uncached(r, id);
		tell(r, id);
	}
	room_look(r);
}

static bool clear_shelf(struct room *r)
{
	uint64_t serial = 0;
	int64_t id;

	while (shelf_is_over(r->queues->shelf) &&
	       (id = shelf_next(r->queues->shelf, serial, &serial)) != 0)
		room_spare(r, id);
	return false;
}

/* ---- giving pages back to the disk ---- */

static int64_t spare_octets(const struct room *r)
{
	int64_t pages = 0, octets = 0;

	query_number(r->store, &pages, NULL, "PRAGMA freelist_count", "");
	query_number(r->store, &octets, NULL, "PRAGMA page_size", "");
	return pages * octets;
}

/* The file becomes shorter when the log is brought into it. */
static bool give_back(struct room *r)
{
	int64_t spare = r->plan.bounded ? spare_octets(r) : 0;
	bool is_pressed = spare > 0 && is_short(r);

	if (spare <= SPARE_OCTETS && !is_pressed)
		return false;
	if (sqlite3_exec(store_handle(r->store), GIVE_BACK, NULL, NULL, NULL) == SQLITE_OK &&
	    is_pressed)
		store_checkpoint(r->store);
	return spare_octets(r) < spare;
}

/* ---- all together ---- */

void room_look(struct room *r)
{
	r->look = true;
}

bool room_make(struct room *r)
{
	r->asked = false;
	if (!r->look)
		return false;
	r->look = evict_long_vanished(r) || give_back(r) || evict_for_room(r) || clear_shelf(r);
	return r->look;
}

/* A log that begins at its front again needs no more of the disk. Then bodies leave: their pages
 * are used instead of new ones. */
bool room_clear(struct room *r)
{
	store_checkpoint(r->store);
	r->full_until = clock_in(FULL_MS);
	r->owed = CLEARED_OCTETS;
	evict_for_room(r);
	store_checkpoint(r->store);
	r->look = true;
	return true;
}
