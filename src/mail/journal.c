#include "journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "name.h"
#include "query.h"

#define FIRST_ROOM 16 /* intentions; doubled when full */
#define STATES     (INTENTION_REFUSED + 1)

enum happening {
	MARK,
	DELETED,
	UNKNOWN,
	REFUSED,
	NOT_SENT,
	DROPPED,
	STILL_LISTED,
	NOT_LISTED,
	HAPPENINGS
};

enum step {
	STAY,
	TO_PENDING,
	TO_SENT,
	TO_ASSUMED,
	TO_UNKNOWN,
	ARM_AGAIN, /* pending and one more try, or refused after too many */
	FORGET,
	DENY, /* the caller believes something that is no longer so */
};

/* journal.h draws it. */
static const enum step steps[STATES][HAPPENINGS] = {
    [INTENTION_PENDING] = {[MARK] = TO_SENT, [DROPPED] = FORGET, [NOT_LISTED] = FORGET},
    [INTENTION_SENT] = {[DELETED] = TO_ASSUMED,
	[UNKNOWN] = TO_UNKNOWN,
	[REFUSED] = ARM_AGAIN,
	[NOT_SENT] = TO_PENDING,
	[STILL_LISTED] = ARM_AGAIN,
	[NOT_LISTED] = FORGET},
    [INTENTION_ASSUMED] =
	{[MARK] = TO_SENT, [DROPPED] = FORGET, [STILL_LISTED] = ARM_AGAIN, [NOT_LISTED] = FORGET},
    [INTENTION_UNKNOWN] =
	{[MARK] = TO_SENT, [DROPPED] = FORGET, [STILL_LISTED] = ARM_AGAIN, [NOT_LISTED] = FORGET},
    [INTENTION_REFUSED] = {[MARK] = DENY, [DROPPED] = FORGET, [NOT_LISTED] = FORGET},
};

static enum error set_state(
    struct store *s, int64_t id, enum intention_state state, struct failure *why)
{
	return query_run(
	    s, why, "UPDATE intention SET state = ?2 WHERE id = ?1", "ii", id, (int64_t)state);
}

static enum error arm_again(struct store *s, int64_t id, struct failure *why)
{
	return query_run(s, why,
	    "UPDATE intention SET tries = tries + 1, armed = ?2, "
	    "state = CASE WHEN tries + 1 >= ?3 THEN ?4 ELSE ?5 END WHERE id = ?1",
	    "iiiii", id, store_listed_at(s), (int64_t)JOURNAL_MOST_TRIES,
	    (int64_t)INTENTION_REFUSED, (int64_t)INTENTION_PENDING);
}

/* Puts the name of the message into *name that a query of UIDL and ordinal finds; *row: whether it
 * found one. Takes the query, which may be NULL. */
static enum error name_of(
    struct store *s, sqlite3_stmt *found, char *name, bool *row, struct failure *why)
{
	CLEANUP(query_end) sqlite3_stmt *q = found;
	enum error error = q ? query_next(s, q, row, why) : E_STORE;

	if (!error && *row)
		name_encode(name, query_blob(q, 0), (unsigned)sqlite3_column_int(q, 1));
	return error;
}

/* Says that the user's wish was given up, if it was. */
static enum error say_refused(struct store *s, int64_t id, struct failure *why)
{
	char name[NAME_LONGEST + 1];
	bool row = false;
	enum error error = name_of(s,
	    query(s, why,
		"SELECT m.uidl, m.ordinal FROM intention i JOIN message m ON m.id = i.id "
		"WHERE i.id = ?1 AND i.state = ?2",
		"ii", id, (int64_t)INTENTION_REFUSED),
	    name, &row, why);

	if (!error && row)
		log_warning("%s is not deleted: the server still has it after %d commits; it is "
			    "shown again",
		    name, JOURNAL_MOST_TRIES);
	return error;
}

static enum error forget(struct store *s, int64_t id, struct failure *why)
{
	return query_run(s, why, "DELETE FROM intention WHERE id = ?1", "i", id);
}

static enum error take_step(struct store *s, int64_t id, enum step step, struct failure *why)
{
	switch (step) {
	case STAY:
		return OK;
	case TO_PENDING:
		return set_state(s, id, INTENTION_PENDING, why);
	case TO_SENT:
		return set_state(s, id, INTENTION_SENT, why);
	case TO_ASSUMED:
		return set_state(s, id, INTENTION_ASSUMED, why);
	case TO_UNKNOWN:
		return set_state(s, id, INTENTION_UNKNOWN, why);
	case ARM_AGAIN:
		return arm_again(s, id, why) ? why->code : say_refused(s, id, why);
	case FORGET:
		return forget(s, id, why);
	case DENY:
		break;
	}
	return failed(
	    why, E_VANISHED, "message %" PRId64 " is not, or no longer, to be deleted", id);
}

/* *found = false: there is no intention for it. */
static enum error find(
    struct store *s, int64_t id, bool *found, enum intention_state *state, struct failure *why)
{
	int64_t value = -1;
	enum error error =
	    query_number(s, &value, why, "SELECT state FROM intention WHERE id = ?1", "i", id);

