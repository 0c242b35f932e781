/* Real mounts (see world.h): the verb fetch, asked by children of the test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "ioctls.h"
#include "shelf.h"
#include "standing.h"

/* ---- deeds ---- */

static int open_root(const struct world *x)
{
	return open(x->mountpoint, O_RDONLY | O_DIRECTORY);
}

static int name_part(int root, int64_t *number, const char *name, bool more)
{
	struct verb_fetch part = {.number = *number, .more = more};

	strcpy(part.names, name);
	if (ioctl(root, VERB_FETCH, &part) < 0)
		return errno;
	*number = part.number;
	return part.failure.number;
}

struct outcome_wanted {
	const char *names[3]; /* parts, of one name each; "": all */
	unsigned messages, failed;
	const char *failure; /* "name: words" of the last failure that is told; NULL: none is */
};

static int hear_all(int root, int64_t number, struct verb_fetched *last, char *failure)
{
	struct verb_fetched news = {.number = number, .seen = UINT64_MAX};

	while (!news.finished) {
		if (ioctl(root, VERB_FETCHED, &news) < 0)
			return errno;
		if (!news.name[0])
			continue;
		news.told++;
		strcpy(failure, news.name);
		strcat(failure, ": ");
		strcat(failure, news.failure.words);
	}
	*last = news;
	return 0;
}

static int fetch(struct world *x, const void *with)
{
	const struct outcome_wanted *want = with;
	struct verb_fetched last = {.number = 0};
	char failure[VERB_NAME + VERB_WORDS + 2] = "";
	int root = open_root(x), number = 0;
	int64_t which = 0;

	for (size_t i = 0; !number && i < COUNT(want->names) && want->names[i]; i++)
		number = name_part(
		    root, &which, want->names[i], i + 1 < COUNT(want->names) && want->names[i + 1]);
	if (!number)
		number = hear_all(root, which, &last, failure);
	if (number)
		return number;
	if (last.messages != want->messages || last.settled != want->messages)
		return WRONG;
	if (last.failed != want->failed || strcmp(failure, want->failure ? want->failure : "") != 0)
		return WRONG + 1;
	return ioctl(root, VERB_FETCHED, &last) < 0 && errno == ESRCH ? 0 : WRONG + 2;
}

static int hear_each(struct world *x, const void *with)
{
	struct verb_fetched news = {.number = 0};
	int root = open_root(x), heard = 0;

	if (name_part(root, &news.number, "", false))
		return WRONG;
	for (; !news.finished; heard++) {
		news.seen = news.settled;
		if (ioctl(root, VERB_FETCHED, &news) < 0)
			return errno;
		child_say();
	}
	return heard;
}

static int ask_for_none(struct world *x, const void *with)
{
	struct verb_fetched news = {.number = 17};
	int64_t number = 17;

	if (ioctl(open_root(x), VERB_FETCHED, &news) >= 0 || errno != ESRCH)
		return WRONG;
	return name_part(open_root(x), &number, "a-short", false);
}

static void note(int number)
{
}

static int be_interrupted(struct world *x, const void *name)
{
	struct sigaction a = {.sa_handler = note}; /* without SA_RESTART */
	struct verb_fetched news = {.seen = UINT64_MAX};
	int root = open_root(x);

	sigaction(SIGUSR1, &a, NULL);
	if (name_part(root, &news.number, name, false))
		return WRONG;
	child_say();
	return ioctl(root, VERB_FETCHED, &news) < 0 ? errno : 0;
}

static int begin_many(struct world *x, const void *with)
{
	int64_t first = 0, last = 0;
	int root = open_root(x);
	struct verb_fetched news;

	for (int i = 0; i < 100; i++) {
		last = 0;
		if (name_part(root, &last, "a-short", false))
			return WRONG;
		first = first ? first : last;
	}
	news = (struct verb_fetched){.number = first};
	return ioctl(root, VERB_FETCHED, &news) < 0 ? errno : 0;
}

/* ---- the session's part ---- */

static void await_job(int64_t id)
{
	struct job *j = world_job(&w, JOB_FETCH);

	assert_int_equal(j->id, id);
	assert_true(j->waited_for);
	assert_false(j->urgent);
	job_free(j);
}

static void refuse(int64_t id)
{
	struct event *e = world_event(EVENT_FETCHED, id, E_REFUSED);

	failed(&e->failure, E_REFUSED, "-ERR no");
	world_put(&w, e);
}

/* ---- tests ---- */

static void all_are_asked_for_but_those_in_the_cache(void **state)
{
	static const struct outcome_wanted want = {{""}, 2, 0, NULL};
	struct child c = child_start(&w, fetch, &want);

	await_job(SHORT);
	await_job(LONG);
	world_store(&w, LONG, "x", true);
	world_store(&w, SHORT, "x", true);
	assert_int_equal(child_end(&c), 0);
	assert_true(world_idle(&w));
}

