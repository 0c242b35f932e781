#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"
#include "service.h"

/* A socket that is bound to `name`, as $NOTIFY_SOCKET writes it. */
static int listen_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(at.sun_path, name, strlen(name));
	if (*name == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void check_heard(int fd, const char *words)
{
	char heard[256];
	ssize_t len = recv(fd, heard, sizeof(heard) - 1, 0);

	assert_true(len > 0);
	heard[len] = '\0';
	assert_string_equal(heard, words);
}

static void check_at(const char *name)
{
	CLEANUP(closep) int fd = listen_at(name);
	CLEANUP(freep)
	char *ready = xasprintf("READY=1\nMAINPID=%d\nSTATUS=mounted", getpid());

	service_ready();
	check_heard(fd, ready);
	service_stopping(65000);
	check_heard(fd, "STOPPING=1\nSTATUS=deleting on the server\nEXTEND_TIMEOUT_USEC=65000000");
}

static void a_service_says_how_far_it_is(void **state)
{
	char top[] = "/tmp/pop3fs-service-XXXXXX";
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *abstract = xasprintf("@pop3fs-service-%d", getpid());

	assert_non_null(mkdtemp(top));
	path = xasprintf("%s/notify", top);
	check_at(path);
	check_at(abstract);
	unlink(path);
	rmdir(top);
}

static void where_nobody_listens_nothing_is_said(void **state)
{
	char longest[300];
	const char *const names[] = {"", "@", "/", "relative", "/nowhere/at/all", longest};

	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		service_ready();
	}
	unsetenv("NOTIFY_SOCKET");
	service_ready();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_service_says_how_far_it_is),
	    cmocka_unit_test(where_nobody_listens_nothing_is_said),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
