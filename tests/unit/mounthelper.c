#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "mounthelper.h"

#define MOST 10 /* words in a row */

static enum error parse(struct mounthelper *h, struct arguments *a, struct options *o,
    const char *const *words, struct failure *why)
{
	char *argv[MOST + 2] = {(char *)"/sbin/mount.pop3fs"};
	int argc = 1;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	options_init(o);
	return mounthelper_parse(h, a, o, argc, argv, why);
}

static void it_is_known_by_its_name(void **state)
{
	static const struct {
		const char *name;
		bool is;
	} cases[] = {
	    {"mount.pop3fs", true},
	    {"/sbin/mount.pop3fs", true},
	    {"/usr/sbin/mount.fuse.pop3fs", true},
	    {"pop3fs", false},
	    {"/sbin/umount.fuse.pop3fs", false},
	    {"mount.pop3fs/pop3fs", false},
	    {"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(mounthelper_is(cases[i].name), cases[i].is);
}

static void flags_and_words_stand_in_any_order(void **state)
{
	static const struct {
		const char *words[MOST + 1];
		bool fake, verbose;
		int64_t idle;
		const char *namespace;
	} cases[] = {
	    {{"me@host", "mnt"}, false, false, 30, NULL},
	    {{"me@host", "mnt", "-o", "rw,idle=5"}, false, false, 5, NULL},
	    {{"me@host", "mnt", "-n", "-v", "-o", "idle=5", "-f"}, true, true, 5, NULL},
	    {{"-o", "idle=5", "me@host", "-fv", "mnt"}, true, true, 5, NULL},
	    {{"me@host", "mnt", "-t", "fuse.pop3fs", "-N", "/ns"}, false, false, 30, "/ns"},
	    {{"-f", "--", "me@host", "mnt"}, true, false, 30, NULL},
	    {{"me@host", "mnt", "-o", "_netdev,nofail,idle=5"}, false, false, 5, NULL},
	    {{"me@host", "mnt", "-o", "idle=5,user=bob,x-a=b,X-mount.mkdir,exec"}, false, false, 5,
		NULL},
	    {{"me@host", "mnt", "-o", "nonsense=1,idle=5", "-s"}, false, false, 5, NULL},
	    {{"me@host", "mnt", "-s", "-o", "-x", "-o", "idle=5"}, false, false, 5, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mounthelper h;
		struct arguments a;
		struct options o;

		assert_int_equal(parse(&h, &a, &o, cases[i].words, NULL), OK);
		assert_int_equal(a.count, 2);
		assert_string_equal(a.words[0], "me@host");
		assert_string_equal(a.words[1], "mnt");
		assert_int_equal(h.fake, cases[i].fake);
		assert_int_equal(h.verbose, cases[i].verbose);
		assert_int_equal(o.idle, cases[i].idle);
		if (cases[i].namespace)
			assert_string_equal(h.namespace, cases[i].namespace);
		else
			assert_null(h.namespace);
		options_finish(&o);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *words[MOST + 1];
		const char *why;
	} cases[] = {
	    {{"me@host", "mnt", "-o", "nonsense"},
		"unknown option nonsense: pop3fs --help lists all"},
	    {{"me@host", "mnt", "-o", "rw,remount"},
		"a pop3fs cannot be remounted: umount it, and mount it with other options"},
	    {{"me@host", "mnt", "-s", "-o", "remount,ro"},
		"a pop3fs cannot be remounted: umount it, and mount it with other options"},
	    {{"me@host", "mnt", "-o", "idle=soon", "-s"}, NULL},
	    {{"me@host", "mnt", "-x"},
		"it is mount.pop3fs SOURCE DIRECTORY [-sfnv] [-N NAMESPACE] [-o OPTIONS]"},
	    {{"me@host", "mnt", "-o"},
		"it is mount.pop3fs SOURCE DIRECTORY [-sfnv] [-N NAMESPACE] [-o OPTIONS]"},
	    {{"me@host", "mnt", "-o", "password=x"}, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mounthelper h;
		struct arguments a;
		struct options o;
		struct failure why;

		assert_int_equal(parse(&h, &a, &o, cases[i].words, &why), E_USAGE);
		if (cases[i].why)
			assert_string_equal(why.words, cases[i].why);
		options_finish(&o);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_known_by_its_name),
	    cmocka_unit_test(flags_and_words_stand_in_any_order),
	    cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("mounthelper", tests, NULL, NULL);
}
