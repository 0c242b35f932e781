#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "cache.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

static struct account account(const char *user, const char *host, const char *port)
{
	return (struct account){.user = (char *)user, .host = (char *)host, .port = (char *)port};
}

static void a_database_is_named_after_its_account(void **state)
{
	static const struct {
		const char *user, *host, *port, *want;
	} cases[] = {
	    {"me", "host", "995", "me@host:995"},
	    {"me@example.org", "pop.example.org", "995", "me@example.org@pop.example.org:995"},
	    {"me", "::1", "110", "me@%3A%3A1:110"},
	    {"../../etc/passwd", "host", "995", "%2E.%2F..%2Fetc%2Fpasswd@host:995"},
	    {".", "host", "995", "%2E@host:995"},
	    {"-rf", "host", "995", "%2Drf@host:995"},
	    {"a b%~:c", "host", "995", "a%20b%25%7E%3Ac@host:995"},
	    {"m\xc3\xbcller", "host", "995", "m%C3%BCller@host:995"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct account a = account(cases[i].user, cases[i].host, cases[i].port);
		CLEANUP(freep) char *got = cache_name(&a);

		assert_string_equal(got, cases[i].want);
	}
}

static void a_long_name_is_shortened_and_stays_its_own(void **state)
{
	struct account a = account(LONG LONG "::::::::::::::::::::" LONG "a", "host", "995");
	struct account b = account(LONG LONG "::::::::::::::::::::" LONG "b", "host", "995");
	CLEANUP(freep) char *of_a = cache_name(&a);
	CLEANUP(freep) char *of_b = cache_name(&b);
	CLEANUP(freep) char *again = cache_name(&a);

	assert_true(strlen(of_a) <= 219);
	assert_string_not_equal(of_a, of_b);
	assert_string_equal(of_a, again);
	assert_null(strchr(of_a, '/'));
}

/* ---- where it is ---- */

static char top[64];

static int make_top(void **state)
{
	snprintf(top, sizeof(top), "/tmp/pop3fs-cache-XXXXXX");
	unsetenv("CACHE_DIRECTORY");
	unsetenv("XDG_CACHE_HOME");
	return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **state)
{
	CLEANUP(freep) char *command = xasprintf("rm -rf %s", top);

	return system(command);
}

static enum error find(struct cache *c, const char *given, struct failure *why)
{
	struct account a = account("me", "host", "995");

	return cache_find(c, given, &a, why);
}

static void the_directory_is_made_and_ours_alone(void **state)
{
	CLEANUP(freep) char *given = xasprintf("%s/a/b//c/", top);
	CLEANUP(freep) char *above = xasprintf("%s/a", top);
	CLEANUP(freep) char *want = xasprintf("%s/a/b/c/me@host:995.db", top);
	CLEANUP(freep) char *lock = xasprintf("%s/a/b/c/me@host:995.lock", top);
	struct cache c;
	struct stat st;

	for (int again = 0; again < 2; again++) {
		assert_int_equal(find(&c, given, NULL), OK);
		assert_string_equal(c.database, want);
		assert_string_equal(c.lock, lock);
		cache_finish(&c);
	}
	assert_int_equal(stat(given, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(above, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} cases[] = {{0700, true}, {0755, true}, {0770, false}, {0702, false}, {01777, false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = OK};
		struct cache c = {NULL, NULL};

		assert_int_equal(chmod(top, cases[i].mode), 0);
		assert_int_equal(find(&c, top, &why), cases[i].good ? OK : E_CONFIG);
		assert_int_equal(c.database != NULL, cases[i].good);
		cache_finish(&c);
	}
}

static void what_is_no_directory_is_refused(void **state)
{
	CLEANUP(freep) char *file = xasprintf("%s/file", top);
	CLEANUP(freep) char *under = xasprintf("%s/file/under", top);
	struct cache c = {NULL, NULL};
	struct failure why;

	fclose(fopen(file, "w"));
	assert_int_equal(find(&c, file, &why), E_CONFIG);
	assert_int_equal(find(&c, under, &why), E_SYSTEM);
	assert_non_null(strstr(why.words, under));
	assert_null(c.database);
}

/* Somebody else's link may lead elsewhere when the database is opened. */
static void a_link_on_the_way_is_followed_once(void **state)
{
	CLEANUP(freep) char *real = xasprintf("%s/real/cache", top);
	CLEANUP(freep) char *link = xasprintf("%s/link", top);
	CLEANUP(freep) char *given = xasprintf("%s/cache", link);
	CLEANUP(freep) char *want = xasprintf("%s/me@host:995.db", real);
	struct cache c;

	assert_int_equal(symlink("real", link), 0);
	assert_int_equal(find(&c, real, NULL), OK);
	cache_finish(&c);
	assert_int_equal(find(&c, given, NULL), OK);
	assert_string_equal(c.directory, real);
	assert_string_equal(c.database, want);
	cache_finish(&c);
}

static void the_environment_says_where(void **state)
{
	CLEANUP(freep) char *systemds = xasprintf("%s/systemd:/other", top);
	CLEANUP(freep) char *from_systemd = xasprintf("%s/systemd/me@host:995.db", top);
	CLEANUP(freep) char *from_xdg = xasprintf("%s/pop3fs/me@host:995.db", top);
	CLEANUP(freep) char *from_home = xasprintf("%s/.cache/pop3fs/me@host:995.db", top);
	bool root = geteuid() == 0;
	struct cache c;

	assert_int_equal(setenv("CACHE_DIRECTORY", systemds, 1), 0);
	assert_int_equal(find(&c, NULL, NULL), OK);
	assert_string_equal(c.database, from_systemd);
	cache_finish(&c);
	unsetenv("CACHE_DIRECTORY");
	if (root) { /* it has a place of its own: be somebody */
		assert_int_equal(chown(top, 65534, 65534), 0);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_int_equal(setenv("XDG_CACHE_HOME", top, 1), 0);
	assert_int_equal(find(&c, NULL, NULL), OK);
	assert_string_equal(c.database, from_xdg);
	cache_finish(&c);
	assert_int_equal(setenv("XDG_CACHE_HOME", "not/absolute", 1), 0);
	assert_int_equal(setenv("HOME", top, 1), 0);
	assert_int_equal(find(&c, NULL, NULL), OK);
	assert_string_equal(c.database, from_home);
	cache_finish(&c);
	if (root)
		assert_int_equal(seteuid(0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_database_is_named_after_its_account),
	    cmocka_unit_test(a_long_name_is_shortened_and_stays_its_own),
	    cmocka_unit_test_setup_teardown(
		the_directory_is_made_and_ours_alone, make_top, remove_top),
	    cmocka_unit_test_setup_teardown(
		a_directory_that_others_may_write_is_refused, make_top, remove_top),
	    cmocka_unit_test_setup_teardown(what_is_no_directory_is_refused, make_top, remove_top),
	    cmocka_unit_test_setup_teardown(
		a_link_on_the_way_is_followed_once, make_top, remove_top),
	    cmocka_unit_test_setup_teardown(the_environment_says_where, make_top, remove_top),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