static void names_come_in_parts_and_those_of_nobody_fail(void **state)
{
	static const struct outcome_wanted want = {
	    {"b-cached", "nobody", "a-short"}, 2, 1, "nobody: there is no such message"};
	struct child c = child_start(&w, fetch, &want);

	await_job(SHORT);
	world_store(&w, SHORT, "x", true);
	assert_int_equal(child_end(&c), 0);
}

static void a_refusal_is_told_with_its_name(void **state)
{
	static const struct outcome_wanted want = {{"a-short"}, 1, 1, "a-short: -ERR no"};
	struct child c = child_start(&w, fetch, &want);

	await_job(SHORT);
	refuse(SHORT);
	assert_int_equal(child_end(&c), 0);
}

static void whoever_wants_to_know_hears_of_each(void **state)
{
	struct child c = child_start(&w, hear_each, NULL);

	await_job(SHORT);
	await_job(LONG);
	world_store(&w, SHORT, "x", true);
	child_heard(&c);
	world_store(&w, LONG, "x", true);
	assert_int_equal(child_end(&c), 2);
}

static void what_comes_for_a_reader_is_news_as_well(void **state)
{
	static const struct outcome_wanted want = {{"a-short"}, 1, 0, NULL};
	struct child reader = child_start(&w, open_it, "a-short"), c;
	struct job *j = world_job(&w, JOB_FETCH);

	assert_true(j->urgent);
	job_free(j);
	c = child_start(&w, fetch, &want);
	await_job(SHORT);
	world_store(&w, SHORT, "x", true); /* one answer for both */
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_end(&reader), 0);
}

static void an_interrupt_ends_the_wait_and_not_the_fetch(void **state)
{
	struct child c = child_start(&w, be_interrupted, "a-short");

	await_job(SHORT);
	child_heard(&c);
	child_await(&c, SYS_ioctl);
	kill(c.pid, SIGUSR1);
	assert_int_equal(child_end(&c), EINTR);
	world_store(&w, SHORT, "x", true);
	assert_int_equal(child_do(&w, list, ALL_FOUR), 0);
}

static void a_number_that_is_none_is_refused(void **state)
{
	assert_int_equal(child_do(&w, ask_for_none, NULL), ESRCH);
}

static void fetches_that_nobody_listens_to_do_not_add_up(void **state)
{
	assert_int_equal(child_do(&w, begin_many, NULL), ESRCH);
}

static void fetch_two(bool second_ends_first)
{
	static const struct outcome_wanted first = {{"a-short"}, 1, 0, NULL};
	static const struct outcome_wanted second = {{"d-long"}, 1, 0, NULL};
	struct child one = child_start(&w, fetch, &first), two;

	await_job(SHORT);
	two = child_start(&w, fetch, &second);
	await_job(LONG);
	for (int i = 0; i < 2; i++) {
		bool later = (i == 0) == second_ends_first;

		world_store(&w, later ? LONG : SHORT, "x", true);
		assert_int_equal(child_end(later ? &two : &one), 0);
	}
}

/* Each set hears of its own, whichever was asked for first, and whichever ends first. */
static void two_that_fetch_hear_each_of_his_own(void **state)
{
	fetch_two(false);
}

static void and_whoever_came_later_may_go_first(void **state)
{
	fetch_two(true);
}

static void one_that_leaves_the_listing_is_told_by_its_uidl(void **state)
{
	static const struct outcome_wanted want = {
	    {"d-long"}, 1, 1, "d-long: the message is gone from the server"};
	static const struct letter without[] = {
	    {"b-cached", 5, "hello, world"}, {"a-short", 100, NULL}, {NULL}, {NULL}};
	struct child c = child_start(&w, fetch, &want);

	await_job(LONG);
	world_list(&w, without, COUNT(without));
	world_put(&w, world_event(EVENT_FETCHED, LONG, E_VANISHED));
	assert_int_equal(child_end(&c), 0);
}

static int begin_one(struct world *x, const void *with)
{
	int64_t number = 0;

	return name_part(open_root(x), &number, "a-short", false);
}

static int wait_for_one(struct world *x, const void *with)
{
	struct verb_fetched news = {.seen = UINT64_MAX};
	int root = open_root(x);

	if (name_part(root, &news.number, "a-short", false))
		return WRONG;
	child_say();
	return ioctl(root, VERB_FETCHED, &news) < 0 ? errno : 0;
}

static void no_more_fetch_at_a_time_than_are_listened_to(void **state)
{
	enum { MOST = 16 };
	struct child all[MOST];

	for (size_t i = 0; i < MOST; i++) {
		all[i] = child_start(&w, wait_for_one, NULL);
		await_job(SHORT);
		child_heard(&all[i]); /* it has named them: what it asks for now is the other one */
		child_await(&all[i], SYS_ioctl);
		assert_int_equal(child_do(&w, look, NULL), 0); /* it has been asked by now */
	}
	assert_int_equal(child_do(&w, begin_one, NULL), EAGAIN);
	world_store(&w, SHORT, "x", true);
	for (size_t i = 0; i < MOST; i++)
		assert_int_equal(child_end(&all[i]), 0);
}

