/* Real mounts (see world.h): what is in the kernel's pages before anybody asked for it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "bodies.h"
#include "deeds.h"
#include "notify.h"
#include "push.h"

#define PAGE 4096

static char large[CHUNK_OCTETS + 3 * PAGE + 5]; /* two pieces */

static const struct letter row[] = {
    {"a", 5, "first"},
    {"b", 6, "second"},
    {"c", 5, "third"},
    {"d", sizeof(large) - 1, large},
    {"e", 5, "fifth"},
    {"f", 9, NULL},
};

static struct world w;

static int setup(void **state)
{
	memset(large, 'x', sizeof(large) - 1);
	world_start(&w, row, COUNT(row), NULL);
	return 0;
}

static int teardown(void **state)
{
	world_finish(&w);
	return 0;
}

/* ---- deeds ---- */

static int read_names(struct world *x, const void *with)
{
	char room[sizeof(large)];

	for (const char *name = with; *name; name++) {
		const char one[] = {*name, '\0'};
		int fd = open(world_path(x, one), O_RDONLY);

		if (fd < 0 || read(fd, room, sizeof(room)) <= 0)
			return WRONG;
		close(fd);
	}
	return 0;
}

/* Whether the kernel has the whole file, without asking us for it. */
static bool has_pages(const struct world *x, const char *name, size_t size)
{
	size_t pages = (size + PAGE - 1) / PAGE, there = 0;
	unsigned char is_there[64];
	int fd = open(world_path(x, name), O_RDONLY);
	void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED || mincore(at, size, is_there) != 0)
		return false;
	for (size_t i = 0; i < pages; i++)
		there += is_there[i] & 1;
	munmap(at, size);
	close(fd);
	return there == pages;
}

static int await_pages(struct world *x, const void *name)
{
	const char *n = name;

	while (!has_pages(x, n, *n == 'd' ? sizeof(large) - 1 : 5))
		usleep(1000);
	return 0;
}

static int list_all(struct world *x, const void *with)
{
	return list(x, "a b c d e f ");
}

static int have_no_pages(struct world *x, const void *name)
{
	return has_pages(x, name, 5) ? WRONG : 0;
}

/* ---- tests ---- */

static void who_reads_in_order_finds_the_next_ones_there(void **state)
{
	static const struct text d = {"d", large}, e = {"e", "fifth"};

	assert_int_equal(child_do(&w, list_all, NULL), 0);
	assert_int_equal(child_do(&w, read_names, "ab"), 0);
	assert_int_equal(child_do(&w, await_pages, "e"), 0);
	assert_int_equal(child_do(&w, await_pages, "d"), 0);
	assert_int_equal(child_do(&w, read_it, &d), 0);
	assert_int_equal(child_do(&w, read_it, &e), 0);
}

static void who_reads_one_or_jumps_is_given_nothing(void **state)
{
	assert_int_equal(child_do(&w, list_all, NULL), 0);
	assert_int_equal(child_do(&w, read_names, "aeca"), 0);
	assert_int_equal(child_do(&w, have_no_pages, "b"), 0);
}

static void what_lost_its_body_meanwhile_is_not_pushed(void **state)
{
	assert_int_equal(child_do(&w, list_all, NULL), 0);
	assert_int_equal(store_begin(w.store, NULL), OK);
	assert_int_equal(bodies_discard(w.store, WORLD_FIRST_ID + 2, NULL), OK);
	assert_int_equal(store_commit(w.store, false, NULL), OK);
	assert_int_equal(child_do(&w, read_names, "ab"), 0);
	assert_int_equal(child_do(&w, await_pages, "e"), 0); /* behind it */
	assert_int_equal(child_do(&w, have_no_pages, "c"), 0);
}

static void a_message_that_nobody_looked_at_is_no_trouble(void **state)
{
	static const struct text c = {"c", "third"};

	assert_int_equal(child_do(&w, read_names, "ab"), 0); /* the kernel does not know c, d, e */
	assert_int_equal(child_do(&w, read_it, &c), 0);
}

static void there_may_be_none(void **state)
{
	push_free(NULL);
	notify_join(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		who_reads_in_order_finds_the_next_ones_there, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		who_reads_one_or_jumps_is_given_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_lost_its_body_meanwhile_is_not_pushed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_message_that_nobody_looked_at_is_no_trouble, setup, teardown),
	    cmocka_unit_test(there_may_be_none),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
