#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "counters.h"
#include "journal.h"
#include "merge.h"
#include "name.h"
#include "spoken.h"
#include "storage.h"

#define MOST_STEPS 5

/* One maildrop through some listings.
 *
 * What the server says: "UIDL:SIZE:HEADER ...", UIDL "?" where there is none, HEADER one letter
 * that stands for a header, "-" where TOP fails. What the listing is then: the names in order of
 * id, "#HEADER" for one that stands in for a UIDL, each with "*" for a twin, "!" for one that
 * cannot be deleted, "=SIZE" where the size matters; "(same)" in front where nothing changed. What
 * was asked for: the kinds of the rows, n, k, d, t, and m for nameless. */
struct step {
	const char *says, *kinds, *want;
};

struct maildrop_case {
	const char *what;
	struct step steps[MOST_STEPS];
};

static const struct maildrop_case cases[] = {
    {"new messages come in order of number",
	{{"a:10:A b:20:B", "nn", "a=10 b=20"}, {"a:10:A b:20:B", "kk", "(same) a b"},
	    {"a:10:A b:20:B c:30:C", "kkn", "a b c=30"}, {"c:30:C a:10:A", "kk", "a c"}}},
    {"an empty maildrop", {{"", "", "(same) "}, {"a:1:A", "n", "a"}, {"", "", ""}}},
    {"one that comes back is the same",
	{{"a:10:A b:20:B", "nn", "a b"}, {"b:20:B", "k", "b"}, {"a:10:A b:20:B", "kk", "a b"},
	    {"b:20:B", "k", "b"}, {"a:11:A b:20:B", "dk", "a=11 b"}}},
    {"another listed size, the same header: the same message",
	{{"a:420:A", "n", "a=420"}, {"a:476:A", "d", "a=476"}, {"a:476:A", "k", "(same) a=476"}}},
    {"another listed size, another header: another message",
	{{"1:420:A", "n", "1"}, {"1:99:B", "d", "1~2=99"}, {"1:99:B", "d", "(same) 1~2"},
	    {"1:50:C", "d", "1~3=50"}, {"1:420:A", "d", "1=420"}}},
    {"another listed size, no header to compare: the same message",
	{{"a:420:-", "n", "a"}, {"a:476:A", "d", "a=476"}, {"a:480:-", "d", "a=480"},
	    {"a:490:B", "d", "a~2=490"}}},
    {"a message that LIST left out keeps its size",
	{{"a:420:A", "n", "a=420"}, {"a:0:A", "d", "(same) a=420"}}},
    {"UIDLs that need escapes, and none",
	{{"x/y:1:A :2:B z~2:3:C", "nnn", "x%2Fy %! z%7E2"},
	    {"x/y:1:A :2:B z~2:3:C", "kkk", "(same) x%2Fy %! z%7E2"}}},
    {"a UIDL twice is two messages, told apart by their headers",
	{{"a:10:A a:10:B", "tt", "a* a~2*"}, {"a:10:B a:10:A", "tt", "(same) a* a~2*"},
	    {"a:10:B", "t", "a~2"}, {"a:10:B", "k", "(same) a~2"},
	    {"a:10:A a:10:B", "tt", "a* a~2*"}}},
    {"a second one comes later and in front",
	{{"a:10:A b:5:C", "nn", "a b"}, {"a:10:B a:10:A b:5:C", "ttk", "a* b a~2*"},
	    {"a:10:B b:5:C", "tk", "b a~2"}, {"a:10:B b:5:C", "kk", "(same) b a~2"}}},
    {"two that nothing tells apart",
	{{"a:10:A a:10:A", "tt", "a*! a~2*!"}, {"a:10:A a:10:A", "tt", "(same) a*! a~2*!"},
	    {"a:10:A", "t", "a"}, {"a:10:A a:10:B a:10:A", "ttt", "a*! a~2*! a~3*"}}},
    {"twins whose headers cannot be had",
	{{"a:10:- a:20:-", "tt", "a*! a~2*!"}, {"a:20:- a:10:-", "tt", "(same) a*! a~2*!"},
	    {"a:20:A a:10:-", "tt", "a*! a~2*"}, {"a:10:- a:20:-", "tt", "(same) a*! a~2*"},
	    {"a:10:B a:20:A", "tt", "a* a~2*"}}},
    {"without headers, what is left of two is known by its size",
	{{"a:10:- a:20:-", "tt", "a*! a~2*!"}, {"a:20:-", "t", "a~2"}}},
    {"three, and one of them is another",
	{{"a:1:A a:1:B a:1:C", "ttt", "a* a~2* a~3*"}, {"a:1:C a:1:D a:1:A", "ttt", "a* a~3* a~4*"},
	    {"a:1:C a:1:- a:1:B", "ttt", "a* a~2* a~3*"}}},
    {"one that took another ordinal is known by it",
	{{"a:420:A b:5:X", "nn", "a b"}, {"a:99:B b:5:X", "dk", "b a~2"},
	    {"a:99:B b:5:X c:6:Y", "kkn", "b a~2 c"}, {"b:5:X", "k", "b"},
	    {"a:99:- b:5:X", "tk", "b a~3"}}},
    {"counters that began anew with, by chance, the same sizes",
	{{"1:5:A 2:5:B 3:5:C", "nnn", "1 2 3"}, {"1:5:A 2:5:B 3:5:C", "dkd", "(same) 1 2 3"},
	    {"1:5:X 2:5:Y 3:5:Z", "dkd", "1~2 2~2 3~2"},
	    {"1:5:X 2:5:Y 3:5:Z", "ddd", "(same) 1~2 2~2 3~2"}, {"1:5:A 2:5:V", "dd", "1 2~3"}}},
    {"counters that began anew, and the sizes say so",
	{{"1:5:A 2:5:B 3:5:C 4:5:D", "nnnn", "1 2 3 4"},
	    {"1:5:A 2:5:X 3:6:Y 4:5:D", "dkdd", "1 4 2~2 3~2"}}},
    {"one counter alone",
	{{"1:5:A", "n", "1"}, {"1:5:B", "d", "1~2"}, {"1:5:-", "d", "(same) 1~2"}}},
    {"a counter that comes back is another, more likely",
	{{"1:5:A 2:5:B", "nn", "1 2"}, {"1:5:A", "d", "1"}, {"1:5:A 2:5:C", "dd", "1 2~2"},
	    {"1:5:A 2:5:B", "dd", "1 2"}}},
    {"no UIDLs at all",
	{{"?:10:A ?:20:B", "mm", "#A! #B!"}, {"?:10:A ?:20:B", "mm", "(same) #A! #B!"},
	    {"?:20:B ?:10:A ?:5:C", "mmm", "#A! #B! #C!"}, {"?:20:B", "m", "#B!"},
	    {"?:10:A ?:20:B", "mm", "#A! #B!"}}},
    {"equal headers, and no UIDLs", {{"?:1:A ?:1:A ?:2:B", "mmm", "#A*! #A~2*! #B!"},
					{"?:1:A ?:2:B ?:1:A", "mmm", "(same) #A*! #A~2*! #B!"},
					{"?:1:A ?:2:B", "mm", "#A! #B!"}}},
    {"one without a UIDL among others",
	{{"a:1:A ?:2:B", "nm", "a #B!"}, {"?:2:B a:1:A", "mk", "(same) a #B!"},
	    {"a:1:A b:2:B", "kn", "a b"}}},
    {"no UIDL and no header: there is no name, and nobody knows what is gone",
	{{"a:1:A ?:2:-", "nm", "a"}, {"a:1:A ?:2:B", "km", "a #B!"},
	    {"a:1:A ?:2:-", "km", "(same) a #B!"}, {"?:2:-", "m", "(same) a #B!"}}},
    {"a UIDL like a name that stands in",
	{{"header~41414141414141414141414141414141:1:A ?:1:A", "nm",
	    "header%7E41414141414141414141414141414141 #A!"}}},
};

