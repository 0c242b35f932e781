/* delay: a line with a delay and, if wanted, a rate, between whoever connects and a server.
 *
 *     delay --listen 127.0.0.1:0 --to 127.0.0.1:1110 --rtt 80 [--rate 100000000]
 *
 * Prints "listening PORT" and serves until it is killed. Octets arrive half a round trip after they
 * were sent. The line is full duplex; with a rate (bits of payload a second) all connections share
 * it, and a queue of one round trip stands before it, as in a router. As on a real line a
 * connection costs a round trip before the client's first octets go out: here the client's own
 * connect is over at once, so the server's is made one and a half round trips later. What TCP
 * itself would add (a window that opens slowly, losses) is not there. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "lane.h"
#include "log.h"

#define MOST_CONNECTIONS  1000
#define MOST_RTT_MS       60000
#define MOST_RATE         (UINT64_C(1) << 40) /* bits a second */
#define SHORTEST_QUEUE_MS 10                  /* before a line with a rate */
#define MS                INT64_C(1000000)

struct connection {
	int client, server;
	int64_t connect_at; /* until then there is no server */
	struct lane up, down;
	short client_ready, server_ready;
};

static struct connection *connections[MOST_CONNECTIONS];
static size_t count;
static struct road up, down;
static struct addrinfo *server;

/* HOST:PORT, HOST an address (IPv6 in brackets). */
static struct addrinfo *address(const char *text)
{
	static const struct addrinfo hints = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	CLEANUP(freep) char *copy = xstrdup(text[0] == '[' ? text + 1 : text);
	char *colon = strrchr(copy, ':');
	struct addrinfo *found = NULL;

	if (colon) {
		*colon = '\0';
		if (text[0] == '[' && colon > copy && colon[-1] == ']')
			colon[-1] = '\0';
	}
	if (!colon || getaddrinfo(copy, colon + 1, &hints, &found) != 0) {
		log_error("not ADDRESS:PORT: %s", text);
		exit(EXIT_FAILURE);
	}
	return found;
}

static void no_delay(int fd)
{
	static const int yes = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
}

static int open_listener(const struct addrinfo *at)
{
	static const int yes = 1;
	struct sockaddr_in6 bound;
	socklen_t len = sizeof(bound);
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
		log_error("cannot listen: %s", strerror(errno));
		exit(EXIT_FAILURE);
	}
	printf("listening %u\n", ntohs(bound.sin6_port)); /* sin_port stands in the same place */
	fflush(stdout);
	return fd;
}