	*found = value >= 0 && value < STATES;
	if (*found)
		*state = (enum intention_state)value;
	return error;
}

/* ---- what the user wants ---- */

/* One that the server refused is shown again; whoever unlinks it again begins anew. */
enum error journal_unlink(struct store *s, int64_t id, struct failure *why)
{
	bool found;
	enum intention_state state;
	enum error error = find(s, id, &found, &state, why);

	if (error || (found && state != INTENTION_REFUSED))
		return error;
	error = query_run(s, why,
	    "INSERT OR REPLACE INTO intention(id, state, made, armed, tries, uidl, listed, digest) "
	    "SELECT id, ?2, ?3, ?3, 0, uidl, listed, digest FROM message "
	    "WHERE id = ?1 AND vanished IS NULL",
	    "iii", id, (int64_t)INTENTION_PENDING, clock_seconds());
	if (!error && store_touched(s) == 0)
		error = failed(why, E_VANISHED, "message %" PRId64 " is gone from the server", id);
	return error;
}

/* It may be done already, or be done yet: nobody can promise that the message stays. The next
 * listing tells, after which it is pending, and can be taken back, or gone. */
static bool dele_is_out(enum intention_state state)
{
	return state == INTENTION_SENT || state == INTENTION_ASSUMED || state == INTENTION_UNKNOWN;
}

static enum error say_too_late(
    struct store *s, int64_t id, enum intention_state state, struct failure *why)
{
	char name[NAME_LONGEST + 1] = "the message";
	bool row = false;
	enum error error =
	    name_of(s, query(s, why, "SELECT uidl, ordinal FROM message WHERE id = ?1", "i", id),
		name, &row, why);

	if (error)
		return error;
	if (state == INTENTION_SENT)
		return failed(
		    why, E_FORBIDDEN, "the deletion of %s is on its way to the server", name);
	return failed(why, E_FORBIDDEN,
	    "the deletion of %s was sent to the server, whose next listing (pop3fs refresh) tells "
	    "whether it was done",
	    name);
}

enum error journal_undelete(struct store *s, int64_t id, struct failure *why)
{
	bool found;
	enum intention_state state;
	enum error error = find(s, id, &found, &state, why);

	if (error)
		return error;
	if (!found)
		return failed(why, E_VANISHED, "message %" PRId64 " was not deleted", id);
	if (dele_is_out(state))
		return say_too_late(s, id, state, why);
	return forget(s, id, why);
}

/* ---- what the session does ---- */

enum error journal_mark(struct store *s, const int64_t *ids, size_t count, struct failure *why)
{
	for (size_t i = 0; i < count; i++) {
		bool found;
		enum intention_state state;
		enum error error = find(s, ids[i], &found, &state, why);

		if (!error)
			error = take_step(s, ids[i], found ? steps[state][MARK] : DENY, why);
		if (error)
			return error;
	}
	return OK;
}

enum error journal_outcome(struct store *s, const struct outcome *o, struct failure *why)
{
	static const enum happening happenings[] = {
	    [OUTCOME_DELETED] = DELETED,
	    [OUTCOME_UNKNOWN] = UNKNOWN,
	    [OUTCOME_REFUSED] = REFUSED,
	    [OUTCOME_NOT_SENT] = NOT_SENT,
	    [OUTCOME_DROPPED] = DROPPED,
	};
	bool found;
	enum intention_state state;
	enum error error = find(s, o->id, &found, &state, why);

	if (error || !found)
		return error;
	return take_step(s, o->id, steps[state][happenings[o->kind]], why);
}

/* ---- what a listing proves ---- */

/* Whatever waits by now was made before the listing in force, which takes a while to come about,
 * and whatever the clock says: it may have been set back. */
static enum error grow_older(struct store *s, struct failure *why)
{
	int64_t armed = 0;
	enum error error = query_number(s, &armed, why, "SELECT max(armed) FROM intention", "");

	if (!error)
		store_set_listed_at(s, armed);
	return error;
}

struct finding {
	int64_t id;
	enum step step;
};

struct findings {
	struct finding *all;
	size_t count, room;
};

static void findings_finish(struct findings *f)
{
	free(f->all);
}

static void add_finding(struct findings *f, int64_t id, enum step step)
{
	if (f->count == f->room) {
		f->room = f->room ? 2 * f->room : FIRST_ROOM;
		f->all = xreallocarray(f->all, f->room, sizeof(*f->all));
	}
	f->all[f->count++] = (struct finding){id, step};
}

/* Read to the end before anything is changed: the table is not altered under its reader. */
static enum error find_all(struct store *s, struct findings *f, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT i.id, i.state, m.id IS NOT NULL AND m.vanished IS NULL "
	    "FROM intention i LEFT JOIN message m ON m.id = i.id",
	    "");
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	while (!error && row) {
		int64_t state = sqlite3_column_int64(q, 1);
		enum happening seen = sqlite3_column_int(q, 2) ? STILL_LISTED : NOT_LISTED;
		enum step step = state >= 0 && state < STATES ? steps[state][seen] : FORGET;

		if (step != STAY)
			add_finding(f, sqlite3_column_int64(q, 0), step);
		error = query_next(s, q, &row, why);
	}
	return error;
}

