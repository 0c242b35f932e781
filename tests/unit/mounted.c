/* Real mounts, real system calls, the session and the store played by the test: opening and
 * reading messages. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "standing.h"

static void note(int number)
{
}

static int open_interruptibly(struct world *x, const void *name)
{
	struct sigaction a = {.sa_handler = note}; /* without SA_RESTART */

	sigaction(SIGUSR1, &a, NULL);
	return open_it(x, name);
}

/* Its true size has come. */
static int wait_for_size(struct world *x, const void *with)
{
	const struct text *t = with;

	while (size_is(x, t->name, (off_t)strlen(t->body)) != 0)
		usleep(1000);
	return 0;
}

static void everything_else_goes_on_while_opens_wait(void **state)
{
	static const struct text texts[] = {
	    {"a-short", "only this"}, {"d-long", "more than was listed"}};
	struct child readers[2];

	for (int i = 0; i < 2; i++) {
		readers[i] = child_start(&w, read_it, &texts[i]);
		answer_fetch(&w, SHORT + i, NULL);
	}
	assert_int_equal(child_do(&w, look, NULL), 0);
	for (int i = 0; i < 2; i++)
		world_store(&w, SHORT + i, texts[i].body, true);
	for (int i = 0; i < 2; i++)
		assert_int_equal(child_end(&readers[i]), 0);
	assert_int_equal(child_do(&w, read_it, &texts[0]), 0);
	assert_true(world_idle(&w));
}

static void a_cached_message_is_read_without_asking_anybody(void **state)
{
	static const struct text hello = {"b-cached", "hello, world"};

	assert_int_equal(child_do(&w, read_it, &hello), 0);
	assert_true(world_idle(&w));
}

static void two_who_open_one_message_are_answered_by_one_fetch(void **state)
{
	struct text t = {"a-short", "both get it"};
	struct child one = child_start(&w, read_it, &t), two;

	answer_fetch(&w, SHORT, NULL);
	two = child_start(&w, read_it, &t);
	world_store(&w, SHORT, t.body, true);
	assert_int_equal(child_end(&one), 0);
	assert_int_equal(child_end(&two), 0);
}

static void an_interrupted_open_ends_and_the_fetch_goes_on(void **state)
{
	static const struct text t = {"a-short", "came later"};
	struct child c = child_start(&w, open_interruptibly, "a-short");

	answer_fetch(&w, SHORT, NULL);
	kill(c.pid, SIGUSR1);
	assert_int_equal(child_end(&c), EINTR);
	world_store(&w, SHORT, t.body, true);
	assert_int_equal(child_do(&w, wait_for_size, &t), 0);
	assert_int_equal(child_do(&w, read_it, &t), 0);
	assert_true(world_idle(&w));
}

static void a_killed_opener_is_gone_at_once(void **state)
{
	struct child c = child_start(&w, open_it, "a-short");

	answer_fetch(&w, SHORT, NULL);
	kill(c.pid, SIGKILL);
	assert_int_equal(child_end(&c), -1);
	assert_int_equal(child_do(&w, look, NULL), 0);
}

static void a_fetch_that_fails_is_its_errno(void **state)
{
	static const struct {
		enum error code;
		int number;
	} cases[] = {
	    {E_TIMEOUT, ETIMEDOUT},
	    {E_NOROUTE, EHOSTUNREACH},
	    {E_OFFLINE, ENETDOWN},
	    {E_LOGIN, EACCES},
	    {E_LOCKED, EBUSY},
	    {E_REFUSED, EIO},
	    {E_FULL, ENOSPC},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct child c = child_start(&w, open_it, "a-short");

		answer_fetch(&w, SHORT, NULL);
		world_put(&w, world_event(EVENT_FETCHED, SHORT, cases[i].code));
		assert_int_equal(child_end(&c), cases[i].number);
	}
}

static void one_that_vanished_before_the_open_is_not_there(void **state)
{
	struct letter now[COUNT(four)];
	struct child c = child_start(&w, open_it, "a-short");

	memcpy(now, four, sizeof(four));
	now[1].name = NULL;
	answer_fetch(&w, SHORT, NULL);
	world_list(&w, now, COUNT(now));
	world_put(&w, world_event(EVENT_FETCHED, SHORT, E_VANISHED));
	assert_int_equal(child_end(&c), ENOENT);
	assert_int_equal(child_do(&w, list, "b-cached d-long c-fixed "), 0);
}