/* ---- driving it ---- */

static void check_kinds(const struct draft *d, const char *kinds, const char *what)
{
	assert_int_equal(d->count, strlen(kinds));
	for (size_t i = 0; i < d->count; i++)
		if ("nkdtm"[d->rows[i].kind] != kinds[i])
			fail_msg(
			    "%s: row %zu is of kind %c", what, i + 1, "nkdtm"[d->rows[i].kind]);
}

struct outcome_of_step {
	struct listing *listing;
	uint32_t *numbers;
	bool same;
};

/* As the store thread does it, and the session between. */
static enum error publish(struct storage *t, struct listing *now, struct draft *d,
    const char headers[SPOKEN_MOST], struct outcome_of_step *o, struct failure *why)
{
	enum error error;

	do {
		spoken_bring(d, headers);
		assert_int_equal(store_begin(t->store, why), OK);
		error = merge_publish(t->store, now, d, &o->listing, &o->numbers, &o->same, why);
		if (error)
			store_rollback(t->store);
		else
			assert_int_equal(store_commit(t->store, false, why), OK);
		if (!error && d->verdict == DRAFT_ASKS)
			counters_ask(d);
	} while (!error && d->verdict == DRAFT_ASKS);
	return error;
}

static struct outcome_of_step take_listing(
    struct storage *t, struct listing *now, const struct step *step, int64_t at, const char *what)
{
	char headers[SPOKEN_MOST];
	CLEANUP(draft_freep) struct draft *d = spoken_draft(step->says, headers);
	struct outcome_of_step o = {0};
	struct failure why = {0};

