/* drain: the limit. Logs in, lists, asks for everything at once, and takes it as fast as it comes.
 *
 *     drain [--tls --ca FILE] [--store FILE] [--list | --delete] HOST:PORT USER PASSWORD
 *
 * Without --store nothing is kept (limit 1); with it all goes into one database as pop3fs makes it
 * (limit 2: sink.h). --list ends behind the listing; --delete deletes everything instead of reading
 * it. Prints seconds, messages, octets and the processor's seconds.
 *
 * It needs 3 round trips (4 with TLS) until it may list: connecting, greeting, USER and PASS in one
 * packet. Nobody needs fewer who keeps to RFC 2449, 6.8, and knows from before that PIPELINING is
 * there. */
#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "alloc.h"
#include "buf.h"
#include "clock.h"
#include "dial.h"
#include "link.h"
#include "log.h"
#include "reply.h"
#include "sink.h"
#include "tls.h"
#include "wire.h"

#define ROOM         ((size_t)512 << 10) /* octets read at once */
#define LONGEST_LINE 65536

struct message {
	uint64_t octets; /* as listed */
	size_t uidl, uidl_len;
};

struct drain {
	struct link *link;
	struct buf out; /* commands not yet sent */
	char *in;
	struct wire wire; /* what of it is not yet taken */
	struct message *messages;
	size_t count, room;
	struct buf uidls;
	struct sink *sink; /* NULL: nothing is kept */
	uint64_t octets;
};

static void give_up(const char *words)
{
	log_error("drain: %s", words);
	exit(EXIT_FAILURE);
}

static void must(enum error e, const struct failure *why)
{
	if (e)
		give_up(why->words);
}

/* ---- the line: whoever waits for octets sends what there is to send ---- */

static void write_some(struct drain *d)
{
	struct failure why;
	size_t n;

	while (d->out.len > 0) {
		switch (link_write(d->link, buf_at(&d->out), d->out.len, &n, &why)) {
		case LINK_DONE:
			buf_take(&d->out, n);
			break;
		case LINK_WAIT:
			return;
		default:
			give_up(why.words);
		}
	}
}

static void wait_for_line(struct drain *d, bool write)
{
	struct pollfd p = {.fd = link_fd(d->link), .events = link_events(d->link, true, write)};

	if (!link_pending(d->link))
		poll(&p, 1, -1);
}

/* Brings at least one more octet behind those not yet taken. */
static void receive(struct drain *d)
{
	size_t held = (size_t)(d->wire.end - d->wire.at), n = 0;
	struct failure why;

	memmove(d->in, d->wire.at, held);
	while (n == 0) {
		write_some(d);
		switch (link_read(d->link, d->in + held, ROOM - held, &n, &why)) {
		case LINK_DONE:
			break;
		case LINK_WAIT:
			wait_for_line(d, d->out.len > 0);
			break;
		case LINK_END:
			give_up("the server closed the connection");
			break;
		default:
			give_up(why.words);
		}
	}
	d->wire.at = d->in;
	d->wire.end = d->in + held + n;
}

static struct slice next_line(struct drain *d)
{
	struct slice line;
	enum wire_result result;

	while ((result = wire_line(&d->wire, LONGEST_LINE, &line)) == WIRE_MORE)
		receive(d);
	if (result != WIRE_LINE)
		give_up("the server sends too long a line");
	return line;
}

static void expect_ok(struct drain *d)
{
	struct slice line = next_line(d);

	if (reply_status(line).sign != REPLY_OK) {
		log_error("drain: the server says %.*s", SLICE_ARGS(line));
		exit(EXIT_FAILURE);
	}
}

/* ---- the steps ---- */

static void connect_to(struct drain *d, const char *host, const char *port)
{
	struct dial *dial = dial_create(host, port, NULL, NULL);
	struct pollfd fds[DIAL_MOST_FDS];
	struct failure why;
	enum dial_result result;
	int fd;

	while ((result = dial_step(dial, &fd, &why)) == DIAL_MORE) {
		int64_t wake;
		size_t n = dial_poll(dial, fds, &wake);

		poll(fds, n, clock_left(wake));
	}
	if (result == DIAL_FAILED)
		give_up(why.words);
	dial_free(dial);
	d->link = link_create(fd);
}

static void shake_hands(struct drain *d, struct tls *t, const char *host)
{
	enum link_result result;
	struct failure why;

	must(link_start_tls(d->link, t, host, &why), &why);
	while ((result = link_handshake(d->link, &why)) == LINK_WAIT)
		wait_for_line(d, true);
	if (result != LINK_DONE)
		give_up(why.words);
}

static void log_in(struct drain *d, const char *user, const char *password)
{
	expect_ok(d);
	buf_printf(&d->out, "USER %s\r\nPASS %s\r\n", user, password);
	expect_ok(d);
	expect_ok(d);
}

static struct message *message_at(struct drain *d, uint32_t number)
{
	while (d->count < number) {
		if (d->count == d->room) {
			d->room = d->room ? 2 * d->room : 1024;
			d->messages = xreallocarray(d->messages, d->room, sizeof(*d->messages));
		}
		d->messages[d->count++] = (struct message){0};
	}
	return &d->messages[number - 1];
}