/* A body of several chunks, read past every boundary. */
static void a_large_body_is_whole(void **state)
{
	size_t len = 2 * CHUNK_OCTETS + 77;
	char *body = xmalloc(len + 1);
	struct text t = {"d-long", body};
	struct child c;

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + i % 23);
	body[len] = '\0';
	c = child_start(&w, read_it, &t);
	answer_fetch(&w, LONG, body);
	assert_int_equal(child_end(&c), 0);
	free(body);
}

static int read_fails(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);
	char c;

	if (fd < 0)
		return WRONG;
	return read(fd, &c, 1) == 1 ? 0 : errno;
}

static void a_damaged_body_is_an_error_at_once_and_fetched_again(void **state)
{
	static const struct text t = {"b-cached", "hello again"};
	struct failure why;
	struct task *discard;
	struct job *fetch;

	assert_int_equal(
	    sqlite3_step(store_statement(w.store, "DELETE FROM chunk", &why)), SQLITE_DONE);
	assert_int_equal(child_do(&w, read_fails, "b-cached"), EIO);
	discard = world_task(&w, TASK_DAMAGED);
	fetch = world_job(&w, JOB_FETCH);
	assert_int_equal(discard->id, CACHED);
	assert_int_equal(fetch->id, CACHED);
	assert_false(fetch->urgent);
	task_free(discard);
	job_free(fetch);
	assert_int_equal(child_do(&w, read_fails, "b-cached"), EIO);
	assert_true(world_idle(&w));
	message_set_uncached(w.listing, listing_by_id(w.listing, CACHED));
	world_store(&w, CACHED, t.body, true);
	assert_int_equal(child_do(&w, read_it, &t), 0);
}

/* The kernel knows size and pages of the first body for an hour. */
static void other_octets_than_an_earlier_body_win_before_the_open(void **state)
{
	static const struct text first = {"b-cached", "hello, world"};
	static const struct text texts[] = {
	    {"b-cached", "longer than it was before"}, {"b-cached", "brief"}};

	assert_int_equal(child_do(&w, read_it, &first), 0);
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct child c;

		message_set_uncached(w.listing, listing_by_id(w.listing, CACHED));
		c = child_start(&w, read_it, &texts[i]);
		answer_fetch(&w, CACHED, texts[i].body);
		assert_int_equal(child_end(&c), 0);
		assert_int_equal(child_do(&w, read_it, &texts[i]), 0);
	}
}

/* A second copy that does not come leaves the first: who came to wait for the new one reads that.
 */
static void who_waits_for_a_copy_that_does_not_come_reads_the_one_there_is(void **state)
{
	static const struct text first = {"b-cached", "hello, world"};
	struct message *m = listing_by_id(w.listing, CACHED);
	struct child c;

	message_set_uncached(w.listing, m);
	c = child_start(&w, read_it, &first);
	job_free(world_job(&w, JOB_FETCH));
	message_set_cached(w.listing, m);
	world_put(&w, world_event(EVENT_FETCHED, CACHED, E_LATER));
	assert_int_equal(child_end(&c), 0);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(everything_else_goes_on_while_opens_wait, setup),
	    TEST(a_cached_message_is_read_without_asking_anybody, setup),
	    TEST(two_who_open_one_message_are_answered_by_one_fetch, setup),
	    TEST(an_interrupted_open_ends_and_the_fetch_goes_on, setup),
	    TEST(a_killed_opener_is_gone_at_once, setup),
	    TEST(a_fetch_that_fails_is_its_errno, setup),
	    TEST(one_that_vanished_before_the_open_is_not_there, setup),
	    TEST(a_large_body_is_whole, setup),
	    TEST(a_damaged_body_is_an_error_at_once_and_fetched_again, setup),
	    TEST(other_octets_than_an_earlier_body_win_before_the_open, setup),
	    TEST(who_waits_for_a_copy_that_does_not_come_reads_the_one_there_is, setup),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("mounted", tests, NULL, NULL);
}
