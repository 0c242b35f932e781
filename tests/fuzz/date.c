/* date.h: the same date whatever stands around it, within bounds, and the same when written anew.
 */
#include <time.h>

#include "buf.h"
#include "alloc.h"
#include "date.h"
#include "fuzz.h"

#define NO_DATE INT64_MIN

/* The years 1 to 9999, and a zone of 99:59. */
#define LEAST (INT64_C(-62135596800) - 359940)
#define MOST  (INT64_C(253402300800) + 359940)

static int64_t parse(struct slice text)
{
	int64_t when = NO_DATE;
	bool good = date_parse(text, &when);

	must(good == (when != NO_DATE));
	must(!good || (when >= LEAST && when <= MOST));
	return when;
}

static void surrounded(struct slice text, int64_t want)
{
	static const char *const before[] = {"", " ", "\r\n\t", "(a (comment) \\) 1 Jan) \r\n "};
	static const char *const behind[] = {"", ";", ";\r\n 2 Feb 2002 02:02:02 +0200"};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		for (size_t k = 0; k < sizeof(behind) / sizeof(behind[0]); k++) {
			CLEANUP(buf_finish) struct buf b = {0};

			buf_add_text(&b, before[i]);
			buf_add_slice(&b, text);
			buf_add_text(&b, behind[k]);
			must(parse(buf_slice(&b)) == want);
		}
}

static void written_anew(int64_t when)
{
	CLEANUP(buf_finish) struct buf b = {0};
	time_t seconds = (time_t)when;
	char month[] = "Jan";
	struct tm tm;

	must(gmtime_r(&seconds, &tm) != NULL);
	if (tm.tm_year + 1900 < 1 || tm.tm_year + 1900 > 9999)
		return; /* the zone did that */
	strftime(month, sizeof(month), "%b", &tm);
	buf_printf(&b, "%d %s %04d %02d:%02d:%02d +0000", tm.tm_mday, month, tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
	must(parse(buf_slice(&b)) == when);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct slice text = fuzz_slice(octets, len);
	int64_t when = parse(text);

	surrounded(text, when);
	if (when != NO_DATE)
		written_anew(when);
	return 0;
}