	d->at = at;
	assert_int_equal(merge_draft(t->store, now, d, &why), OK);
	check_kinds(d, step->kinds, what);
	if (publish(t, now, d, headers, &o, &why) != OK)
		fail_msg("%s: %s", what, why.words);
	assert_int_equal(d->verdict, DRAFT_STANDS);
	return o;
}

/* "#A" for the header A that stands in for a UIDL. */
static void write_name(struct slice name, char to[NAME_LONGEST + 1])
{
	static const char mark[] = "header~";
	char octet[3] = "";
	size_t len = strlen(mark);

	snprintf(to, NAME_LONGEST + 1, "%.*s", SLICE_ARGS(name));
	if (strncmp(to, mark, len) != 0)
		return;
	memcpy(octet, to + len, 2);
	len += 32;
	snprintf(to, NAME_LONGEST + 1, "#%c%.*s", (char)strtol(octet, NULL, 16),
	    (int)(name.len - len), name.at + len);
}

static void write_listing(const struct listing *l, bool sizes, char *to, size_t room)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < l->count; i++) {
		const struct message *m = &l->messages[i];
		char name[NAME_LONGEST + 1];

		write_name(message_name(l, m), name);
		used += (size_t)snprintf(to + used, room - used, "%s%s%s%s", i ? " " : "", name,
		    message_flags(m) & MESSAGE_TWIN ? "*" : "",
		    message_flags(m) & MESSAGE_FIXED ? "!" : "");
		if (sizes)
			used += (size_t)snprintf(
			    to + used, room - used, "=%llu", (unsigned long long)message_size(m));
	}
}

/* The sizes that are wanted are looked up by name; the rest is compared as text. */
static void check_sizes(const struct listing *l, const char *want, char *plain)
{
	struct slice rest = slice_of(want);
	char *to = plain;

	for (bool first = true;; first = false) {
		struct slice word = slice_token(&rest, " ");
		const char *size = word.len ? memchr(word.at, '=', word.len) : NULL;
		size_t len = size ? (size_t)(size - word.at) : word.len;

		if (word.len == 0)
			break;
		if (!first)
			*to++ = ' ';
		memcpy(to, word.at, len);
		to += len;
		while (len > 0 && strchr("*!", word.at[len - 1]))
			len--;
		if (size) {
			const struct message *m = listing_by_name(l, slice_make(word.at, len));

			assert_non_null(m);
			assert_int_equal(message_size(m), strtoull(size + 1, NULL, 10));
		}
	}
	*to = '\0';
}

static void check_listing(const struct listing *l, const char *want, const char *what, size_t step)
{
	char got[512], plain[512];

	write_listing(l, false, got, sizeof(got));
	check_sizes(l, want, plain);
	if (strcmp(got, plain) != 0)
		fail_msg("%s, step %zu: \"%s\" instead of \"%s\"", what, step + 1, got, plain);
	for (size_t i = 1; i < l->count; i++)
		assert_true(l->messages[i - 1].id < l->messages[i].id);
}

/* What the next mount would load. */
static void check_stored(struct storage *t, const struct listing *l, const char *what)
{
	CLEANUP(listing_dropp) struct listing *stored = NULL;
	char got[512], want[512];

	assert_int_equal(merge_load(t->store, &stored, NULL), OK);
	write_listing(stored, true, got, sizeof(got));
	write_listing(l, true, want, sizeof(want));
	if (strcmp(got, want) != 0)
		fail_msg("%s: stored is \"%s\", shown \"%s\"", what, got, want);
	assert_int_equal(stored->changed, l->changed);
	for (size_t i = 0; i < l->count; i++) {
		assert_int_equal(stored->messages[i].id, l->messages[i].id);
		assert_int_equal(stored->messages[i].received, l->messages[i].received);
		assert_int_equal(stored->messages[i].seen, l->messages[i].seen);
		assert_int_equal(stored->messages[i].header, l->messages[i].header);
	}
}

