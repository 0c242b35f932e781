#include "service.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alloc.h"

#define LONGEST_WORDS 128
#define US_IN_MS      1000

/* "/path", or "@name" for a socket that is in no directory (unix(7)). */
static void say(const char *words)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	CLEANUP(closep) int fd = -1;
	size_t len = name ? strlen(name) : 0;

	if (len < 2 || len >= sizeof(to.sun_path) || (*name != '/' && *name != '@'))
		return;
	memcpy(to.sun_path, name, len);
	if (*name == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT,
		    (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

bool service_is(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	return name && *name;
}

void service_ready(void)
{
	char words[LONGEST_WORDS];

	snprintf(words, sizeof(words), "READY=1\nMAINPID=%jd\nSTATUS=mounted", (intmax_t)getpid());
	say(words);
}

void service_stopping(int64_t ms)
{
	char words[LONGEST_WORDS];

	snprintf(words, sizeof(words),
	    "STOPPING=1\nSTATUS=deleting on the server\nEXTEND_TIMEOUT_USEC=%" PRId64,
	    ms * US_IN_MS);
	say(words);
}