static void read_uidls(struct drain *d)
{
	struct slice line, uidl;
	uint32_t number;

	expect_ok(d);
	while (!slice_is(line = next_line(d), ".")) {
		struct message *m;

		if (!reply_uidl(line, &number, &uidl) || number > d->count + 1)
			give_up("a bad line in the answer to UIDL");
		m = message_at(d, number);
		m->uidl = d->uidls.len;
		m->uidl_len = uidl.len;
		buf_add_slice(&d->uidls, uidl);
	}
}

static void read_sizes(struct drain *d)
{
	struct slice line;
	uint32_t number;
	uint64_t octets;

	expect_ok(d);
	while (!slice_is(line = next_line(d), ".")) {
		if (!reply_list(line, &number, &octets) || number > d->count)
			give_up("a bad line in the answer to LIST");
		message_at(d, number)->octets = octets;
	}
}

static struct slice uidl_of(const struct drain *d, const struct message *m)
{
	return slice_make(buf_at(&d->uidls) + m->uidl, m->uidl_len);
}

static void list(struct drain *d)
{
	buf_add_text(&d->out, "UIDL\r\nLIST\r\n");
	read_uidls(d);
	read_sizes(d);
}

static void store_listing(struct drain *d)
{
	for (uint32_t i = 0; i < d->count; i++)
		sink_listed(d->sink, i + 1, uidl_of(d, &d->messages[i]), d->messages[i].octets);
}

static void ask_for_each(struct drain *d, const char *verb)
{
	for (size_t i = 1; i <= d->count; i++)
		buf_printf(&d->out, "%s %zu\r\n", verb, i);
}

static void read_body(struct drain *d)
{
	enum wire_result result;
	struct slice text;

	wire_body_start(&d->wire);
	while ((result = wire_body(&d->wire, &text)) != WIRE_END) {
		if (result == WIRE_MORE) {
			receive(d);
			continue;
		}
		d->octets += text.len;
		if (d->sink)
			sink_text(d->sink, text);
	}
}

static void read_all(struct drain *d)
{
	ask_for_each(d, "RETR");
	buf_add_text(&d->out, "QUIT\r\n");
	for (uint32_t i = 0; i < d->count; i++) {
		const struct message *m = &d->messages[i];

		expect_ok(d);
		if (d->sink)
			sink_message(d->sink, i + 1, uidl_of(d, m), m->octets);
		read_body(d);
		if (d->sink)
			sink_message_end(d->sink);
	}
}

static void delete_all(struct drain *d)
{
	ask_for_each(d, "DELE");
	buf_add_text(&d->out, "QUIT\r\n");
	for (size_t i = 0; i < d->count; i++)
		expect_ok(d);
}

static void finish(struct drain *d, struct tls *t)
{
	struct failure why;

	if (d->sink)
		must(sink_close(d->sink, &why), &why);
	link_free(d->link);
	tls_free(t);
	buf_finish(&d->out);
	buf_finish(&d->uidls);
	free(d->messages);
	free(d->in);
}

static double processor_seconds(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* ---- the command line ---- */

enum work { WORK_READ, WORK_LIST, WORK_DELETE };

struct wish {
	enum work work;
	bool tls;
	const char *ca, *store, *user, *password;
	char *host, *port;
};

static bool read_wish(struct wish *w, int argc, char **argv)
{
	static const struct option options[] = {{"tls", no_argument, NULL, 't'},
	    {"ca", required_argument, NULL, 'c'}, {"store", required_argument, NULL, 's'},
	    {"list", no_argument, NULL, 'l'}, {"delete", no_argument, NULL, 'd'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 't':
			w->tls = true;
			break;
		case 'c':
			w->ca = optarg;
			break;
		case 's':
			w->store = optarg;
			break;
		case 'l':
			w->work = WORK_LIST;
			break;
		case 'd':
			w->work = WORK_DELETE;
			break;
		default:
			return false;
		}
	}
	if (argc - optind != 3 || !(w->port = strrchr(argv[optind], ':')))
		return false;
	w->host = argv[optind];
	*w->port++ = '\0';
	w->user = argv[optind + 1];
	w->password = argv[optind + 2];
	return true;
}

static void run(struct drain *d, const struct wish *w)
{
	struct tls *t = NULL;
	struct failure why;

	if (w->tls)
		must(tls_create(&t, &(struct tls_plan){.ca = w->ca}, &why), &why);
	if (w->store)
		must(sink_open(&d->sink, w->store, &why), &why);
	connect_to(d, w->host, w->port);
	if (w->tls)
		shake_hands(d, t, w->host);
	log_in(d, w->user, w->password);
	list(d);
	if (w->work == WORK_READ)
		read_all(d);
	else if (w->work == WORK_DELETE)
		delete_all(d);
	else
		buf_add_text(&d->out, "QUIT\r\n");
	if (w->work == WORK_LIST && d->sink)
		store_listing(d);
	expect_ok(d); /* to QUIT */
	finish(d, t);
}

int main(int argc, char **argv)
{
	struct drain d = {.in = xmalloc(ROOM)};
	struct wish w = {0};
	int64_t begun = clock_ms();

	if (!read_wish(&w, argc, argv)) {
		log_error("usage: drain [--tls --ca FILE] [--store FILE] [--list | --delete] "
			  "HOST:PORT USER PASSWORD");
		return EXIT_FAILURE;
	}
	d.wire.at = d.wire.end = d.in;
	run(&d, &w);
	printf("%.3f s, %zu messages, %llu octets, %.3f s of the processor\n",
	    (double)(clock_ms() - begun) / 1000, d.count, (unsigned long long)d.octets,
	    processor_seconds());
	return EXIT_SUCCESS;
}