static void clear(struct storage *t)
{
	storage_run(t, "DELETE FROM message");
	storage_run(t, "DELETE FROM header");
	storage_run(t, "DELETE FROM fact");
	storage_run(t, "DELETE FROM intention");
}

static void a_listing_becomes_what_the_server_says(void **state)
{
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct maildrop_case *c = &cases[i];
		CLEANUP(listing_dropp) struct listing *now = listing_create(0, 0);

		for (size_t j = 0; j < MOST_STEPS && c->steps[j].says; j++) {
			static const char same_mark[] = "(same) ";
			const char *want = c->steps[j].want;
			bool same = strncmp(want, same_mark, strlen(same_mark)) == 0;
			int64_t changed = now->changed;
			struct outcome_of_step o =
			    take_listing(t, now, &c->steps[j], 5000 + (int64_t)j, c->what);

			if (o.same != same)
				fail_msg("%s, step %zu: same is %d", c->what, j + 1, o.same);
			assert_int_equal(o.listing == now, same);
			check_listing(
			    o.listing, same ? want + strlen(same_mark) : want, c->what, j);
			check_stored(t, o.listing, c->what);
			assert_true(o.listing->changed == changed ||
				    o.listing->changed == 5000 + (int64_t)j);
			free(o.numbers);
			listing_drop(now);
			now = o.listing;
		}
		clear(t);
	}
}

/* ---- single promises ---- */

static struct listing *step(
    struct storage *t, struct listing *now, const char *says, const char *kinds, int64_t at)
{
	struct step s = {says, kinds, NULL};
	struct outcome_of_step o = take_listing(t, now, &s, at, says);

	free(o.numbers);
	listing_drop(now);
	return o.listing;
}

static const struct message *named(const struct listing *l, const char *name)
{
	const struct message *m = listing_by_name(l, slice_of(name));

	assert_non_null(m);
	return m;
}

static void numbers_are_this_sessions(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp) struct listing *empty = listing_create(0, 0);
	static const struct step first = {"a:1:A b:2:B c:3:C", "nnn", NULL},
				 second = {"c:3:C n:4:N a:1:A", "knk", NULL};
	struct outcome_of_step one = take_listing(t, empty, &first, 10, "first");
	struct outcome_of_step two = take_listing(t, one.listing, &second, 20, "second");
	static const struct {
		const char *name;
		uint32_t number;
	} want[] = {{"a", 3}, {"c", 1}, {"n", 2}};

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    two.numbers[listing_index(two.listing, named(two.listing, want[i].name))],
		    want[i].number);
	free(one.numbers);
	free(two.numbers);
	listing_drop(one.listing);
	listing_drop(two.listing);
}

/* ---- more than fit into a statement ---- */

#define MANY 350 /* three times a batch, and some */

/* Number i has UIDL "u" and uidls[i - 1]; 0: it is missing. */
static struct draft *many(const unsigned uidls[MANY], int64_t at)
{
	struct draft *d = draft_create();

	for (uint32_t i = 0; i < MANY; i++) {
		char uidl[16];

		if (uidls[i] == 0)
			continue;
		draft_uidl(d, i + 1,
		    slice_make(uidl, (size_t)snprintf(uidl, sizeof(uidl), "u%u", uidls[i])));
		draft_listed(d, i + 1, 1000 + uidls[i]);
	}
	draft_close(d);
	d->at = at;
	d->sure = true;
	return d;
}

static void check_same(const struct listing *a, const struct listing *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct message *m = &a->messages[i], *n = &b->messages[i];

		assert_int_equal(m->id, n->id);
		assert_int_equal(m->received, n->received);
		assert_int_equal(m->seen, n->seen);
		assert_int_equal(message_size(m), message_size(n));
		assert_int_equal(message_flags(m), message_flags(n));
		assert_int_equal(m->header, n->header);
		assert_true(slice_equal(message_name(a, m), message_name(b, n)));
		assert_int_equal(a->by_name[i], b->by_name[i]);
	}
}

