#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "facts.h"

static void what_was_remembered_is_known_in_the_next_mount(void **state)
{
	char dir[] = "/tmp/pop3fs-facts-XXXXXX";
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *command = NULL;
	struct store *s;
	struct facts facts = {.of = {7, 7, 7}};

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/db", dir);
	assert_int_equal(store_open(&s, path, NULL), OK);
	facts_load(s, &facts);
	for (enum fact f = 0; f < FACTS; f++)
		assert_int_equal(facts.of[f], 0);
	assert_int_equal(store_begin(s, NULL), OK);
	assert_int_equal(store_remember(s, fact_name(FACT_LONE_FETCHES), "2", NULL), OK);
	assert_int_equal(store_commit(s, true, NULL), OK);
	store_close(s);

	assert_int_equal(store_open(&s, path, NULL), OK);
	facts_load(s, &facts);
	for (enum fact f = 0; f < FACTS; f++)
		assert_int_equal(facts.of[f], f == FACT_LONE_FETCHES ? 2 : 0);
	store_close(s);
	command = xasprintf("rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void every_fact_has_a_name_of_its_own(void **state)
{
	for (enum fact f = 0; f < FACTS; f++)
		for (enum fact g = 0; g < f; g++)
			assert_string_not_equal(fact_name(f), fact_name(g));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_remembered_is_known_in_the_next_mount),
	    cmocka_unit_test(every_fact_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
