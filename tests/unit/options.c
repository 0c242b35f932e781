#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "options.h"

static enum error set(struct options *o, const char *name, const char *value, struct failure *why)
{
	const struct option *row = option_find(slice_of(name));

	assert_non_null(row);
	return option_set(o, row, value, why);
}

static void the_defaults_are_the_contract_s(void **state)
{
	struct options o;

	options_init(&o);
	assert_int_equal(o.timeout, 60);
	assert_int_equal(o.retry, 60);
	assert_int_equal(o.commit_timeout, 60);
	assert_int_equal(o.idle, 30);
	assert_int_equal(o.refresh, 60);
	assert_int_equal(o.headers, 10000);
	assert_int_equal(o.umask, 077);
	assert_int_equal(o.uid, getuid());
	assert_int_equal(o.gid, getgid());
	assert_int_equal(o.tls, OPTION_TLS_BY_SOURCE);
	assert_false(o.read_only || o.foreground || o.debug || o.default_permissions);
	assert_null(o.ca);
	assert_null(o.password_command);
	options_finish(&o);
}

static void every_row_is_found_by_its_name_and_stands_alone(void **state)
{
	for (size_t i = 0; option_at(i); i++) {
		const struct option *row = option_at(i);

		assert_ptr_equal(option_find(slice_of(option_name(row))), row);
	}
	assert_null(option_find(slice_of("nonsense")));
	assert_null(option_find(slice_of("")));
	assert_null(option_by_letter('\0'));
	assert_null(option_by_letter('x'));
	assert_string_equal(option_name(option_by_letter('f')), "foreground");
}

static void a_bad_value_is_refused(void **state)
{
	static const char *const cases[][2] = {
	    {"timeout", "0"},
	    {"timeout", "2d"},
	    {"timeout", "soon"},
	    {"retry", "-1"},
	    {"idle", "601"},
	    {"headers", "-1"},
	    {"headers", "10k"},
	    {"umask", "9"},
	    {"uid", "nobody at all"},
	    {"gid", "-5"},
	    {"tls", "maybe"},
	    {"password_command", "a | b"},
	    {"auth", "DIGEST-MD5"},
	    {"auth", "PLAIN LOGIN"},
	    {"pin", "sha256:00"},
	    {"tls_min", "1.1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct failure why = {.code = OK};
		struct options o;

		options_init(&o);
		assert_int_equal(set(&o, cases[i][0], cases[i][1], &why), E_USAGE);
		assert_memory_equal(why.words, cases[i][0], strlen(cases[i][0]));
		options_finish(&o);
	}
}

static void the_kernel_s_own_are_passed_on(void **state)
{
	struct options o;

	options_init(&o);
	assert_string_equal(buf_text(&o.kernel), "");
	assert_int_equal(set(&o, "noexec", NULL, NULL), OK);
	assert_int_equal(set(&o, "allow_other", NULL, NULL), OK);
	assert_int_equal(options_check(&o, NULL), OK);
	assert_string_equal(buf_text(&o.kernel), "noexec,allow_other");
	assert_true(o.default_permissions);
	options_finish(&o);
}

static void a_path_is_made_absolute(void **state)
{
	CLEANUP(freep) char *here = getcwd(NULL, 0);
	CLEANUP(freep) char *want = xasprintf("%s/some/ca.pem", here);
	struct options o;

	options_init(&o);
	assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
	assert_int_equal(set(&o, "ca", "some/ca.pem", NULL), OK);
	assert_string_equal(o.ca, want);
	assert_int_equal(set(&o, "password_file", "~/secret", NULL), OK);
	assert_string_equal(o.password_file, "/home/somebody/secret");
	assert_int_equal(set(&o, "cache_dir", "/var/tmp/x", NULL), OK);
	assert_string_equal(o.cache_dir, "/var/tmp/x");
	options_finish(&o);
}

static void a_value_that_may_be_missing_is_the_usual_one(void **state)
{
	struct options o;

	assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
	options_init(&o);
	assert_null(o.netrc);
	assert_int_equal(set(&o, "netrc", NULL, NULL), OK);
	assert_string_equal(o.netrc, "/home/somebody/.netrc");
	assert_int_equal(set(&o, "netrc", "/a", NULL), E_USAGE); /* twice */
	options_finish(&o);
	options_init(&o);
	assert_int_equal(set(&o, "netrc", "/etc/netrc", NULL), OK);
	assert_string_equal(o.netrc, "/etc/netrc");
	options_finish(&o);
}

/* The companion goes to "/". */
static void a_path_to_a_command_does_not_depend_on_where_we_are(void **state)
{
	static const char *const cases[][2] = {
	    {"pass show mail", "pass"},
	    {"/usr/bin/pass show a/b", "/usr/bin/pass"},
	    {"bin/pass show a/b", "HERE/bin/pass"},
	    {"./pass", "HERE/./pass"},
	};
	CLEANUP(freep) char *here = getcwd(NULL, 0);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep)
		char *want = strncmp(cases[i][1], "HERE", 4) == 0
				 ? xasprintf("%s%s", here, cases[i][1] + 4)
				 : xstrdup(cases[i][1]);
		struct options o;

		options_init(&o);
		assert_int_equal(set(&o, "password_command", cases[i][0], NULL), OK);
		assert_string_equal(o.password_command[0], want);
		options_finish(&o);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_defaults_are_the_contract_s),
	    cmocka_unit_test(every_row_is_found_by_its_name_and_stands_alone),
	    cmocka_unit_test(a_bad_value_is_refused),
	    cmocka_unit_test(the_kernel_s_own_are_passed_on),
	    cmocka_unit_test(a_path_is_made_absolute),
	    cmocka_unit_test(a_value_that_may_be_missing_is_the_usual_one),
	    cmocka_unit_test(a_path_to_a_command_does_not_depend_on_where_we_are),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
