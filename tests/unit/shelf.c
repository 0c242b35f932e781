#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"
#include "jobs.h"
#include "shelf.h"
#include "storage.h"

#define MEMORY (4 * CHUNK_OCTETS)

/* These stand before the C library's: the next calls fail with these. (Where glibc checks bounds,
 * its pread is inline, and clang wants nothing static in it.) */
extern int write_errors[2], read_error;
extern size_t most_read; /* at once */
int write_errors[2], read_error;
size_t most_read = SIZE_MAX;

ssize_t pwrite(int fd, const void *from, size_t len, off_t offset)
{
	int number = write_errors[0];

	write_errors[0] = write_errors[1];
	write_errors[1] = 0;
	errno = number;
	return number ? -1 : syscall(SYS_pwrite64, fd, from, len, offset);
}

ssize_t pread(int fd, void *to, size_t len, off_t offset)
{
	errno = read_error;
	len = len < most_read ? len : most_read;
	return read_error ? -1 : syscall(SYS_pread64, fd, to, len, offset);
}

static char pattern_at(uint64_t offset)
{
	return (char)('a' + offset * 7 % 26 + offset / CHUNK_OCTETS % 3);
}

static enum error add(struct shelf *s, int64_t id, uint64_t size)
{
	CLEANUP(freep) char *data = xmalloc(CHUNK_OCTETS);
	enum error error = OK;

	shelf_begin(s, id);
	for (uint64_t at = 0; !error && at < size; at += CHUNK_OCTETS) {
		uint64_t len = size - at < CHUNK_OCTETS ? size - at : CHUNK_OCTETS;
		uint32_t index = (uint32_t)(at / CHUNK_OCTETS);

		for (uint64_t i = 0; i < len; i++)
			data[i] = pattern_at(at + i);
		error = shelf_add(s, id, index, slice_make(data, (size_t)len), 7, NULL);
	}
	return error;
}

/* -1: it cannot be read; else its size, having looked at every octet. */
static int64_t read_back(struct shelf *s, int64_t id)
{
	CLEANUP(freep) char *data = xmalloc(100000);
	int64_t at = 0;
	ssize_t got;

	while ((got = shelf_read(s, id, (uint64_t)at, data, 100000)) > 0) {
		for (ssize_t i = 0; i < got; i++)
			if (data[i] != pattern_at((uint64_t)(at + i)))
				fail_msg("octet %lld differs", (long long)(at + i));
		at += got;
	}
	return got < 0 ? -1 : at;
}

static size_t names_in(const char *directory)
{
	DIR *d = opendir(directory);
	size_t count = 0;

	while (d && readdir(d))
		count++;
	if (d)
		closedir(d);
	return count;
}

static void a_body_is_read_as_it_came_once_it_is_whole(void **state)
{
	static const uint64_t sizes[] = {0, 1, 4000, CHUNK_OCTETS - 1, CHUNK_OCTETS,
	    CHUNK_OCTETS + 1, MEMORY, MEMORY + 1, 3 * MEMORY + 17};
	struct storage *t = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct shelf *s =
		    shelf_create(MEMORY, t->directory, (struct shelf_place){NULL, NULL});

		assert_int_equal(add(s, 1, sizes[i]), OK);
		assert_true(shelf_has(s, 1));
		assert_false(shelf_has_whole(s, 1));
		assert_int_equal(read_back(s, 1), -1);
		assert_false(shelf_complete(s, 1, sizes[i] + 1));
		assert_true(shelf_complete(s, 1, sizes[i]));
		assert_int_equal(read_back(s, 1), sizes[i]);
		shelf_drop(s, 1);
		assert_int_equal(read_back(s, 1), -1);
		shelf_free(s);
	}
}

