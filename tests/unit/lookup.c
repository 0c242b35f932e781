#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lookup.h"

static void wait_for(int fd, struct addresses *found)
{
	while (!lookup_take(fd, found))
		poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1);
	close(fd);
}

static uint16_t port_of(const struct address *a)
{
	return ntohs(
	    ((const struct sockaddr_in *)&a->to)->sin_port); /* in6's is in the same place */
}

static void an_address_is_no_name(void **state)
{
	static const struct {
		const char *host;
		bool literal;
		int family;
	} cases[] = {
	    {"127.0.0.1", true, AF_INET},
	    {"::1", true, AF_INET6},
	    {"localhost", false, 0},
	    {"", false, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addresses found;

		assert_int_equal(lookup_literal(&found, cases[i].host, "110"), cases[i].literal);
		if (!cases[i].literal)
			continue;
		assert_int_equal(found.code, 0);
		assert_int_equal(found.count, 1);
		assert_int_equal(found.each[0].to.ss_family, cases[i].family);
		assert_int_equal(port_of(&found.each[0]), 110);
	}
}

static void a_thread_answers(void **state)
{
	struct addresses found;
	int fd;

	assert_int_equal(lookup_begin(&fd, "localhost", "995", NULL, NULL), OK);
	wait_for(fd, &found);
	assert_int_equal(found.code, 0);
	assert_true(found.count > 0);
	assert_int_equal(port_of(&found.each[0]), 995);
}

/* As whoever is asked in its place may do. */
static bool answers(void *with, int fd)
{
	lookup_answer(fd, "127.0.0.1", "143");
	return true;
}

static bool refuses(void *with, int fd)
{
	lookup_refuse(fd, ENOMEM);
	return true;
}

static bool dies(void *with, int fd)
{
	return true;
}

static void another_can_be_asked(void **state)
{
	static const struct {
		bool (*ask)(void *with, int fd);
		int code, number;
		size_t count;
	} cases[] = {
	    {answers, 0, 0, 1},
	    {refuses, EAI_SYSTEM, ENOMEM, 0},
	    {dies, EAI_AGAIN, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lookup_asker asker = {cases[i].ask, NULL};
		struct addresses found;
		int fd;

		assert_int_equal(lookup_begin(&fd, "ignored", "1", &asker, NULL), OK);
		wait_for(fd, &found);
		assert_int_equal(found.code, cases[i].code);
		assert_int_equal(found.count, cases[i].count);
		if (cases[i].number)
			assert_int_equal(found.number, cases[i].number);
	}
}

static bool cannot_be_asked(void *with, int fd)
{
	errno = EPIPE;
	return false;
}

static void who_cannot_be_asked_is_a_failure(void **state)
{
	struct lookup_asker asker = {cannot_be_asked, NULL};
	struct failure why;
	int fd = -2;

	assert_int_equal(lookup_begin(&fd, "pop.test", "1", &asker, &why), E_SYSTEM);
	assert_string_equal(why.words, "cannot look up pop.test: Broken pipe");
	assert_int_equal(fd, -2);
}

/* Each as far as it has come; a thread finds nobody there, and that is all. */
static void a_lookup_may_be_given_up(void **state)
{
	int fd;

	assert_int_equal(lookup_begin(&fd, "localhost", "995", NULL, NULL), OK);
	close(fd);
	assert_int_equal(
	    lookup_begin(&fd, "ignored", "1", &(struct lookup_asker){answers, NULL}, NULL), OK);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_is_no_name),
	    cmocka_unit_test(a_thread_answers),
	    cmocka_unit_test(another_can_be_asked),
	    cmocka_unit_test(who_cannot_be_asked_is_a_failure),
	    cmocka_unit_test(a_lookup_may_be_given_up),
	};

	return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
