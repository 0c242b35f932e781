/* Real mounts (see world.h): what a mirror asks for, what it shows, and when. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "deeds.h"

static struct world w;

static const struct letter more[] = {
    {"b-cached", 5, "hello, world"},
    {"a-short", 100, NULL},
    {"d-long", 4, NULL},
    {"c-fixed", 7, "fixed\r\n", MESSAGE_FIXED},
    {"e-new", 9, NULL},
    {"f-new", 9, NULL},
};
/* The same when the first four are here. */
static const struct letter later[] = {
    {"b-cached", 5, "hello, world"},
    {"a-short", 100, "x"},
    {"d-long", 4, "longer"},
    {"c-fixed", 7, "fixed\r\n", MESSAGE_FIXED},
    {"e-new", 9, NULL},
    {"f-new", 9, NULL},
};
enum { NEW = FIXED + 1, NEWER };

static void keep(struct fs_plan *plan)
{
	plan->mirror = true;
}

static void keep_little(struct fs_plan *plan)
{
	plan->mirror = true;
	plan->cache_size = 122; /* the four have one more */
}

static int setup(void **state)
{
	world_start(&w, more, COUNT(more), keep); /* rows for all, ... */
	return 0;
}

static int setup_little(void **state)
{
	world_start(&w, four, COUNT(four), keep_little);
	return 0;
}

static int setup_plain(void **state)
{
	world_start(&w, four, COUNT(four), NULL);
	return 0;
}

static int teardown(void **state)
{
	world_finish(&w);
	return 0;
}

static void await_job(int64_t id)
{
	struct job *j = world_job(&w, JOB_FETCH);

	assert_int_equal(j->id, id);
	assert_false(j->urgent);
	assert_false(j->waited_for);
	job_free(j);
}

static void shows(const char *names, const char *mirror)
{
	assert_int_equal(child_do(&w, list_in_the_end, names), 0);
	assert_int_equal(child_do(&w, say_mirror_in_the_end, mirror), 0);
}

static void fetched(int64_t id, enum error code)
{
	world_put(&w, world_event(EVENT_FETCHED, id, code));
}

/* ---- what is asked for ---- */

static void without_the_word_there_is_none(void **state)
{
	shows(ALL_FOUR, "off");
	assert_true(world_idle(&w));
}

static void all_that_are_not_here_are_asked_for(void **state)
{
	await_job(SHORT);
	await_job(LONG);
	await_job(NEW);
	await_job(NEWER);
	shows("b-cached a-short d-long c-fixed e-new f-new ", "2 of 6");
	world_store(&w, SHORT, "x", true);
	shows("b-cached a-short d-long c-fixed e-new f-new ", "3 of 6");
	assert_true(world_idle(&w));
}

static void one_that_cannot_be_had_does_not_stop_the_rest(void **state)
{
	for (int64_t id = SHORT; id <= NEWER; id++)
		if (id != FIXED)
			await_job(id);
	fetched(SHORT, E_REFUSED);
	world_store(&w, LONG, "longer", true);
	world_store(&w, NEW, "x", true);
	world_store(&w, NEWER, "x", true);
	shows("b-cached a-short d-long c-fixed e-new f-new ", "5 of 6, 1 cannot be had");
	world_list(&w, more, COUNT(more));
	await_job(SHORT); /* and is asked for again */
}

/* ---- what is shown ---- */

static void four_are_here(void)
{
	await_job(SHORT);
	await_job(LONG);
	await_job(NEW);
	await_job(NEWER);
	world_store(&w, SHORT, "x", true);
	world_store(&w, LONG, "longer", true);
	world_list(&w, later, 4);
	shows(ALL_FOUR, "4 of 4");
	world_list(&w, later, COUNT(later));
	await_job(NEW);
	await_job(NEWER);
}

static void what_is_new_is_shown_when_it_is_here(void **state)
{
	four_are_here();
	shows(ALL_FOUR, "4 of 4, 2 coming");
	assert_int_equal(child_do(&w, stat_it, "e-new"), ENOENT);
	world_store(&w, NEWER, "newer", true);
	shows("b-cached a-short d-long c-fixed f-new ", "5 of 5, 1 coming");
	fetched(NEW, E_REFUSED);
	shows("b-cached a-short d-long c-fixed e-new f-new ", "5 of 6, 1 cannot be had");
}

