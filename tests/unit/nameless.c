#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "name.h"
#include "nameless.h"
#include "query.h"
#include "storage.h"

#define DIGEST_OCTETS 32

static struct learnt *learn(char fill)
{
	struct learnt *l = xnew(struct learnt);

	memset(l->digest, fill, sizeof(l->digest));
	return l;
}

/* ---- names ---- */

static void a_header_names_the_message_that_has_no_uidl(void **state)
{
	CLEANUP(draft_freep) struct draft *d = draft_create();
	char stand_in[NAME_STAND_IN];

	draft_uidl(d, 1, slice_of("a"));
	for (uint32_t number = 1; number <= 4; number++)
		draft_listed(d, number, 100);
	draft_close(d);
	assert_int_equal(d->nameless, 3);
	d->rows[0].kind = ROW_KNOWN;
	d->rows[1].learnt = learn('x');
	d->rows[3].learnt = learn('y');
	nameless_name(d);
	assert_int_equal(d->count, 3);
	assert_true(slice_equal(row_uidl(d, &d->rows[0]), slice_of("a")));
	name_stand_in(stand_in, d->rows[1].learnt->digest);
	assert_true(slice_equal(row_uidl(d, &d->rows[1]), slice_make(stand_in, sizeof(stand_in))));
	name_stand_in(stand_in, d->rows[2].learnt->digest);
	assert_true(slice_equal(row_uidl(d, &d->rows[2]), slice_make(stand_in, sizeof(stand_in))));
	assert_int_equal(d->rows[2].number, 4);
}

static void one_without_a_header_is_left_out_and_makes_the_listing_partial(void **state)
{
	for (int headers = 0; headers <= 2; headers++) {
		CLEANUP(draft_freep) struct draft *d = draft_create();

		draft_listed(d, 1, 100);
		draft_listed(d, 2, 100);
		draft_close(d);
		for (int i = 0; i < headers; i++)
			d->rows[i].learnt = learn('x');
		nameless_name(d);
		assert_int_equal(d->count, headers);
		assert_int_equal(d->bad_lines, 2 - headers);
		assert_int_equal(d->partial, headers < 2);
		nameless_name(d); /* the same again, when more headers were asked for */
		assert_int_equal(d->count, headers);
	}
}

/* ---- has one of them lost its UIDL? ---- */

/* Two messages are known, of which the second is lost; one nameless row is listed. */
struct known {
	const char *digest; /* of the lost one's header, 32 times this; NULL: unknown */
	bool sure, listed, again;
	enum error want;
};

static void set_digest(struct storage *t, int64_t id, char fill)
{
	unsigned char digest[DIGEST_OCTETS];

	memset(digest, fill, sizeof(digest));
	assert_int_equal(query_run(t->store, NULL, "UPDATE message SET digest = ?2 WHERE id = ?1",
			     "ih", id, digest),
	    OK);
}

static struct draft *one_nameless(void)
{
	struct draft *d = draft_create();

	draft_listed(d, 1, 100);
	draft_close(d);
	d->rows[0].learnt = learn('x');
	nameless_name(d);
	return d;
}

static struct listing *two_messages(struct storage *t)
{
	struct listing *l = listing_create(2, 5);

	l->messages[0].id = storage_message(t, "a");
	l->messages[1].id = storage_message(t, "b");
	memcpy(l->names, "a\0b", 4);
	l->messages[0].name_len = l->messages[1].name_len = 1;
	l->messages[1].name = 2;
	listing_sort_names(l);
	set_digest(t, l->messages[0].id, 'x'); /* it is listed: it has its UIDL */
	return l;
}

static void check_known(struct storage *t, const struct known *c)
{
	CLEANUP(draft_freep) struct draft *d = one_nameless();
	CLEANUP(listing_dropp) struct listing *l = two_messages(t);
	unsigned char fates[] = {FATE_LISTED, c->listed ? FATE_LISTED : FATE_LOST};
	struct place place = {.id = c->again ? 99 : 0};
	struct publication p = {
	    .store = t->store,
	    .now_valid = l,
	    .draft = d,
	    .places = &place,
	    .count = 1,
	    .fates = fates,
	    .lost = !c->listed,
	};
	struct failure why = {0};

	d->sure = c->sure;
	if (c->digest)
		set_digest(t, l->messages[1].id, c->digest[0]);
	assert_int_equal(nameless_check(&p, &why), c->want);
	assert_int_equal(why.code, c->want);
	if (c->want)
		assert_non_null(strstr(why.words, "b, or another known message"));
	storage_run(t, "DELETE FROM message");
}

static void a_lost_message_that_may_be_the_nameless_one_breaks_the_listing(void **state)
{
	static const struct known cases[] = {
	    {.digest = "x", .want = E_PROTOCOL},
	    {.digest = NULL, .want = E_PROTOCOL}, /* it may be any */
	    {.digest = "y", .want = OK}, {.digest = "x", .listed = true, .want = OK},
	    {.digest = "x", .sure = true, .want = OK},
	    {.digest = "x", .again = true, .want = OK}, /* it never had a UIDL */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_known(*state, &cases[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_header_names_the_message_that_has_no_uidl),
	    cmocka_unit_test(one_without_a_header_is_left_out_and_makes_the_listing_partial),
	    cmocka_unit_test_setup_teardown(
		a_lost_message_that_may_be_the_nameless_one_breaks_the_listing, storage_setup,
		storage_teardown),
	};

	return cmocka_run_group_tests_name("nameless", tests, NULL, NULL);
}
