#include "dialogue.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "alloc.h"

void client_freep(struct client **c)
{
	client_free(*c);
}

struct client *dialogue_begin(void)
{
	struct client *c = client_create();

	dialogue_server_says(c, slice_of("+OK"));
	return c;
}

void dialogue_client_says(struct client *c, struct slice line)
{
	CLEANUP(freep) char *want = xasprintf("%.*s\r\n", SLICE_ARGS(line));
	CLEANUP(freep) char *got = xstrndup(client_output(c).at, client_output(c).len);

	assert_string_equal(got, want);
	client_sent(c, client_output(c).len);
}

struct reply_status dialogue_server_says(struct client *c, struct slice line)
{
	struct failure why = {0};
	struct answer answer;
	size_t room;
	char *to = client_room(c, &room);

	memcpy(to, line.at, line.len);
	memcpy(to + line.len, "\r\n", 2);
	client_received(c, line.len + 2);
	assert_int_equal(client_next(c, &answer, &why), CLIENT_ANSWER);
	return answer.status;
}
