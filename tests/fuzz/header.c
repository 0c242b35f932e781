/* header.h: the same header however the message is cut, and whatever is behind it. */
#include <string.h>

#include "header.h"
#include "fuzz.h"

#define NOW   1800000000 /* seconds since 1970 */
#define A_DAY 86400

static const char *const names[] = {"Subject", "Received", "Date", "X-UID", "a"};

static size_t length_in_pieces(struct slice text, size_t octets)
{
	struct header_scan scan = {.ended = false};
	struct slice piece;
	size_t length = 0;
	bool ended = false;

	while (fuzz_piece(&text, octets, &piece)) {
		size_t part = header_scan(&scan, piece);

		must(part <= piece.len);
		must(!ended || part == 0);
		ended = ended || part < piece.len;
		length += part;
	}
	return length;
}

static void lengths(struct slice text, struct slice header)
{
	must(header.len <= text.len);
	must(header_length(header) == header.len);
	for (size_t i = 0; i < FUZZ_PIECES; i++)
		must(length_in_pieces(text, fuzz_pieces[i]) == header.len);
}

/* What is behind the blank line is not looked at. */
static void fields(struct slice text, struct slice header)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct slice value = {0}, again = {0};
		bool found = header_field(text, names[i], &value);

		must(header_field(header, names[i], &again) == found);
		must(value.at == again.at && value.len == again.len);
		must(fuzz_is_within(value, header));
		must(slice_trim(value).len == value.len);
	}
}

static void dates(struct slice text, struct slice header)
{
	int64_t when = -1, again = -1;
	bool found = header_received(text, NOW, &when);

	must(header_received(header, NOW, &again) == found);
	must(when == again);
	must(found ? when >= 0 && when <= NOW + A_DAY : when == -1);
}

/* A server's notes do not count, and a header that is cut agrees with the whole one. */
static void digests(struct slice text, struct slice header)
{
	unsigned char whole[HEADER_DIGEST_OCTETS], alone[HEADER_DIGEST_OCTETS];
	bool something = header_same(header, header);

	header_digest(text, whole);
	header_digest(header, alone);
	must(memcmp(whole, alone, sizeof(whole)) == 0);
	must(header_same(text, header) == something);
	must(header_same(header, text) == something);
}

static void cut(struct slice header)
{
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		size_t less = fuzz_pieces[i] < header.len ? fuzz_pieces[i] : header.len;
		struct slice part = slice_make(header.at, header.len - less);

		must(header_same(header, part) == header_same(part, header));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct slice text = fuzz_slice(octets, len);
	struct slice header = slice_make(text.at, header_length(text));

	lengths(text, header);
	fields(text, header);
	dates(text, header);
	digests(text, header);
	cut(header);
	return 0;
}