static void accept_all(int listener, int64_t now)
{
	int fd;

	while (count < MOST_CONNECTIONS &&
	       (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = xnew(struct connection);

		no_delay(fd);
		c->client = fd;
		c->server = -1;
		c->connect_at = now + 3 * up.delay;
		lane_init(&c->up, &up);
		lane_init(&c->down, &down);
		connections[count++] = c;
	}
}

static void close_connection(size_t index)
{
	struct connection *c = connections[index];

	lane_finish(&c->up);
	lane_finish(&c->down);
	closep(&c->client);
	closep(&c->server);
	free(c);
	connections[index] = connections[--count];
}

/* The last step of the handshake has reached the server. */
static bool connect_server(struct connection *c)
{
	c->server = socket(server->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	c->server_ready = 0;
	if (c->server < 0)
		return false;
	no_delay(c->server);
	return connect(c->server, server->ai_addr, server->ai_addrlen) == 0 || errno == EINPROGRESS;
}

/* Moves what can be moved. false: the connection is over. */
static bool serve(struct connection *c, int64_t now)
{
	bool to_server =
	    c->server >= 0 && (!c->up.blocked || c->server_ready & (POLLOUT | POLLERR));
	bool to_client = !c->down.blocked || c->client_ready & (POLLOUT | POLLERR);

	if (c->client_ready & (POLLIN | POLLHUP | POLLERR) && !lane_take(&c->up, c->client, now))
		return false;
	if (c->server_ready & (POLLIN | POLLHUP | POLLERR) && !lane_take(&c->down, c->server, now))
		return false;
	if (c->server < 0 && c->connect_at <= now) {
		if (!connect_server(c))
			return false;
		c->up.blocked = true; /* POLLOUT says that it is connected */
		return true;
	}
	if ((to_server && !lane_give(&c->up, c->server, now)) ||
	    (to_client && !lane_give(&c->down, c->client, now)))
		return false;
	return !(c->up.closed && c->down.closed);
}

static struct pollfd wish(
    int fd, const struct lane *in, const struct lane *out, int64_t now, int64_t *wake)
{
	short events =
	    (short)((lane_has_room(in, now, wake) ? POLLIN : 0) | (out->blocked ? POLLOUT : 0));

	/* a socket that hung up is always ready: not to be looked at while nothing is wanted of it
	 */
	return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

static void earlier(int64_t *wake, int64_t at)
{
	if (at < *wake)
		*wake = at;
}

/* Waits until something can be moved. fds[0] is the listener's. */
static void wait_for_work(int listener, struct pollfd *fds)
{
	int64_t now = now_ns(), wake = INT64_MAX, left;
	struct timespec timeout;

	fds[0] = (struct pollfd){.fd = count < MOST_CONNECTIONS ? listener : -1, .events = POLLIN};
	for (size_t i = 0; i < count; i++) {
		struct connection *c = connections[i];

		fds[1 + 2 * i] = wish(c->client, &c->up, &c->down, now, &wake);
		fds[2 + 2 * i] = wish(c->server, &c->down, &c->up, now, &wake);
		earlier(&wake, lane_due(&c->down));
		earlier(&wake, c->server < 0 ? c->connect_at : lane_due(&c->up));
	}
	left = wake > now ? wake - now : 0;
	timeout = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
	ppoll(fds, 1 + 2 * count, wake == INT64_MAX ? NULL : &timeout, NULL);
	for (size_t i = 0; i < count; i++) {
		connections[i]->client_ready = fds[1 + 2 * i].fd < 0 ? 0 : fds[1 + 2 * i].revents;
		connections[i]->server_ready = fds[2 + 2 * i].fd < 0 ? 0 : fds[2 + 2 * i].revents;
	}
}

static void run(int listener)
{
	static struct pollfd fds[1 + 2 * MOST_CONNECTIONS];

	for (;;) {
		int64_t now;

		wait_for_work(listener, fds);
		now = now_ns();
		for (size_t i = count; i-- > 0;)
			if (!serve(connections[i], now))
				close_connection(i);
		if (fds[0].revents)
			accept_all(listener, now);
	}
}

static uint64_t number(const char *option, const char *text, uint64_t most)
{
	uint64_t value;

	if (!slice_number(slice_of(text), most, &value)) {
		log_error(
		    "--%s: not a number up to %llu: %s", option, (unsigned long long)most, text);
		exit(EXIT_FAILURE);
	}
	return value;
}

static struct road road(int64_t rtt, int64_t rate)
{
	int64_t queue = rtt > SHORTEST_QUEUE_MS ? rtt : SHORTEST_QUEUE_MS;

	return (struct road){.delay = rtt * MS / 2, .rate = rate / 8, .queue = queue * MS};
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
	    {"to", required_argument, NULL, 't'}, {"rtt", required_argument, NULL, 'd'},
	    {"rate", required_argument, NULL, 'r'}, {0}};
	struct addrinfo *at = NULL;
	int64_t rtt = 0, rate = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'l')
			at = address(optarg);
		else if (option == 't')
			server = address(optarg);
		else if (option == 'd')
			rtt = (int64_t)number("rtt", optarg, MOST_RTT_MS);
		else if (option == 'r')
			rate = (int64_t)number("rate", optarg, MOST_RATE);
		else
			return EXIT_FAILURE;
	}
	if (!at || !server || optind < argc) {
		log_error("usage: delay --listen ADDRESS:PORT --to ADDRESS:PORT [--rtt MS] "
			  "[--rate BITS_A_SECOND]");
		return EXIT_FAILURE;
	}
	prctl(PR_SET_TIMERSLACK, 1); /* the usual 50 us more would be seen at short round trips */
	up = down = road(rtt, rate);
	run(open_listener(at));
}
