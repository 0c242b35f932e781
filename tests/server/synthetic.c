#include "synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alloc.h"

#define MOST_MESSAGES    9999999 /* seven digits in a name */
#define SMALLEST_MESSAGE 512     /* room for the header */
#define LARGEST_MESSAGE  ((uint64_t)1 << 32)
#define LINE             ((size_t)78) /* 76 octets and CRLF */
#define PATTERN_LINES    ((size_t)3328)
#define FIRST_DATE       1546300800 /* 2019-01-01 */
#define DATE_STEP        977        /* seconds between messages */
#define DATE_SPAN        220000000  /* about seven years, then from the start again */

/* The finalizer of splitmix64: neighbours in, strangers out. */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

/* Words of letters, so that a client's text search has something to look at. */
static char *make_pattern(void)
{
	static const char letters[] = "etaoinshrdlucmfw";
	char *pattern = xmalloc(PATTERN_LINES * LINE);

	for (size_t i = 0; i < PATTERN_LINES * LINE; i++) {
		size_t column = i % LINE;
		uint64_t dice = mix(i);

		if (column >= LINE - 2)
			pattern[i] = column == LINE - 2 ? '\r' : '\n';
		else if (column > 0 && dice % 6 == 0)
			pattern[i] = ' ';
		else
			pattern[i] = letters[(dice >> 8) % (sizeof(letters) - 1)];
	}
	return pattern;
}

enum error synthetic_init(struct synthetic *s, const char *words, struct failure *why)
{
	struct slice rest = slice_of(words);
	struct slice count = slice_token(&rest, ":"), smallest = slice_token(&rest, ":-"),
		     largest = slice_token(&rest, "");
	uint64_t messages;

	if (largest.len == 0)
		largest = smallest;
	if (!slice_number(count, MOST_MESSAGES, &messages) ||
	    !slice_number(smallest, LARGEST_MESSAGE, &s->smallest) ||
	    !slice_number(slice_token(&largest, "-"), LARGEST_MESSAGE, &s->largest))
		return failed(why, E_USAGE, "not COUNT:SIZE or COUNT:MIN-MAX: %s", words);
	if (s->smallest < SMALLEST_MESSAGE || s->smallest > s->largest)
		return failed(why, E_USAGE, "no message is smaller than %d octets: %s",
		    SMALLEST_MESSAGE, words);
	s->count = (uint32_t)messages;
	s->pattern = make_pattern();
	return OK;
}

void synthetic_finish(struct synthetic *s)
{
	free(s->pattern);
}

uint64_t synthetic_octets(const struct synthetic *s, uint32_t number)
{
	return s->smallest + mix(number) % (s->largest - s->smallest + 1);
}

uint64_t synthetic_hash(uint32_t number)
{
	return mix((uint64_t)number << 32);
}

void synthetic_name(uint32_t number, char name[SYNTHETIC_NAME])
{
	name[0] = 'm';
	for (size_t i = SYNTHETIC_NAME - 2; i > 0; i--) {
		name[i] = (char)('0' + number % 10);
		number /= 10;
	}
	name[SYNTHETIC_NAME - 1] = '\0';
}

static size_t make_header(uint32_t number, char *to, size_t room)
{
	time_t seconds = FIRST_DATE + (time_t)number * DATE_STEP % DATE_SPAN;
	char name[SYNTHETIC_NAME], date[40];
	struct tm when;

	synthetic_name(number, name);
	gmtime_r(&seconds, &when);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &when);
	return (size_t)snprintf(to, room,
	    "Received: from mx.example.org ([192.0.2.7])\r\n\tby mail.example.com with ESMTPS id "
	    "%s; %s\r\nDate: %s\r\nFrom: Sender %u <sender%u@example.org>\r\n"
	    "To: Reader <reader@example.com>\r\nSubject: Synthetic message %u\r\n"
	    "Message-ID: <%s@example.org>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
	    name, date, date, number % 97, number % 97, number, name);
}

/* Lends `octets` of the pattern (whole lines), beginning at a line that depends on the number. */
static void lend_lines(const struct synthetic *s, uint32_t number, uint64_t octets, struct out *o)
{
	size_t at = mix(number) % PATTERN_LINES * LINE;

	while (octets > 0) {
		size_t len = PATTERN_LINES * LINE - at;

		if (len > octets)
			len = octets;
		out_lend(o, s->pattern + at, len);
		octets -= len;
		at = 0;
	}
}

void synthetic_send(const struct synthetic *s, uint32_t number, uint64_t lines, struct out *o)
{
	char header[SMALLEST_MESSAGE];
	size_t header_len = make_header(number, header, sizeof(header));
	uint64_t body = synthetic_octets(s, number) - header_len;
	uint64_t whole = (body - 2) / LINE, rest = (body - 2) % LINE;

	out_copy(o, header, header_len);
	if (lines <= whole) {
		lend_lines(s, number, lines * LINE, o);
		return;
	}
	lend_lines(s, number, whole * LINE, o);
	out_copy(o, "x", rest > LINE - 2 ? 1 : 0);
	out_copy(o, s->pattern, rest > LINE - 2 ? LINE - 2 : rest);
	out_copy(o, "\r\n", 2);
}