/* The listing that comes of it, held against the store's; each has this session's number. */
static struct listing *take_many(
    struct storage *t, struct listing *now, const unsigned uidls[MANY], int64_t at, bool same)
{
	CLEANUP(draft_freep) struct draft *d = many(uidls, at);
	CLEANUP(listing_dropp) struct listing *stored = NULL;
	struct outcome_of_step o = {0};
	char headers[MANY];

	memset(headers, '-', sizeof(headers));
	assert_int_equal(merge_draft(t->store, now, d, NULL), OK);
	assert_int_equal(publish(t, now, d, headers, &o, NULL), OK);
	assert_int_equal(o.same, same);
	assert_int_equal(merge_load(t->store, &stored, NULL), OK);
	check_same(o.listing, stored);
	for (size_t i = 0; i < o.listing->count; i++) {
		const struct message *m = &o.listing->messages[i];

		assert_int_equal(message_size(m), 1000 + uidls[o.numbers[i] - 1]);
	}
	free(o.numbers);
	listing_drop(now);
	return o.listing;
}

static void many_are_stored_as_they_are_shown(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp) struct listing *now = listing_create(0, 0);
	unsigned forth[MANY], back[MANY], some[MANY], other[MANY];
	int64_t first;

	for (unsigned i = 0; i < MANY; i++) {
		forth[i] = i + 1;
		back[i] = MANY - i;
		some[i] = i % 3 ? i + 1 : 0;
		other[i] = i % 2 ? i + 1 : 2 * MANY - i;
	}
	now = take_many(t, now, forth, 10, false);
	assert_int_equal(now->count, MANY);
	first = now->messages[0].id;
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(now->messages[i].id, first + (int64_t)i);
	now = take_many(t, now, forth, 20, true);
	now = take_many(t, now, back, 30, true);
	now = take_many(t, now, some, 40, false);
	now = take_many(t, now, forth, 50, false);
	assert_int_equal(now->messages[0].id, first);
	assert_int_equal(now->messages[0].seen, 10);
	now = take_many(t, now, other, 60, false);
	assert_int_equal(now->count, MANY);
}

static void a_number_is_given_out_once(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp) struct listing *now = listing_create(0, 0);
	int64_t last;

	now = step(t, now, "a:1:A b:2:B", "nn", 10);
	last = now->messages[1].id;
	storage_run(t, "DELETE FROM message");
	listing_drop(now);
	now = step(t, listing_create(0, 0), "a:1:A", "n", 20);
	assert_int_equal(now->messages[0].id, last + 1);
}

/* ---- listings that are not quite believed ---- */

/* A listing of messages a, b, c ... so many, less those in `gone`. */
static struct draft *letters(size_t count, const char *gone, char headers[SPOKEN_MOST])
{
	struct draft *d = draft_create();

	for (size_t i = 0; i < count; i++) {
		char uidl = (char)('a' + i);

		headers[i] = uidl;
		if (strchr(gone, uidl))
			continue;
		draft_uidl(d, (uint32_t)i + 1, slice_make(&uidl, 1));
		draft_listed(d, (uint32_t)i + 1, 100);
	}
	draft_close(d);
	return d;
}

static enum draft_verdict judge(struct storage *t, struct listing **now, struct draft *d,
    const char *headers, struct outcome_of_step *o)
{
	struct failure why = {0};

	free(o->numbers);
	assert_int_equal(merge_draft(t->store, *now, d, &why), OK);
	if (publish(t, *now, d, headers, o, &why) != OK)
		fail_msg("%s", why.words);
	listing_drop(*now);
	*now = o->listing;
	return d->verdict;
}

static void delete_by_commit(struct storage *t, const struct listing *l, const char *names)
{
	for (; *names; names++) {
		const struct message *m = listing_by_name(l, slice_make(names, 1));
		struct outcome done = {m->id, OUTCOME_DELETED};

		assert_int_equal(journal_unlink(t->store, m->id, NULL), OK);
		assert_int_equal(journal_mark(t->store, &m->id, 1, NULL), OK);
		assert_int_equal(journal_outcome(t->store, &done, NULL), OK);
	}
}