/* What the daemon knows. What the kernel does may be of before: a look that was under way when it
 * was told otherwise holds for a minute. */
static bool has_size(struct world *x, const char *name, uint64_t size)
{
	struct statx st;

	return statx(AT_FDCWD, world_path(x, name), AT_STATX_FORCE_SYNC, STATX_SIZE, &st) == 0 &&
	       st.stx_size == size;
}

static int name_in_two_parts(struct world *x, const void *with)
{
	struct verb_fetched last = {.number = 0};
	char failure[VERB_NAME + VERB_WORDS + 2] = "";
	int root = open_root(x);
	int64_t number = 0;

	if (name_part(root, &number, "a-short", true))
		return WRONG;
	child_say();
	while (!has_size(x, "a-short", 1))
		usleep(1000);
	if (name_part(root, &number, "b-cached", false))
		return WRONG + 1;
	return hear_all(root, number, &last, failure) || last.settled != 1 ? WRONG + 2 : 0;
}

static void what_comes_before_all_are_named_is_not_asked_for(void **state)
{
	struct child c = child_start(&w, name_in_two_parts, NULL);

	child_heard(&c);
	world_store(&w, SHORT, "x", true);
	assert_int_equal(child_end(&c), 0);
	assert_true(world_idle(&w));
}

/* ---- what the cache has no room for ---- */

static int name_one(struct world *x, const void *name)
{
	int64_t number = 0;

	return name_part(open_root(x), &number, name, false);
}

static void without_a_cache(struct fs_plan *plan)
{
	plan->nocache = true;
}

static void with_less_room(struct fs_plan *plan)
{
	plan->cache_size = 99;
}

static void what_would_not_be_kept_is_not_fetched(void **state)
{
	static const struct {
		void (*plan)(struct fs_plan *);
		const char *name; /* "": all */
		int number;
	} cases[] = {
	    {without_a_cache, "a-short", ENOSPC},
	    {without_a_cache, "b-cached", 0}, /* there since a mount with one */
	    {with_less_room, "", ENOSPC},
	    {with_less_room, "a-short", ENOSPC},
	    {with_less_room, "b-cached", 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		world_start(&w, four, COUNT(four), cases[i].plan);
		assert_int_equal(child_do(&w, name_one, cases[i].name), cases[i].number);
		assert_true(world_idle(&w));
		teardown(NULL);
	}
}

static void with_a_shelf(struct fs_plan *plan)
{
	w.queues.shelf = shelf_create(4096, "/tmp", (struct shelf_place){NULL, NULL});
}

static int on_the_shelf(void **state)
{
	world_start(&w, four, COUNT(four), with_a_shelf);
	return 0;
}

static int without_the_shelf(void **state)
{
	teardown(state);
	shelf_free(take(&w.queues.shelf));
	return 0;
}

static void what_came_and_is_not_kept_has_failed(void **state)
{
	static const struct outcome_wanted want = {{"a-short"}, 1, 1,
	    "a-short: came, but is not kept: the cache's disk is full, or has less left than "
	    "cache_min_free"};
	const struct slice body = slice_of("x");

	shelf_begin(w.queues.shelf, SHORT);
	assert_int_equal(shelf_add(w.queues.shelf, SHORT, 0, body, 0, NULL), OK);
	for (int i = 0; i < 2; i++) { /* that it lies there does not make it fetched */
		struct child c = child_start(&w, fetch, &want);

		await_job(SHORT);
		shelf_complete(w.queues.shelf, SHORT, body.len);
		world_store(&w, SHORT, "x", true);
		assert_int_equal(child_end(&c), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		all_are_asked_for_but_those_in_the_cache, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		names_come_in_parts_and_those_of_nobody_fail, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_refusal_is_told_with_its_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(whoever_wants_to_know_hears_of_each, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_comes_for_a_reader_is_news_as_well, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		an_interrupt_ends_the_wait_and_not_the_fetch, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_number_that_is_none_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		fetches_that_nobody_listens_to_do_not_add_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(two_that_fetch_hear_each_of_his_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(and_whoever_came_later_may_go_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		one_that_leaves_the_listing_is_told_by_its_uidl, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		no_more_fetch_at_a_time_than_are_listened_to, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_comes_before_all_are_named_is_not_asked_for, setup, teardown),
	    cmocka_unit_test(what_would_not_be_kept_is_not_fetched),
	    cmocka_unit_test_setup_teardown(
		what_came_and_is_not_kept_has_failed, on_the_shelf, without_the_shelf),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
