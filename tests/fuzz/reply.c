/* reply.h: what a line says lies within it, and within the bounds; a bad one changes nothing; what
 * was understood is understood again when it is written as RFC 1939 has it. */
#include <inttypes.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "reply.h"
#include "fuzz.h"

#define UNTOUCHED 77

static void status(struct slice line)
{
	struct reply_status s = reply_status(line);

	must(fuzz_is_within(s.text, line));
	must(slice_trim(s.text).len == s.text.len);
	must(s.code == CODE_NONE || s.sign == REPLY_OK || s.sign == REPLY_ERR);
	must(slice_starts_word(line, "+OK") || s.sign != REPLY_OK);
	must(slice_starts_word(line, "-ERR") || s.sign != REPLY_ERR);
	must(slice_starts_word(line, "+") || s.sign != REPLY_CONTINUE);
}

static void list(struct slice line)
{
	CLEANUP(buf_finish) struct buf b = {0};
	uint32_t number = UNTOUCHED, number_again;
	uint64_t octets = UNTOUCHED, octets_again;

	if (!reply_list(line, &number, &octets)) {
		must(number == UNTOUCHED && octets == UNTOUCHED);
		return;
	}
	must(number >= 1 && octets <= REPLY_LARGEST_SIZE);
	buf_printf(&b, "%" PRIu32 " %" PRIu64, number, octets);
	must(reply_list(buf_slice(&b), &number_again, &octets_again));
	must(number_again == number && octets_again == octets);
}

static void uidl(struct slice line)
{
	CLEANUP(buf_finish) struct buf b = {0};
	uint32_t number = UNTOUCHED, number_again;
	struct slice value = slice_of("untouched"), again;

	if (!reply_uidl(line, &number, &value)) {
		must(number == UNTOUCHED && slice_is(value, "untouched"));
		return;
	}
	must(number >= 1 && fuzz_is_within(value, line));
	buf_printf(&b, "%" PRIu32 " ", number);
	buf_add_slice(&b, value);
	must(reply_uidl(buf_slice(&b), &number_again, &again));
	must(number_again == number && slice_equal(again, value));
}

static void stat(struct slice line)
{
	uint64_t count = UNTOUCHED;

	must(reply_stat(line, &count) || count == UNTOUCHED);
	must(count <= REPLY_HIGHEST_NUMBER);
}

static void is_written(const char *text, size_t room)
{
	size_t len = strnlen(text, room);

	must(len < room);
	for (size_t i = 0; i < len; i++)
		must(text[i] >= ' ' && text[i] < 0x7F);
}

/* Nothing is known of padding: it is compared as it was zeroed. */
static void capabilities(struct slice answer)
{
	struct capabilities once = {0}, twice = {0};
	struct slice line, rest = answer;

	while (fuzz_line(&rest, &line)) {
		capabilities_line(&once, line);
		capabilities_line(&twice, line);
		capabilities_line(&twice, line);
	}
	must(memcmp(&once, &twice, sizeof(once)) == 0);
	is_written(once.implementation, sizeof(once.implementation));
	is_written(once.sasl, sizeof(once.sasl));
	is_written(once.others, sizeof(once.others));
	must(once.expire_days >= -1 && once.login_delay_s >= 0);
	must(!capabilities_sasl(&once, "PLAIN") || strstr(once.sasl, " PLAIN "));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct slice in = fuzz_slice(octets, len), rest = in, line;

	while (fuzz_line(&rest, &line)) {
		status(line);
		list(line);
		uidl(line);
		stat(line);
	}
	capabilities(in);
	return 0;
}