static void one_that_lost_most_is_held_back_until_it_is_seen_again(void **state)
{
	static const struct {
		size_t known;
		const char *deleted, *gone; /* by us, and at all */
		bool partial, sure;
		size_t missing; /* 0: it is believed */
	} rows[] = {
	    {20, "", "abcdefghij", false, false, 0},
	    {20, "", "abcdefghijk", false, false, 11},
	    {21, "", "abcdefghijk", false, false, 11},
	    {20, "", "abcdefghijklmnopqrst", false, false, 20},
	    {19, "", "abcdefghijklmnopqrs", false, false, 0},
	    {20, "", "abcdefghijklmnopqrst", false, true, 0},
	    {20, "", "abcdefghijklmnopqrst", true, false, 0},
	    {25, "abcdefghijklmno", "abcdefghijklmno", false, false, 0},
	    {25, "abcdefghijklmno", "abcdefghijklmnopqrstuvwxy", false, false, 0},
	    {25, "abcd", "abcdefghijklmnop", false, false, 12},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(listing_dropp) struct listing *now = listing_create(0, 0);
		struct outcome_of_step o = {0};
		char headers[SPOKEN_MOST];
		CLEANUP(draft_freep) struct draft *all = letters(rows[i].known, "", headers);
		CLEANUP(draft_freep)
		struct draft *less = letters(rows[i].known, rows[i].gone, headers);

		assert_int_equal(judge(t, &now, all, headers, &o), DRAFT_STANDS);
		delete_by_commit(t, now, rows[i].deleted);
		less->partial = rows[i].partial;
		less->sure = rows[i].sure;
		less->at = 1000;
		assert_int_equal(
		    judge(t, &now, less, headers, &o), rows[i].missing ? DRAFT_HELD : DRAFT_STANDS);
		assert_int_equal(less->missing, rows[i].missing);
		if (rows[i].missing) {
			assert_int_equal(less->known, rows[i].known - strlen(rows[i].deleted));
			assert_true(o.same);
		}
		assert_int_equal(now->count, rows[i].missing || rows[i].partial
						 ? rows[i].known
						 : rows[i].known - strlen(rows[i].gone));
		free(o.numbers);
		clear(t);
	}
}

static void a_second_listing_a_minute_later_is_believed(void **state)
{
	static const char most[] = "abcdefghijklm", few[] = "a";
	static const struct {
		const char *gone[4];
		int64_t at[4];
		enum draft_verdict verdicts[4];
	} rows[] = {
	    {{most, most, most}, {1000, 1059, 1060}, {DRAFT_HELD, DRAFT_HELD, DRAFT_STANDS}},
	    /* what it said between does not count ... */
	    {{most, few, most, most}, {1000, 1030, 1090, 1150},
		{DRAFT_HELD, DRAFT_STANDS, DRAFT_HELD, DRAFT_STANDS}},
	    /* ... nor does a clock that was set back */
	    {{most, most, most}, {1000, 500, 559}, {DRAFT_HELD, DRAFT_HELD, DRAFT_HELD}},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(listing_dropp) struct listing *now = listing_create(0, 0);
		struct outcome_of_step o = {0};
		char headers[SPOKEN_MOST];
		CLEANUP(draft_freep) struct draft *all = letters(24, "", headers);

		judge(t, &now, all, headers, &o);
		for (size_t k = 0; k < 4 && rows[i].gone[k]; k++) {
			CLEANUP(draft_freep)
			struct draft *d = letters(24, rows[i].gone[k], headers);

			/* another mount knows it, too */
			listing_drop(now);
			assert_int_equal(merge_load(t->store, &now, NULL), OK);
			d->at = rows[i].at[k];
			d->hold_ms = 60000;
			if (judge(t, &now, d, headers, &o) != rows[i].verdicts[k])
				fail_msg("row %zu, listing %zu: %d", i + 1, k + 1, d->verdict);
		}
		free(o.numbers);
		clear(t);
	}
}

static void while_it_is_held_back_what_is_listed_has_its_number(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp) struct listing *now = listing_create(0, 0);
	struct outcome_of_step o = {0};
	char headers[SPOKEN_MOST];
	CLEANUP(draft_freep) struct draft *all = letters(20, "", headers);
	CLEANUP(draft_freep) struct draft *less = letters(22, "abcdefghijkl", headers);

	judge(t, &now, all, headers, &o);
	assert_int_equal(judge(t, &now, less, headers, &o), DRAFT_HELD);
	assert_int_equal(now->count, 20); /* and nothing new, either */
	for (size_t i = 0; i < now->count; i++)
		assert_int_equal(o.numbers[i], i < 12 ? 0 : i + 1);
	free(o.numbers);
}

