#include "date.h"

#include <stddef.h>

#define A_DAY      86400
#define AN_HOUR    3600
#define A_MINUTE   60
#define EPOCH_DAYS 719468 /* from 0000-03-01 to 1970-01-01 */

static const char *const months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static const unsigned char month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/* RFC 5322, 4.3. All other names, the military letters too, mean "unknown". */
static const struct {
	const char *name;
	int hours;
} zones[] = {
    {"EST", -5},
    {"EDT", -4},
    {"CST", -6},
    {"CDT", -5},
    {"MST", -7},
    {"MDT", -6},
    {"PST", -8},
    {"PDT", -7},
};

static const char *const universal[] = {"UT", "UTC", "GMT", "Z"};

struct moment {
	unsigned year, month, day, hour, minute, second; /* month and day from 1 */
};

static bool is_digit(char octet)
{
	return octet >= '0' && octet <= '9';
}

/* Of a name in any language, too: the day's may be anything. */
static bool is_letter(char octet)
{
	unsigned char lower = (unsigned char)octet | 0x20;

	return (lower >= 'a' && lower <= 'z') || lower >= 0x80;
}

static void drop(struct slice *s, size_t octets)
{
	s->at += octets;
	s->len -= octets;
}

/* A comment may hold comments; one without an end goes to the end of the text. */
static void skip_comment(struct slice *s)
{
	size_t depth = 0;

	do {
		if (s->at[0] == '\\' && s->len > 1)
			drop(s, 1);
		else if (s->at[0] == '(')
			depth++;
		else if (s->at[0] == ')')
			depth--;
		drop(s, 1);
	} while (s->len > 0 && depth > 0);
}

static void skip_blank(struct slice *s)
{
	while (s->len > 0) {
		char octet = s->at[0];

		if (octet == '(')
			skip_comment(s);
		else if (octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n')
			drop(s, 1);
		else
			return;
	}
}

static bool take_mark(struct slice *s, char mark)
{
	skip_blank(s);
	if (s->len == 0 || s->at[0] != mark)
		return false;
	drop(s, 1);
	return true;
}

static struct slice take_word(struct slice *s)
{
	struct slice word;

	skip_blank(s);
	word = slice_make(s->at, 0);
	while (s->len > 0 && is_letter(s->at[0])) {
		word.len++;
		drop(s, 1);
	}
	return word;
}

/* Sets *value to a number of at most `most` digits and returns how many it has; 0: there is none,
 * or it is longer. */
static size_t take_number(struct slice *s, size_t most, unsigned *value)
{
	size_t digits = 0;

	skip_blank(s);
	*value = 0;
	while (s->len > 0 && is_digit(s->at[0])) {
		if (++digits > most)
			return 0;
		*value = *value * 10 + (unsigned)(s->at[0] - '0');
		drop(s, 1);
	}
	return digits;
}

static bool take_month(struct slice *s, unsigned *month)
{
	struct slice word = take_word(s);

	for (unsigned i = 0; i < 12; i++)
		if (slice_starts_word(word, months[i])) {
			*month = i + 1;
			return true;
		}
	return false;
}

static bool is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool take_day(struct slice *s, struct moment *m)
{
	size_t digits;
	bool dashes;

	if (take_word(s).len > 0)
		take_mark(s, '.');
	take_mark(s, ',');
	if (take_number(s, 2, &m->day) == 0)
		return false;
	dashes = take_mark(s, '-');
	if (!take_month(s, &m->month))
		return false;
	if (dashes)
		take_mark(s, '-');
	digits = take_number(s, 4, &m->year);
	if (digits < 2)
		return false;
	if (digits == 2)
		m->year += m->year < 50 ? 2000 : 1900;
	if (digits == 3)
		m->year += 1900;
	return m->day >= 1 && m->day <= month_days[m->month - 1] &&
	       (m->month != 2 || m->day < 29 || is_leap(m->year));
}

static bool take_time(struct slice *s, struct moment *m)
{
	m->second = 0;
	if (take_number(s, 2, &m->hour) == 0 || !(take_mark(s, ':') || take_mark(s, '.')) ||
	    take_number(s, 2, &m->minute) == 0)
		return false;
	if ((take_mark(s, ':') || take_mark(s, '.')) && take_number(s, 2, &m->second) == 0)
		return false;
	return m->hour <= 23 && m->minute <= 59 && m->second <= 60;
}

static bool is_universal(struct slice name)
{
	for (size_t i = 0; i < sizeof(universal) / sizeof(universal[0]); i++)
		if (slice_is_word(name, universal[i]))
			return true;
	return false;
}

/* Seconds east of Greenwich: "+0130", "+01:30" or "+1". */
static int take_offset(struct slice *s)
{
	unsigned hours, minutes = 0;
	bool east = take_mark(s, '+');
	size_t digits;

	if (!east && !take_mark(s, '-'))
		return 0;
	digits = take_number(s, 4, &hours);
	if (digits > 2) {
		minutes = hours % 100;
		hours /= 100;
	} else if (take_mark(s, ':')) {
		take_number(s, 2, &minutes);
	}
	if (digits == 0 || minutes > 59)
		return 0;
	return (int)(hours * AN_HOUR + minutes * A_MINUTE) * (east ? 1 : -1);
}

static int take_zone(struct slice *s)
{
	struct slice name = take_word(s);

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (slice_is_word(name, zones[i].name))
			return zones[i].hours * AN_HOUR;
	return name.len == 0 || is_universal(name) ? take_offset(s) : 0;
}

/* Years begin in March, so that the leap day is their last. */
static int64_t days_since_1970(const struct moment *m)
{
	unsigned year = m->month > 2 ? m->year : m->year - 1;
	unsigned month = (m->month + 9) % 12;
	unsigned day_of_year = (153 * month + 2) / 5 + m->day - 1;

	return (int64_t)year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - EPOCH_DAYS;
}

bool date_parse(struct slice text, int64_t *when)
{
	struct moment m;

	if (!take_day(&text, &m))
		return false;
	take_mark(&text, ',');
	if (m.year == 0 || !take_time(&text, &m))
		return false;
	*when = days_since_1970(&m) * A_DAY +
		(int64_t)(m.hour * AN_HOUR + m.minute * A_MINUTE + m.second) - take_zone(&text);
	return true;
}
