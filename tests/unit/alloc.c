#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"

static void nothing_is_something_to_free(void **state)
{
	void *none[] = {
	    xmalloc(0), xzalloc(0), xrealloc(NULL, 0), xreallocarray(NULL, 0, 8), xmemdup(NULL, 0)};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_non_null(none[i]);
		free(none[i]);
	}
}

static void copies_are_the_callers_own(void **state)
{
	char text[] = "abc";
	char *copies[] = {xstrdup(text), xstrndup(text, 2), xmemdup(text, sizeof(text)),
	    xasprintf("%s-%d", text, 5)};
	static const char *const want[] = {"abc", "ab", "abc", "abc-5"};

	text[0] = 'x';
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		assert_string_equal(copies[i], want[i]);
		free(copies[i]);
	}
}

static void new_memory_is_zero(void **state)
{
	struct pair {
		int a;
		char *b;
	} *pair = xnew(struct pair);

	assert_int_equal(pair->a, 0);
	assert_null(pair->b);
	free(pair);
}

static void wiping_leaves_nothing(void **state)
{
	char secret[] = "secret";

	wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", sizeof(secret));
	wipe(secret, sizeof(secret));
	assert_memory_equal(secret, "\0\0\0\0\0\0", sizeof(secret));
	wipe(NULL, 0);
}

static char *hand_on(void)
{
	CLEANUP(freep) char *kept = xstrdup("kept"), *dropped = xstrdup("dropped");

	assert_string_equal(dropped, "dropped");
	return take(&kept);
}

static void what_a_scope_opens_it_closes_unless_taken(void **state)
{
	char *kept = hand_on();
	CLEANUP(freep) char *mine = take(&kept);
	int fd;

	assert_string_equal(mine, "kept");
	assert_null(kept);
	{
		CLEANUP(closep) int open_one = open("/dev/null", O_RDONLY | O_CLOEXEC);
		CLEANUP(closep) int none = -1;

		assert_true(open_one >= 0);
		assert_int_equal(none, -1);
		fd = open_one;
	}
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_something_to_free),
	    cmocka_unit_test(copies_are_the_callers_own),
	    cmocka_unit_test(new_memory_is_zero),
	    cmocka_unit_test(wiping_leaves_nothing),
	    cmocka_unit_test(what_a_scope_opens_it_closes_unless_taken),
	};

	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