/* Nothing was sent for it, and its UIDL is another message's by now (a server that counts anew):
 * whoever unlinked it is told that nothing is deleted. What is merely gone, another client has
 * deleted. */
static enum error say_replaced(struct store *s, int64_t id, struct failure *why)
{
	char name[NAME_LONGEST + 1];
	bool row = false;
	enum error error = name_of(s,
	    query(s, why,
		"SELECT m.uidl, m.ordinal FROM message m JOIN intention i ON i.id = m.id "
		"WHERE m.id = ?1 AND i.state = ?2 AND EXISTS "
		"(SELECT 1 FROM message o WHERE o.uidl = m.uidl AND o.vanished IS NULL "
		"AND o.seen >= i.made)",
		"ii", id, (int64_t)INTENTION_PENDING),
	    name, &row, why);

	if (!error && row)
		log_warning(
		    "%s is not deleted: the server now lists another message under its UIDL", name);
	return error;
}

enum error journal_settle(struct store *s, struct failure *why)
{
	CLEANUP(findings_finish) struct findings f = {0};
	enum error error = grow_older(s, why);

	if (!error)
		error = find_all(s, &f, why);
	for (size_t i = 0; !error && i < f.count; i++) {
		if (f.all[i].step == FORGET)
			error = say_replaced(s, f.all[i].id, why);
		if (!error)
			error = take_step(s, f.all[i].id, f.all[i].step, why);
	}
	return error;
}

/* An intention's message is the one that it was made for, or the database is damaged. A DELE goes
 * by the message: better none than another's. */
#define ITS_OWN "m.id = i.id AND m.uidl = i.uidl AND i.state BETWEEN 0 AND 4"
_Static_assert(INTENTION_REFUSED == 4, "the states are those that SQL is told of");

static enum error forget_strange(struct store *s, struct failure *why)
{
	enum error error = query_run(s, why,
	    "DELETE FROM intention AS i WHERE NOT EXISTS (SELECT 1 FROM message m WHERE " ITS_OWN
	    ")",
	    "");
	int64_t count = error ? 0 : store_touched(s);

	if (count > 0)
		log_warning("the cache database was damaged: %" PRId64 " of the deletions that "
			    "waited in it fit no message, and are forgotten",
		    count);
	return error;
}

enum error journal_recover(struct store *s, struct failure *why)
{
	enum error error = forget_strange(s, why);

	if (!error)
		error = grow_older(s, why);
	if (error)
		return error;
	return query_run(s, why, "UPDATE intention SET state = ?2 WHERE state = ?1", "ii",
	    (int64_t)INTENTION_SENT, (int64_t)INTENTION_UNKNOWN);
}

/* ---- what there is ---- */

static void read_intention(struct store *s, sqlite3_stmt *q, struct intention *i)
{
	struct slice digest = query_blob(q, 6), uidl = query_blob(q, 7);

	*i = (struct intention){
	    .id = sqlite3_column_int64(q, 0),
	    .state = (enum intention_state)sqlite3_column_int(q, 1),
	    .made = sqlite3_column_int64(q, 2),
	    .older = sqlite3_column_int64(q, 3) <= store_listed_at(s),
	    .tries = (unsigned)sqlite3_column_int(q, 4),
	    .listed = (uint64_t)sqlite3_column_int64(q, 5),
	    .resized = sqlite3_column_int(q, 9) != 0,
	    .has_digest = digest.at && digest.len == sizeof(i->digest),
	};
	if (i->has_digest)
		memcpy(i->digest, digest.at, sizeof(i->digest));
	_Static_assert(sizeof(i->name) == NAME_LONGEST + 1, "jobs.h has room for a whole name");
	name_encode(i->name, uidl, (unsigned)sqlite3_column_int(q, 8));
}

enum error journal_all(struct store *s, struct intentions **out, struct failure *why)
{
	CLEANUP(query_end)
	sqlite3_stmt *q = query(s, why,
	    "SELECT i.id, i.state, i.made, i.armed, i.tries, i.listed, i.digest, i.uidl, "
	    "m.ordinal, "
	    "i.listed <> m.listed "
	    "FROM intention i JOIN message m ON " ITS_OWN " ORDER BY i.id",
	    "");
	CLEANUP(freep) struct intentions *all = xzalloc(sizeof(*all));
	size_t room = 0;
	bool row;
	enum error error = q ? query_next(s, q, &row, why) : E_STORE;

	while (!error && row) {
		if (all->count == room) {
			room = room ? 2 * room : FIRST_ROOM;
			all = xrealloc(all, sizeof(*all) + room * sizeof(all->all[0]));
		}
		read_intention(s, q, &all->all[all->count++]);
		error = query_next(s, q, &row, why);
	}
	if (!error)
		*out = take(&all);
	return error;
}
