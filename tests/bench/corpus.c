/* corpus COUNT DIR: makes COUNT messages in DIR whose sizes are those of a mailbox that somebody
 * has kept: many small ones, a tail of large ones. A thousand are corpus S: 66 MB, median 8 KB, the
 * largest 14 MB. The same COUNT gives the same octets on every machine. Files have CRLFs, for
 * `pop3-server --raw`, and some lines begin with a dot.
 *
 * The other corpora are made up by the server itself (--synthetic). */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "buf.h"
#include "log.h"

#define MOST_MESSAGES 1000000
#define LINE          76 /* octets without CRLF, as base64 in mail */
#define DOTTED        40 /* one line in so many begins with a dot */

/* So many per mille of the messages have at most so many octets; between two rows, straight on. */
static const struct {
	uint64_t per_mille, octets;
} sizes[] = {
    {0, 900},
    {100, 1800},
    {250, 3600},
    {500, 8192},
    {650, 14000},
    {750, 22000},
    {850, 42000},
    {900, 65000},
    {950, 160000},
    {970, 300000},
    {990, 900000},
    {995, 1500000},
    {998, 3500000},
    {999, 5500000},
    {1000, 22500000},
};

/* splitmix64: the next number of a row that begins at *state. */
static uint64_t dice(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

/* The size of the message that is `rank`-th in order of size: the middle of its share. */
static uint64_t size_of(uint64_t rank, uint64_t count)
{
	uint64_t at = (2 * rank + 1) * 1000, unit = 2 * count; /* per mille, in units */
	size_t row = 1;

	while (at > sizes[row].per_mille * unit)
		row++;
	return sizes[row - 1].octets +
	       (sizes[row].octets - sizes[row - 1].octets) *
		   (at - sizes[row - 1].per_mille * unit) /
		   ((sizes[row].per_mille - sizes[row - 1].per_mille) * unit);
}

/* The ranks in an order that has nothing to do with size. */
static uint32_t *shuffled(uint32_t count)
{
	uint32_t *ranks = xreallocarray(NULL, count, sizeof(*ranks));
	uint64_t state = count;

	for (uint32_t i = 0; i < count; i++)
		ranks[i] = i;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = (uint32_t)(dice(&state) % i), rank = ranks[i - 1];

		ranks[i - 1] = ranks[other];
		ranks[other] = rank;
	}
	return ranks;
}

static void add_header(struct buf *to, uint32_t number)
{
	buf_printf(to,
	    "Received: from mx.example.org ([192.0.2.7])\r\n"
	    "\tby mail.example.com with ESMTPS id %08u; Mon, 05 Jan 2026 %02u:%02u:%02u +0000\r\n"
	    "Date: Mon, 05 Jan 2026 %02u:%02u:%02u +0000\r\n"
	    "From: Sender %u <sender%u@example.org>\r\n"
	    "To: Reader <reader@example.com>\r\nSubject: Message %u of the corpus\r\n"
	    "Message-ID: <%08u@corpus.example.org>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
	    number, number / 3600 % 24, number / 60 % 60, number % 60, number / 3600 % 24,
	    number / 60 % 60, number % 60, number % 97, number % 97, number, number);
}

static void add_line(struct buf *to, uint64_t *state, size_t len)
{
	static const char letters[] =
	    "etaoinshrdlucmfwypvbgkjqxz ETAOINSHRDLU 0123456789 etaoinshrdlu,";
	char *line = buf_room(to, len + 2);
	uint64_t bits = 0;

	for (size_t i = 0; i < len; i++, bits >>= 6) {
		if (i % 10 == 0)
			bits = dice(state);
		line[i] = letters[bits & 63];
	}
	if (len > 0 && dice(state) % DOTTED == 0)
		line[0] = '.';
	line[len] = '\r';
	line[len + 1] = '\n';
	buf_added(to, len + 2);
}

/* A message of just so many octets, or of its header's if that is longer. */
static void make(struct buf *to, uint32_t number, uint64_t octets)
{
	uint64_t state = number;

	add_header(to, number);
	while (to->len + 2 <= octets) {
		size_t len = octets - to->len - 2;

		/* what is left must not be a line's single octet */
		if (len > LINE)
			len = len == LINE + 1 ? LINE - 1 : LINE;
		add_line(to, &state, len);
	}
}

static bool write_file(int dir, uint32_t number, struct slice octets)
{
	CLEANUP(freep) char *name = xasprintf("%06u.eml", number);
	CLEANUP(closep) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd >= 0 && write(fd, octets.at, octets.len) == (ssize_t)octets.len;
}

static bool write_all(int dir, uint32_t count)
{
	CLEANUP(freep) uint32_t *ranks = shuffled(count);
	CLEANUP(buf_finish) struct buf message = {0};

	for (uint32_t i = 0; i < count; i++) {
		buf_clear(&message);
		make(&message, i, size_of(ranks[i], count));
		if (!write_file(dir, i, buf_slice(&message)))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	CLEANUP(closep) int dir = -1;
	uint64_t count;

	if (argc != 3 || !slice_number(slice_of(argv[1]), MOST_MESSAGES, &count) || count == 0) {
		log_error("usage: corpus COUNT DIR");
		return EXIT_FAILURE;
	}
	if (mkdir(argv[2], 0755) == 0 || errno == EEXIST)
		dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !write_all(dir, (uint32_t)count)) {
		log_error("cannot write to %s: %s", argv[2], strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