static void without_a_line_what_is_new_waits_for_the_next_listing(void **state)
{
	four_are_here();
	fetched(NEW, E_CONNECT);
	fetched(NEWER, E_CONNECT);
	shows(ALL_FOUR, "4 of 4, 2 coming");
	assert_true(world_idle(&w));
	world_list(&w, later, COUNT(later));
	await_job(NEW);
	await_job(NEWER);
}

/* ---- when it does not fit ---- */

static void one_that_is_larger_than_the_cache_is_none(void **state)
{
	shows(ALL_FOUR, "none, the maildrop is larger than cache_size");
	assert_true(world_idle(&w));
	world_list(&w, four, 2);
	await_job(SHORT);
}

static void one_that_grows_too_large_ends_and_shows_all(void **state)
{
	static const struct letter grown[] = {
	    {"b-cached", 5, "hello, world"},
	    {NULL},
	    {"d-long", 4, NULL},
	    {"c-fixed", 7, "fixed\r\n", MESSAGE_FIXED},
	};

	world_list(&w, grown, 1);
	shows("b-cached ", "1 of 1");
	world_list(&w, grown, COUNT(grown));
	await_job(LONG);
	shows("b-cached c-fixed ", "2 of 2, 1 coming");
	world_list(&w, four, COUNT(four));
	shows(ALL_FOUR, "none, the maildrop is larger than cache_size");
}

static void one_whose_bodies_leave_the_disk_ends(void **state)
{
	four_are_here();
	message_set_uncached(w.listing, listing_by_id(w.listing, LONG));
	world_put(&w, world_event(EVENT_EVICTED, LONG, OK));
	shows("b-cached a-short d-long c-fixed e-new f-new ", "none, the disk is too full");
	world_list(&w, later, COUNT(later));
	assert_true(world_idle(&w));
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int take_back(struct world *x, const void *name)
{
	char deleted[512];

	snprintf(
	    deleted, sizeof(deleted), "%s/.pop3fs/deleted/%s", x->mountpoint, (const char *)name);
	return rename(deleted, world_path(x, name)) == 0 ? 0 : errno;
}

/* The journal of an earlier mount has it. */
static void one_that_is_taken_back_before_it_was_here_is_asked_for(void **state)
{
	struct event *e = event_create(EVENT_INTENTIONS);
	struct task *t;
	struct child c;

	four_are_here();
	fetched(NEW, E_CONNECT);
	e->intentions = xzalloc(sizeof(*e->intentions) + sizeof(*e->intentions->all));
	e->intentions->count = 1;
	e->intentions->all[0] = (struct intention){.id = NEW, .name = "e-new"};
	world_put(&w, e);
	world_heard(&w);
	shows(ALL_FOUR, "4 of 4, 2 coming");
	c = child_start(&w, take_back, "e-new");
	t = world_task(&w, TASK_UNDELETE);
	assert_int_equal(t->id, NEW);
	e = world_event(EVENT_UNDELETED, NEW, OK);
	e->cookie = t->cookie;
	task_free(t);
	world_put(&w, e);
	assert_int_equal(child_end(&c), 0);
	await_job(NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_the_word_there_is_none, setup_plain),
	    TEST(all_that_are_not_here_are_asked_for, setup),
	    TEST(one_that_cannot_be_had_does_not_stop_the_rest, setup),
	    TEST(what_is_new_is_shown_when_it_is_here, setup),
	    TEST(without_a_line_what_is_new_waits_for_the_next_listing, setup),
	    TEST(one_that_is_taken_back_before_it_was_here_is_asked_for, setup),
	    TEST(one_that_is_larger_than_the_cache_is_none, setup_little),
	    TEST(one_that_grows_too_large_ends_and_shows_all, setup_little),
	    TEST(one_whose_bodies_leave_the_disk_ends, setup),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