static void a_partial_listing_adds_and_removes_nothing(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp)
	struct listing *now = step(t, listing_create(0, 0), "a:1:A b:2:B c:3:C", "nnn", 10);
	char headers[SPOKEN_MOST];
	CLEANUP(draft_freep) struct draft *d = spoken_draft("d:4:D b:9:B", headers);
	struct outcome_of_step o = {0};
	int64_t id = named(now, "c")->id;
	struct outcome done = {id, OUTCOME_DELETED};

	assert_int_equal(journal_unlink(t->store, id, NULL), OK);
	assert_int_equal(journal_mark(t->store, &id, 1, NULL), OK);
	assert_int_equal(journal_outcome(t->store, &done, NULL), OK);
	d->partial = true;
	d->at = 20;
	assert_int_equal(judge(t, &now, d, headers, &o), DRAFT_STANDS);
	check_listing(
	    now, "a b=9 d=4", "partial", 0); /* c was deleted: that it is gone is believed */
	check_stored(t, now, "partial");
	assert_int_equal(o.numbers[0], 0);
	assert_int_equal(o.numbers[1], 2);
	assert_int_equal(o.numbers[2], 1);
	free(o.numbers);
}

static void a_message_that_lost_its_uidl_makes_the_listing_short(void **state)
{
	static const struct {
		const char *before, *kinds, *after;
		bool sure;
		enum error want;
	} rows[] = {
	    {"a:1:A b:2:B", "nn", "a:1:A ?:2:B", false, E_PROTOCOL},
	    {"a:1:A b:2:B", "nn", "a:1:A ?:2:C", false, OK},
	    {"a:1:A b:2:-", "nn", "a:1:A ?:2:C", false, E_PROTOCOL},
	    {"a:1:A b:2:B", "nn", "a:1:A ?:2:B", true, OK},
	    {"a:1:A b:2:B", "nn", "a:1:A b:2:B ?:2:B", false, OK},
	    {"a:1:A ?:2:B c:3:C", "nmn", "a:1:A ?:2:B", false, OK},
	    {"a:1:A ?:2:B c:3:C", "nmn", "a:1:A ?:3:C ?:2:B", false, E_PROTOCOL},
	};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(listing_dropp)
		struct listing *now =
		    step(t, listing_create(0, 0), rows[i].before, rows[i].kinds, 10);
		char headers[SPOKEN_MOST];
		CLEANUP(draft_freep) struct draft *d = spoken_draft(rows[i].after, headers);
		struct outcome_of_step o = {0};
		struct failure why = {0};

		d->sure = rows[i].sure;
		assert_int_equal(merge_draft(t->store, now, d, &why), OK);
		assert_int_equal(publish(t, now, d, headers, &o, &why), rows[i].want);
		if (rows[i].want)
			assert_non_null(strstr(why.words, "without its UIDL"));
		listing_drop(o.listing);
		free(o.numbers);
		clear(t);
	}
}

static void a_time_is_learnt_before_the_first_showing_or_never(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp)
	struct listing *now = step(t, listing_create(0, 0), "a:1:A b:2:-", "nn", 77);

	assert_int_equal(named(now, "a")->received, 1000 + 'A');
	assert_int_equal(named(now, "a")->seen, 77);
	assert_int_equal(named(now, "a")->header, 1);
	assert_int_equal(named(now, "b")->received, 77);
	now = step(t, now, "a:1:A b:3:B", "kd", 99);
	assert_int_equal(named(now, "b")->received, 77);
	assert_int_equal(named(now, "b")->header, 1);
	assert_int_equal(storage_number(t, "SELECT count(*) FROM header"), 2);
}

