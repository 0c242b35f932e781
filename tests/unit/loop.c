/* Before there is a mount: the first listing. What the other threads say is queued beforehand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "fs.h"
#include "store.h"

static struct queues queues;
static char place[32], database[64];

static void put(enum event_kind kind, bool fresh, enum error code)
{
	struct event *e = event_create(kind);

	e->fresh = fresh;
	e->listing = kind == EVENT_LISTED ? listing_create(0, 0) : NULL;
	if (code != OK)
		failed(&e->failure, code, "the server said so");
	queue_put(&queues.events, &e->item);
}

static enum error first_listing(void)
{
	const struct fs_plan plan = {.store = database, .account = "x"};
	struct failure why = {0};
	struct fs *f;
	struct job *j;
	enum error code;

	assert_int_equal(fs_create(&f, &plan, &queues, &why), OK);
	fs_ask_first_listing(&queues);
	code = fs_first_listing(f, &why);
	assert_int_equal(why.code, code);
	j = (struct job *)queue_take(&queues.jobs);
	assert_int_equal(j->kind, JOB_REFRESH);
	assert_true(j->waited_for);
	job_free(j);
	fs_free(f);
	return code;
}

static void what_the_store_remembers_is_no_first_listing(void **state)
{
	put(EVENT_LISTED, false, OK);
	put(EVENT_NOT_LISTED, false, E_LOGIN);
	assert_int_equal(first_listing(), E_LOGIN);
	put(EVENT_LISTED, false, OK);
	put(EVENT_LISTED, true, OK);
	assert_int_equal(first_listing(), OK);
}

static void a_signal_ends_the_waiting(void **state)
{
	put(EVENT_LISTED, false, OK);
	kill(getpid(), SIGTERM);
	assert_int_equal(first_listing(), E_INTERRUPT);
}

static void without_a_database_there_is_no_fs(void **state)
{
	const struct fs_plan plan = {.store = "/nowhere/at/all"};
	struct failure why = {0};
	struct fs *f = NULL;

	assert_int_equal(fs_create(&f, &plan, &queues, &why), E_STORE);
	assert_null(f);
	assert_int_not_equal(why.words[0], '\0');
}

static int setup(void **state)
{
	struct store *s = NULL;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	snprintf(place, sizeof(place), "/tmp/pop3fs-test-XXXXXX");
	if (!mkdtemp(place))
		return -1;
	snprintf(database, sizeof(database), "%s/db", place);
	if (store_open(&s, database, NULL) != OK)
		return -1;
	store_close(s);
	return queue_init(&queues.jobs) && queue_init(&queues.tasks) && queue_init(&queues.events)
		   ? 0
		   : -1;
}

static int teardown(void **state)
{
	static const char *const rest[] = {"", "-wal", "-shm"};
	char path[80];

	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", database, rest[i]);
		unlink(path);
	}
	queue_finish(&queues.jobs);
	queue_finish(&queues.tasks);
	queue_finish(&queues.events);
	return rmdir(place);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_store_remembers_is_no_first_listing),
	    cmocka_unit_test(a_signal_ends_the_waiting),
	    cmocka_unit_test(without_a_database_there_is_no_fs),
	};

	return cmocka_run_group_tests_name("loop", tests, setup, teardown);
}
