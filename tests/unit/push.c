/* Real mounts (see world.h): what is in the kernel's pages before anybody asked for it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "bodies.h"
#include "deeds.h"
#include "notify.h"
#include "prefetch.h"
#include "push.h"
#include "tree.h"

#define PAGE 4096

static char large[CHUNK_OCTETS + 3 * PAGE + 5]; /* two pieces */
static char largest[PREFETCH_LARGEST_PUSH + 1];

static const struct letter row[] = {
    {"a", 5, "first"},
    {"b", 6, "second"},
    {"c", 5, "third"},
    {"d", sizeof(large) - 1, large},
    {"e", 5, "fifth"},
    {"f", 9, NULL},
    {"g", sizeof(largest) - 1, NULL},
};
enum { A, B, C, D, E, F, G };

static const struct letter without_b[] = {
    {"a", 5, "first"},
    {NULL},
    {"c", 5, "third"},
    {"d", sizeof(large) - 1, large},
    {"e", 5, "fifth"},
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
	return list(x, "a b c d e f g ");
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

/* ---- what goes into the pages, and when ---- */

static char pushed[16];    /* of the last one without a session */
static size_t octets;      /* of all of those */
static atomic_uint pieces; /* of D, with one ... */
static atomic_uint of_e;   /* ... and of E */
static atomic_bool held;   /* ... of which the first is kept waiting */
static sem_t begun, go_on;

static void hold_up(void)
{
	if (!atomic_exchange(&held, false))
		return;
	sem_post(&begun);
	sem_wait(&go_on);
}

/* In libfuse's place. */
int fuse_lowlevel_notify_store(struct fuse_session *fuse, fuse_ino_t ino, off_t offset,
    struct fuse_bufvec *piece, enum fuse_buf_copy_flags flags)
{
	int (*real)(struct fuse_session *, fuse_ino_t, off_t, struct fuse_bufvec *,
	    enum fuse_buf_copy_flags);

	if (!fuse) {
		size_t shown = piece->buf[0].size < sizeof(pushed) ? piece->buf[0].size : 0;

		assert_int_equal(offset % PAGE, 0);
		memset(pushed, 0, sizeof(pushed));
		memcpy(pushed, piece->buf[0].mem, shown);
		octets += piece->buf[0].size;
		return 0;
	}
	if (ino == tree_ino(WORLD_FIRST_ID + E, VIEW_MESSAGE))
		atomic_fetch_add(&of_e, 1);
	if (ino == tree_ino(WORLD_FIRST_ID + D, VIEW_MESSAGE)) {
		atomic_fetch_add(&pieces, 1);
		hold_up();
	}
	*(void **)&real = dlsym(RTLD_NEXT, "fuse_lowlevel_notify_store");
	return real(fuse, ino, offset, piece, flags);
}

static bool always(void *with, uint64_t from)
{
	return true;
}

static bool up_to(void *with, uint64_t from)
{
	const uint64_t *most = with;

	return from <= *most;
}

static const char *push_it(struct push *p, size_t place)
{
	pushed[0] = '\0';
	push_body(p, WORLD_FIRST_ID + (int64_t)place, row[place].listed, always, NULL);
	return pushed;
}

static void what_replaced_another_is_pushed_once_the_kernel_was_told(void **state)
{
	struct push *p = push_create(NULL, w.database);

	assert_string_equal(push_it(p, 0), "first");
	world_store(&w, WORLD_FIRST_ID + 2, "THIRD", false);
	assert_string_equal(push_it(p, 2), "third"); /* which the notice will make it forget */
	push_rest(p);
	assert_string_equal(push_it(p, 2), "THIRD");
	push_rest(p);
	push_rest(p);
	push_free(p);
}

static void what_came_since_is_found(void **state)
{
	struct push *p = push_create(NULL, w.database);

	assert_string_equal(push_it(p, 5), "");
	assert_string_equal(push_it(p, 0), "first");
	world_store(&w, WORLD_FIRST_ID + 5, "sixth one", false);
	assert_string_equal(push_it(p, 5), "sixth one");
	world_store(&w, WORLD_FIRST_ID + 5, "sixth", false); /* not as long as it was */
	push_rest(p);
	assert_string_equal(push_it(p, 5), "");
	for (size_t i = 0; i < 200; i++) /* more than one transaction has */
		assert_string_equal(push_it(p, 0), "first");
	push_free(p); /* with one open */
}

static void a_body_goes_whole_up_to_the_largest_and_ends_where_it_is_not_wanted(void **state)
{
	static const struct {
		uint64_t size, most; /* octets: of the body; from which it is wanted, at most */
		size_t pushed;
	} cases[] = {
	    {sizeof(largest) - 1, UINT64_MAX, sizeof(largest) - 1},
	    {sizeof(largest) - 1, 5 * CHUNK_OCTETS, 6 * CHUNK_OCTETS},
	    {sizeof(largest) - 1, 0, CHUNK_OCTETS},
	    {sizeof(largest) - 2, UINT64_MAX, 0}, /* not as long as the model has it */
	    {sizeof(largest), UINT64_MAX, 0},
	};
	struct push *p = push_create(NULL, w.database);

	memset(largest, 'y', sizeof(largest) - 1);
	world_store(&w, WORLD_FIRST_ID + G, largest, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t most = cases[i].most;

		octets = 0;
		push_body(p, WORLD_FIRST_ID + G, cases[i].size, up_to, &most);
		assert_int_equal(octets, cases[i].pushed);
		assert_string_equal(push_it(p, 0), "first"); /* in whatever transaction */
	}
	push_free(p);
}

/* Its first piece is on its way, and E behind it. */
static void begin_to_push_d(void)
{
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	assert_int_equal(child_do(&w, list_all, NULL), 0);
	atomic_store(&pieces, 0);
	atomic_store(&of_e, 0);
	atomic_store(&held, true);
	assert_int_equal(child_do(&w, read_names, "ab"), 0);
	assert_int_equal(sem_wait(&begun), 0);
}

/* It is no reader's to wait for, nor that of whoever waits for the kernel to be told. */
static void a_push_that_has_begun_gives_way_to_what_is_to_be_told(void **state)
{
	static const struct text d = {"d", large};

	begin_to_push_d();
	world_list(&w, without_b, COUNT(without_b));
	world_heard(&w);
	sem_post(&go_on);
	assert_int_equal(child_do(&w, wait_until_gone, "b"), ENOENT);
	assert_int_equal(atomic_load(&pieces), 1);
	assert_int_equal(child_do(&w, read_it, &d), 0);
}

/* Asks the daemon for it, whatever is in the pages. */
static int read_anew(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);

	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	return read_names(x, name);
}

static void who_is_quicker_is_not_given_what_he_has(void **state)
{
	static const struct {
		const char *reads;
		bool e_is_pushed;
	} cases[] = {
	    {"d", true},  /* that one, up to its end */
	    {"e", false}, /* what lies before it, too */
	    {"a", true},  /* somebody else */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup(NULL);
		begin_to_push_d();
		assert_int_equal(child_do(&w, read_anew, cases[i].reads), 0);
		sem_post(&go_on);
		assert_int_equal(child_do(&w, await_pages, "e"), 0);
		assert_int_equal(atomic_load(&of_e), cases[i].e_is_pushed);
		assert_int_equal(atomic_load(&pieces), cases[i].reads[0] == 'a' ? 2 : 1);
		teardown(NULL);
	}
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
	    cmocka_unit_test_setup_teardown(
		what_replaced_another_is_pushed_once_the_kernel_was_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_came_since_is_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_body_goes_whole_up_to_the_largest_and_ends_where_it_is_not_wanted, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		a_push_that_has_begun_gives_way_to_what_is_to_be_told, setup, teardown),
	    cmocka_unit_test(who_is_quicker_is_not_given_what_he_has),
	    cmocka_unit_test(there_may_be_none),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