static void beyond_the_memory_it_is_in_a_file_without_a_name(void **state)
{
	struct storage *t = *state;
	struct shelf *s =
	    shelf_create(CHUNK_OCTETS, t->directory, (struct shelf_place){NULL, NULL});
	size_t before = names_in(t->directory);

	for (int64_t id = 1; id <= 5; id++) {
		assert_int_equal(add(s, id, 2 * CHUNK_OCTETS), OK);
		assert_true(shelf_complete(s, id, 2 * CHUNK_OCTETS));
	}
	assert_int_equal(names_in(t->directory), before);
	for (int64_t id = 1; id <= 5; id++)
		assert_int_equal(read_back(s, id), 2 * CHUNK_OCTETS);
	shelf_free(s);
}

static void where_no_file_can_be_made_another_place_serves_or_it_is_full(void **state)
{
	struct storage *t = *state;
	struct shelf *s = shelf_create(0, "/nonexistent", (struct shelf_place){NULL, NULL});

	setenv("TMPDIR", t->directory, 1);
	assert_int_equal(add(s, 1, 10), OK);
	assert_true(shelf_complete(s, 1, 10));
	assert_int_equal(read_back(s, 1), 10);
	setenv("TMPDIR", "/nonexistent", 1);
	assert_int_equal(add(s, 2, 10), E_FULL);
	assert_int_equal(read_back(s, 1), 10);
	unsetenv("TMPDIR");
	shelf_free(s);
}

static void pieces_come_in_order_and_twice_is_once(void **state)
{
	struct shelf *s = shelf_create(MEMORY, "/tmp", (struct shelf_place){NULL, NULL});

	shelf_begin(s, 1);
	assert_int_equal(shelf_add(s, 1, 1, slice_of("b"), 7, NULL), E_STORE);
	assert_int_equal(shelf_add(s, 2, 0, slice_of("b"), 7, NULL), E_STORE);
	assert_int_equal(shelf_add(s, 1, 0, slice_of("a"), 7, NULL), OK);
	assert_int_equal(shelf_add(s, 1, 0, slice_of("a"), 7, NULL), OK);
	assert_true(shelf_complete(s, 1, 1));
	shelf_free(s);
}

/* Somebody may have it open. */
static void a_body_is_read_until_another_one_is_whole_in_its_place(void **state)
{
	struct shelf *s = shelf_create(MEMORY, "/tmp", (struct shelf_place){NULL, NULL});
	uint64_t serial = 0;
	uint32_t lines = 0;

	assert_int_equal(add(s, 1, 10), OK);
	assert_true(shelf_complete(s, 1, 10));
	assert_true(shelf_rests(s, 1));
	for (int time = 0; time < 2; time++) { /* the second one begins again, too */
		assert_int_equal(add(s, 1, CHUNK_OCTETS + 1), OK);
		assert_true(shelf_has_whole(s, 1));
		assert_false(shelf_rests(s, 1));
		assert_int_equal(read_back(s, 1), 10);
		assert_true(shelf_piece_lines(s, 1, 0, &lines));
		assert_int_equal(shelf_next(s, 0, &serial), 0);
		assert_false(shelf_complete(s, 1, 10)); /* as long as the old one */
	}
	shelf_drop(s, 1);
	assert_true(shelf_rests(s, 1));
	assert_int_equal(read_back(s, 1), 10);
	assert_int_equal(add(s, 1, CHUNK_OCTETS + 1), OK);
	assert_true(shelf_complete(s, 1, CHUNK_OCTETS + 1));
	assert_int_equal(read_back(s, 1), CHUNK_OCTETS + 1);
	shelf_drop(s, 1);
	assert_false(shelf_has(s, 1));
	assert_int_equal(add(s, 1, MEMORY / 2), OK); /* what went has left its memory */
	assert_false(shelf_is_over(s));
	assert_true(shelf_complete(s, 1, MEMORY / 2));
	assert_int_equal(add(s, 1, 10), OK);
	shelf_free(s); /* both */
}