static void a_known_body_stays_and_its_length_is_a_size_to_be_known_by(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp)
	struct listing *now = step(t, listing_create(0, 0), "a:420:A", "n", 10);
	struct body b = {.size = 476, .chunks = 1, .header = 1};
	char data[476] = {0};
	struct message *m = listing_by_name(now, slice_of("a"));

	assert_int_equal(bodies_add(t->store, m->id, 0, slice_make(data, 476), 0, NULL), OK);
	assert_int_equal(bodies_complete(t->store, m->id, &b, NULL), OK);
	message_set_body(now, m, 476, 0, 1, true);
	now = step(t, now, "a:420:A", "k", 11);
	now = step(t, now, "a:476:A", "k", 12);
	now = step(t, now, "a:500:A", "d", 13);
	assert_int_equal(message_size(named(now, "a")), 476);
	assert_int_equal(
	    message_flags(named(now, "a")), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
	now = step(t, now, "a:500:A b:1:B", "kn", 14);
	assert_int_equal(
	    message_flags(named(now, "a")), MESSAGE_TRUE_SIZE | MESSAGE_CACHED | MESSAGE_RESIZED);
	assert_int_equal(now->cached, 1);
	assert_int_equal(now->octets, 477);
}

static void a_hash_that_is_unknown_is_made_from_what_is_stored(void **state)
{
	static const char header[] = "Subject: one\r\n\r\n";
	static const char *const forget[] = {
	    "UPDATE message SET digest = NULL", "DELETE FROM header"};
	struct storage *t = *state;

	/* from the header, then from the body: another one is another message */
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(listing_dropp)
		struct listing *now = step(t, listing_create(0, 0), "a:16:A", "n", 10);
		struct body b = {.size = 16, .chunks = 1, .header = 16};
		int64_t id = named(now, "a")->id;

		assert_int_equal(bodies_add(t->store, id, 0, slice_of(header), 0, NULL), OK);
		assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
		for (size_t j = 0; j <= i; j++)
			storage_run(t, forget[j]);
		now = step(t, now, "a:99:B", "d", 11);
		assert_non_null(named(now, "a~2"));
		assert_int_equal(now->count, 1);
		assert_int_equal(
		    storage_number(t, "SELECT length(digest) FROM message WHERE ordinal = 1"), 32);
		clear(t);
	}
}

static void a_deletion_does_not_carry_over_to_another_message(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp)
	struct listing *now = step(t, listing_create(0, 0), "1:420:A", "n", 10);
	CLEANUP(freep) struct intentions *all = NULL;

	assert_int_equal(journal_unlink(t->store, named(now, "1")->id, NULL), OK);
	now = step(t, now, "1:99:B", "d", 11);
	assert_int_equal(journal_settle(t->store, NULL), OK);
	assert_int_equal(journal_all(t->store, &all, NULL), OK);
	assert_int_equal(all->count, 0);
}

static void an_unchanged_listing_writes_nothing(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp)
	struct listing *now = step(t, listing_create(0, 0), "a:1:A t:3:C t:3:D", "ntt", 10);
	int64_t before = storage_number(t, "SELECT total_changes()");
	int64_t later = store_listed_at(t->store) + 1;

	now = step(t, now, "a:1:A t:3:C t:3:D", "ktt", later);
	assert_int_equal(storage_number(t, "SELECT total_changes()"), before);
	assert_int_equal(store_listed_at(t->store), later);
}

static void a_size_beyond_all_reason_is_cut(void **state)
{
	struct storage *t = *state;
	CLEANUP(listing_dropp)
	struct listing *now = step(t, listing_create(0, 0), "a:18446744073709551615:A", "n", 10);

	assert_int_equal(message_size(named(now, "a")), UINT64_C(1) << 55);
	now = step(t, now, "a:18446744073709551615:A", "k", 11);
	assert_int_equal(message_flags(named(now, "a")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, storage_setup, storage_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(a_listing_becomes_what_the_server_says),
	    TEST(numbers_are_this_sessions),
	    TEST(many_are_stored_as_they_are_shown),
	    TEST(a_number_is_given_out_once),
	    TEST(one_that_lost_most_is_held_back_until_it_is_seen_again),
	    TEST(a_second_listing_a_minute_later_is_believed),
	    TEST(while_it_is_held_back_what_is_listed_has_its_number),
	    TEST(a_partial_listing_adds_and_removes_nothing),
	    TEST(a_message_that_lost_its_uidl_makes_the_listing_short),
	    TEST(a_time_is_learnt_before_the_first_showing_or_never),
	    TEST(a_known_body_stays_and_its_length_is_a_size_to_be_known_by),
	    TEST(a_hash_that_is_unknown_is_made_from_what_is_stored),
	    TEST(a_deletion_does_not_carry_over_to_another_message),
	    TEST(an_unchanged_listing_writes_nothing),
	    TEST(a_size_beyond_all_reason_is_cut),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
