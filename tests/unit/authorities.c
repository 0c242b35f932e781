#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "authorities.h"
#include "buf.h"

static char place[] = "/tmp/pop3fs-authorities-XXXXXX";

static char *in(const char *name)
{
	return xasprintf("%s/%s", place, name);
}

static void note(void *with, const char *path)
{
	size_t len = strlen(place);

	buf_printf(with, "%s ", strncmp(path, place, len) == 0 ? path + len : "another");
}

/* A directory as c_rehash makes it, whose certificates are elsewhere. */
static int make_place(void **state)
{
	static const char *const links[][2] = {
	    {"ca.pem", "certs/there.pem"},
	    {"there.pem", "certs/0.0"}, /* a neighbour, who has a turn */
	    {"nowhere", "certs/1.0"},
	    {".hidden.pem", "certs/2.0"}, /* a neighbour who has none */
	    {"../ca.pem", "certs/.hidden.pem"},
	    {"../certs/own.pem", "certs/3.0"},
	};

	if (!mkdtemp(place))
		return 1;
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(freep) char *directory = in(i == 0 ? "certs" : "more");

		if (mkdir(directory, 0700) != 0)
			return 1;
	}
	for (size_t i = 0; i < 2; i++) {
		CLEANUP(freep) char *file = in(i == 0 ? "ca.pem" : "certs/own.pem");
		CLEANUP(closep) int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			return 1;
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		CLEANUP(freep) char *target = i == 0 ? in(links[i][0]) : xstrdup(links[i][0]);
		CLEANUP(freep) char *link = in(links[i][1]);

		if (symlink(target, link) != 0)
			return 1;
	}
	return 0;
}

static int take_place_away(void **state)
{
	CLEANUP(freep) char *command = xasprintf("rm -r %s", place);

	return system(command);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A directory is read in no order. */
static void check_sorted(const char *said, const char *want)
{
	CLEANUP(freep) char *text = xstrdup(said);
	CLEANUP(buf_finish) struct buf sorted = {.len = 0};
	char *words[8], *rest = NULL;
	size_t count = 0;

	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		assert_true(count < sizeof(words) / sizeof(words[0]));
		words[count++] = w;
	}
	qsort(words, count, sizeof(words[0]), compare);
	for (size_t i = 0; i < count; i++)
		buf_printf(&sorted, "%s ", words[i]);
	assert_string_equal(buf_text(&sorted), want);
}

static void directories_and_what_their_links_lead_to(void **state)
{
	static const struct {
		const char *ca, *want;
	} cases[] = {
	    {"certs", "/ca.pem /ca.pem /certs /certs/own.pem "},
	    {"more", "/more "},
	    {"ca.pem", ""}, /* a file is read once */
	    {"nowhere", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(buf_finish) struct buf said = {.len = 0};
		CLEANUP(freep) char *ca = in(cases[i].ca);

		authorities_each(ca, note, &said);
		check_sorted(buf_text(&said), cases[i].want);
	}
}

static void the_systems_may_be_several(void **state)
{
	CLEANUP(buf_finish) struct buf said = {.len = 0};
	CLEANUP(freep) char *list = xasprintf("%s/more:%s/nowhere:%s/more", place, place, place);

	setenv("SSL_CERT_DIR", list, 1);
	authorities_each(NULL, note, &said);
	assert_string_equal(buf_text(&said), "/more /more ");
	unsetenv("SSL_CERT_DIR");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(directories_and_what_their_links_lead_to),
	    cmocka_unit_test(the_systems_may_be_several),
	};

	return cmocka_run_group_tests_name("authorities", tests, make_place, take_place_away);
}