static void a_whole_body_s_pieces_say_how_many_lines_they_have(void **state)
{
	struct shelf *s = shelf_create(MEMORY, "/tmp", (struct shelf_place){NULL, NULL});
	uint32_t lines = 0;

	assert_int_equal(add(s, 1, CHUNK_OCTETS + 1), OK);
	assert_false(shelf_piece_lines(s, 1, 0, &lines));
	assert_true(shelf_complete(s, 1, CHUNK_OCTETS + 1));
	assert_true(shelf_piece_lines(s, 1, 1, &lines));
	assert_int_equal(lines, 7);
	assert_false(shelf_piece_lines(s, 1, 2, &lines));
	assert_false(shelf_piece_lines(s, 2, 0, &lines));
	shelf_free(s);
}

static void the_oldest_goes_first_when_memory_runs_out(void **state)
{
	struct shelf *s = shelf_create(MEMORY, "/tmp", (struct shelf_place){NULL, NULL});
	uint64_t serial = 0;

	for (int64_t id = 5; id >= 1; id--) {
		assert_false(shelf_is_over(s));
		assert_int_equal(add(s, id, MEMORY / 6), OK);
		if (id != 4)
			assert_true(shelf_complete(s, id, MEMORY / 6));
	}
	assert_true(shelf_is_over(s));
	assert_int_equal(shelf_next(s, serial, &serial), 5);
	assert_int_equal(shelf_next(s, serial, &serial), 3); /* 4 is not whole */
	assert_int_equal(shelf_next(s, serial, &serial), 2);
	shelf_drop(s, 5);
	shelf_drop(s, 3);
	assert_false(shelf_is_over(s));
	assert_int_equal(shelf_next(s, 0, &serial), 2);
	shelf_free(s);
}

static void without_a_shelf_there_is_nothing(void **state)
{
	uint64_t serial;
	uint32_t lines;
	char octet;

	assert_false(shelf_has(NULL, 1));
	assert_false(shelf_has_whole(NULL, 1));
	assert_false(shelf_is_over(NULL));
	assert_int_equal(shelf_next(NULL, 0, &serial), 0);
	assert_int_equal(shelf_read(NULL, 1, 0, &octet, 1), -1);
	assert_false(shelf_piece_lines(NULL, 1, 0, &lines));
	shelf_drop(NULL, 1);
	shelf_free(NULL);
}

static void a_file_that_fails_is_told_and_an_interruption_is_not(void **state)
{
	struct storage *t = *state;
	struct shelf *s = shelf_create(0, t->directory, (struct shelf_place){NULL, NULL});

	write_errors[0] = EINTR;
	assert_int_equal(add(s, 1, 10), OK);
	assert_true(shelf_complete(s, 1, 10));
	assert_int_equal(read_back(s, 1), 10);
	read_error = EIO;
	assert_int_equal(read_back(s, 1), -1);
	read_error = 0;
	most_read = 9; /* the file has become shorter */
	assert_int_equal(read_back(s, 1), -1);
	most_read = SIZE_MAX;
	write_errors[0] = write_errors[1] = ENOSPC; /* here and elsewhere */
	assert_int_equal(add(s, 2, 10), E_FULL);
	write_errors[0] = ENOSPC; /* but not there */
	assert_int_equal(add(s, 3, 10), OK);
	shelf_free(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_body_is_read_as_it_came_once_it_is_whole, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		beyond_the_memory_it_is_in_a_file_without_a_name, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		where_no_file_can_be_made_another_place_serves_or_it_is_full, storage_setup,
		storage_teardown),
	    cmocka_unit_test(pieces_come_in_order_and_twice_is_once),
	    cmocka_unit_test(a_body_is_read_until_another_one_is_whole_in_its_place),
	    cmocka_unit_test(a_whole_body_s_pieces_say_how_many_lines_they_have),
	    cmocka_unit_test(the_oldest_goes_first_when_memory_runs_out),
	    cmocka_unit_test(without_a_shelf_there_is_nothing),
	    cmocka_unit_test_setup_teardown(a_file_that_fails_is_told_and_an_interruption_is_not,
		storage_setup, storage_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
