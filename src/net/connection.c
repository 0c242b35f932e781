#include "connection.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"

struct connection {
	struct connection_plan plan;
	struct dial *dial;
	struct link *link; /* NULL: dialling */
};

struct connection *connection_create(const struct connection_plan *plan)
{
	struct connection *c = xnew(struct connection);

	c->plan = *plan;
	c->dial = dial_create(plan->host, plan->port, plan->proxy, plan->lookup);
	return c;
}

void connection_free(struct connection *c)
{
	if (!c)
		return;
	dial_free(c->dial);
	link_free(c->link);
	free(c);
}

size_t connection_poll(const struct connection *c, struct pollfd fds[CONNECTION_MOST_FDS],
    bool want_read, bool want_write, int64_t *wake)
{
	if (!c->link)
		return dial_poll(c->dial, fds, wake);
	*wake = want_read && link_pending(c->link) ? 0 : CLOCK_NEVER;
	fds[0] = (struct pollfd){
	    .fd = link_fd(c->link),
	    .events = link_events(c->link, want_read, want_write),
	};
	return 1;
}

enum error connection_start_tls(struct connection *c, struct failure *why)
{
	return link_start_tls(c->link, c->plan.tls, c->plan.host, why);
}

static enum connection_result dial(struct connection *c, struct failure *why)
{
	int fd;

	switch (dial_step(c->dial, &fd, why)) {
	case DIAL_MORE:
		return CONNECTION_WAIT;
	case DIAL_FAILED:
		return CONNECTION_BROKEN;
	case DIAL_DONE:
		break;
	}
	c->link = link_create(fd);
	if (!c->plan.tls_at_once)
		return CONNECTION_OPEN;
	return connection_start_tls(c, why) ? CONNECTION_BROKEN : CONNECTION_DIALED;
}

enum connection_result connection_step(struct connection *c, struct failure *why)
{
	if (!c->link)
		return dial(c, why);
	switch (link_handshake(c->link, why)) {
	case LINK_WAIT:
		return CONNECTION_WAIT;
	case LINK_END: /* to a handshake that is a broken line */
	case LINK_BROKEN:
		return link_may_do_better(c->link) ? CONNECTION_STALE : CONNECTION_BROKEN;
	case LINK_DONE:
		break;
	}
	return CONNECTION_OPEN;
}

struct link *connection_link(const struct connection *c)
{
	return c->link;
}
