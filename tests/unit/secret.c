#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "secret.h"

static void a_secret_is_kept_as_it_is(void **state)
{
	static const struct slice cases[] = {{"", 0}, {NULL, 0}, {"x", 1}, {"a\0b\n", 4}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret *s = secret_create(cases[i]);

		assert_true(slice_equal(secret_octets(s), cases[i]));
		secret_free(s);
	}
}

static void a_secret_may_end_anywhere_in_a_page(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t len = page - 40; len < page + 40; len++) {
		CLEANUP(freep) char *octets = xmalloc(len);
		struct secret *s;

		memset(octets, 's', len);
		s = secret_create(slice_make(octets, len));
		assert_true(slice_equal(secret_octets(s), slice_make(octets, len)));
		secret_free(s);
	}
}

static void no_secret_is_an_empty_one(void **state)
{
	assert_int_equal(secret_octets(NULL).len, 0);
	assert_non_null(secret_octets(NULL).at);
	secret_free(NULL);
}

/* The flags of the mapping that holds `at`, from /proc/self/smaps. */
static void mapping_flags(const void *at, char *flags, size_t room)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (unsigned long)at >= from && (unsigned long)at < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, room, "%s", line);
	}
	fclose(maps);
}

static void a_secret_stays_out_of_core_dumps(void **state)
{
	struct secret *s = secret_create(slice_make("secret", 6));
	char flags[512] = "";

	mapping_flags(secret_octets(s).at, flags, sizeof(flags));
	secret_free(s);
	if (!flags[0])
		skip(); /* a kernel that does not tell */
	assert_non_null(strstr(flags, " dd"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_secret_is_kept_as_it_is),
	    cmocka_unit_test(a_secret_may_end_anywhere_in_a_page),
	    cmocka_unit_test(no_secret_is_an_empty_one),
	    cmocka_unit_test(a_secret_stays_out_of_core_dumps),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
