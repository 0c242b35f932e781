#include "values.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "slice.h"

#define LONGEST_SHOWN 32  /* octets of a range's bound in a sentence */
#define LONGEST_LIST  120 /* octets of all choices in a sentence */
#define MOST_BITS     0777

struct unit {
	char letter;
	uint64_t of;
};

static const struct unit time_units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}, {0}};
static const struct unit size_units[] = {{'G', 1u << 30}, {'M', 1u << 20}, {'K', 1u << 10}, {0}};

/* A number and at most one unit's letter. */
static bool with_unit(struct slice text, const struct unit *units, uint64_t *out)
{
	uint64_t factor = 1, number;

	for (const struct unit *u = units; u->letter && text.len > 0; u++) {
		if ((text.at[text.len - 1] | 0x20) == (u->letter | 0x20)) {
			factor = u->of;
			text.len--;
			break;
		}
	}
	if (!slice_number(text, UINT64_MAX / factor, &number))
		return false;
	*out = number * factor;
	return true;
}

/* The largest unit that says it whole. */
static const char *shown(char to[LONGEST_SHOWN], uint64_t value, const struct unit *units)
{
	for (const struct unit *u = units; u->letter; u++) {
		if (value && value % u->of == 0) {
			snprintf(to, LONGEST_SHOWN, "%ju%c", (uintmax_t)(value / u->of), u->letter);
			return to;
		}
	}
	snprintf(to, LONGEST_SHOWN, "%ju", (uintmax_t)value);
	return to;
}

static enum error bounded(uint64_t *out, const char *name, const char *text, struct range r,
    const struct unit *units, const char *likeness, struct failure *why)
{
	char least[LONGEST_SHOWN], most[LONGEST_SHOWN];
	uint64_t value;

	if (!with_unit(slice_of(text), units, &value))
		return failed(why, E_USAGE, "%s=%s makes no sense: %s", name, text, likeness);
	if (value < r.least || value > r.most)
		return failed(why, E_USAGE, "%s=%s is out of range: from %s to %s", name, text,
		    shown(least, r.least, units), shown(most, r.most, units));
	*out = value;
	return OK;
}

enum error value_time(
    int64_t *seconds, const char *name, const char *text, struct range r, struct failure *why)
{
	uint64_t value;

	if (bounded(&value, name, text, r, time_units,
		"write seconds, or a number and s, m, h or d", why))
		return E_USAGE;
	*seconds = (int64_t)value;
	return OK;
}

enum error value_size(
    uint64_t *octets, const char *name, const char *text, struct range r, struct failure *why)
{
	return bounded(
	    octets, name, text, r, size_units, "write octets, or a number and K, M or G", why);
}

enum error value_count(
    uint64_t *count, const char *name, const char *text, struct range r, struct failure *why)
{
	static const struct unit none[] = {{0}};

	return bounded(count, name, text, r, none, "write a number", why);
}

enum error value_octal(mode_t *bits, const char *name, const char *text, struct failure *why)
{
	mode_t value = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '7' && value <= MOST_BITS; at++)
		value = value * 8 + (mode_t)(*at - '0');
	if (*at || at == text || value > MOST_BITS)
		return failed(why, E_USAGE,
		    "%s=%s makes no sense: write three octal digits, as 077", name, text);
	*bits = value;
	return OK;
}

enum error value_suffix(
    char **suffix, const char *name, const char *text, struct range r, struct failure *why)
{
	size_t len = strlen(text);

	if (len < r.least || len > r.most || strchr(text, '/'))
		return failed(why, E_USAGE,
		    "%s=%s makes no sense: it ends a file's name, without a \"/\", and has at most "
		    "%" PRIu64 " octets",
		    name, text, r.most);
	*suffix = xstrdup(text);
	return OK;
}

enum error value_user(uid_t *uid, const char *name, const char *text, struct failure *why)
{
	const struct passwd *entry;
	uint64_t number;

	if (slice_number(slice_of(text), UINT32_MAX - 1, &number)) {
		*uid = (uid_t)number;
		return OK;
	}
	entry = getpwnam(text);
	if (!entry)
		return failed(why, E_USAGE, "%s=%s: there is no such user", name, text);
	*uid = entry->pw_uid;
	return OK;
}

enum error value_group(gid_t *gid, const char *name, const char *text, struct failure *why)
{
	const struct group *entry;
	uint64_t number;

	if (slice_number(slice_of(text), UINT32_MAX - 1, &number)) {
		*gid = (gid_t)number;
		return OK;
	}
	entry = getgrnam(text);
	if (!entry)
		return failed(why, E_USAGE, "%s=%s: there is no such group", name, text);
	*gid = entry->gr_gid;
	return OK;
}

enum error value_choice(unsigned *index, const char *name, const char *text,
    const char *const *words, struct failure *why)
{
	char list[LONGEST_LIST] = "";
	size_t len = 0;

	for (unsigned i = 0; words[i]; i++) {
		if (strcmp(text, words[i]) == 0) {
			*index = i;
			return OK;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
			    i == 0         ? ""
			    : words[i + 1] ? ", "
					   : " or ",
			    words[i]);
	}
	return failed(why, E_USAGE, "%s=%s makes no sense: write %s", name, text, list);
}
