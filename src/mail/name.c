#include "name.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_OCTETS 16                    /* of the SHA-256 that stand in a short name ... */
#define HASH_DIGITS (2 * HASH_OCTETS)     /* ... in hex */
#define ESCAPE_LEN  3                     /* "%XX" */
#define MARK_ROOM   sizeof("~4294967295") /* the longest mark of an ordinal, with its NUL */
#define SHORT_LEAST                                                                                \
	(NAME_LONGEST - 2) /* a short name stops before an escape that does not                    \
			      fit: it lacks two octets at most */

/* UIDLs of no more digits than this, and nothing else, are a counter that may begin anew. */
#define LONGEST_COUNTER 9

static const char stand_in_mark = '\n';
static const char stand_in_name[] = "header~";

static bool must_escape(unsigned char octet, bool in_front)
{
	if (octet <= ' ' || octet >= 0x7F)
		return true;
	if (octet == '/' || octet == '%' || octet == '~' || octet == ':')
		return true;
	return in_front && (octet == '.' || octet == '-');
}

/* Writes as much of the escaped UIDL as fits into `room` octets, whole escapes only. Returns the
 * octets written; *all says whether that was everything. */
static size_t escape(char *to, size_t room, struct slice uidl, bool *all)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len = 0;

	for (size_t i = 0; i < uidl.len; i++) {
		unsigned char octet = (unsigned char)uidl.at[i];
		bool escaped = must_escape(octet, i == 0);

		*all = len + (escaped ? ESCAPE_LEN : 1) <= room;
		if (!*all)
			return len;
		if (!escaped) {
			to[len++] = (char)octet;
			continue;
		}
		to[len++] = '%';
		to[len++] = digits[octet >> 4];
		to[len++] = digits[octet & 15];
	}
	*all = true;
	if (uidl.len == 0)
		to[len++] = '%';
	return len;
}

static void write_digits(char to[HASH_DIGITS], const unsigned char hash[HASH_OCTETS])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_OCTETS; i++) {
		*to++ = digits[hash[i] >> 4];
		*to++ = digits[hash[i] & 15];
	}
}

static size_t write_hash(char *to, struct slice uidl)
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(uidl.at, uidl.len, hash, NULL, EVP_sha256(), NULL))
		abort(); /* out of memory, as in alloc.h */
	*to = '~';
	write_digits(to + 1, hash);
	return 1 + HASH_DIGITS;
}

static bool is_hash(struct slice s)
{
	if (s.len != HASH_DIGITS)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (strchr("0123456789abcdef", s.at[i]) == NULL || s.at[i] == '\0')
			return false;
	return true;
}

/* ---- messages without a UIDL ---- */

static_assert(NAME_STAND_IN == 1 + HASH_DIGITS, "a mark and the digits");

void name_stand_in(char to[NAME_STAND_IN], const unsigned char digest[32])
{
	to[0] = stand_in_mark;
	write_digits(to + 1, digest);
}

bool name_is_stand_in(struct slice uidl)
{
	return uidl.len == NAME_STAND_IN && uidl.at[0] == stand_in_mark &&
	       is_hash(slice_make(uidl.at + 1, HASH_DIGITS));
}

static size_t write_stand_in(char *to, struct slice uidl)
{
	size_t mark = strlen(stand_in_name);

	memcpy(to, stand_in_name, mark);
	memcpy(to + mark, uidl.at + 1, HASH_DIGITS);
	return mark + HASH_DIGITS;
}

/* `stem` is a name without an ordinal. */
static bool read_stand_in(struct slice stem, char to[NAME_STAND_IN])
{
	size_t mark = strlen(stand_in_name);

	if (stem.len != mark + HASH_DIGITS || memcmp(stem.at, stand_in_name, mark) != 0 ||
	    !is_hash(slice_make(stem.at + mark, HASH_DIGITS)))
		return false;
	to[0] = stand_in_mark;
	memcpy(to + 1, stem.at + mark, HASH_DIGITS);
	return true;
}

/* ---- there ... ---- */

size_t name_encode(char to[NAME_LONGEST + 1], struct slice uidl, unsigned ordinal)
{
	char mark[MARK_ROOM] = "";
	size_t mark_len = 0, len;
	bool all;

	if (ordinal > 1)
		mark_len = (size_t)snprintf(mark, sizeof(mark), "~%u", ordinal);
	all = name_is_stand_in(uidl);
	len = all ? write_stand_in(to, uidl) : escape(to, NAME_LONGEST - mark_len, uidl, &all);
	if (!all) {
		len = escape(to, NAME_LONGEST - mark_len - 1 - HASH_DIGITS, uidl, &all);
		len += write_hash(to + len, uidl);
	}
	memcpy(to + len, mark, mark_len + 1);
	return len + mark_len;
}

/* Names hold nothing that is escaped elsewhere, so only what is made by escaping tells. */
bool name_is_itself(struct slice name, struct slice uidl)
{
	return slice_equal(name, uidl) && !memchr(name.at, '%', name.len) &&
	       !memchr(name.at, '~', name.len);
}

/* ---- ... and back ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Takes the last "~" and what is behind it off *name. false: there is none. */
static bool take_tail(struct slice *name, struct slice *tail)
{
	const char *mark = name->len > 0 ? memrchr(name->at, '~', name->len) : NULL;

	if (!mark)
		return false;
	*tail = slice_make(mark + 1, (size_t)(name->at + name->len - mark) - 1);
	name->len = (size_t)(mark - name->at);
	return true;
}

/* Undoes the escapes into `to`, which has room for name.len octets. Returns how many octets came,
 * or -1: a "%" without two digits. Whether they had to be escapes is not looked at. */
static ptrdiff_t unescape(char *to, struct slice name)
{
	ptrdiff_t len = 0;

	if (slice_is(name, "%"))
		return 0;
	for (size_t i = 0; i < name.len; i++) {
		int high, low;

		if (name.at[i] != '%') {
			to[len++] = name.at[i];
			continue;
		}
		if (name.len - i < ESCAPE_LEN)
			return -1;
		high = hex_digit(name.at[i + 1]);
		low = hex_digit(name.at[i + 2]);
		if (high < 0 || low < 0)
			return -1;
		to[len++] = (char)(high << 4 | low);
		i += ESCAPE_LEN - 1;
	}
	return len;
}

bool name_decode(struct slice name, struct buf *uidl, unsigned *ordinal)
{
	char octets[NAME_LONGEST], again[NAME_LONGEST + 1];
	struct slice stem = name, tail;
	uint64_t number = 1;
	ptrdiff_t len = NAME_STAND_IN;

	if (name.len > NAME_LONGEST)
		return false;
	if (take_tail(&stem, &tail) && !slice_number(tail, UINT_MAX, &number))
		stem = name;
	if (!read_stand_in(stem, octets))
		len = unescape(octets, stem);
	if (len < 0)
		return false;
	/* One UIDL has one name: whatever else reads as the same octets is no name of ours. */
	stem = slice_make(
	    again, name_encode(again, slice_make(octets, (size_t)len), (unsigned)number));
	if (!slice_equal(stem, name))
		return false;
	buf_add(uidl, octets, (size_t)len);
	*ordinal = (unsigned)number;
	return true;
}

bool name_is_short(struct slice name)
{
	char octets[NAME_LONGEST], again[NAME_LONGEST];
	struct slice stem = name, tail;
	uint64_t number;
	ptrdiff_t len;
	bool all;

	if (name.len > NAME_LONGEST || name.len < SHORT_LEAST || !take_tail(&stem, &tail))
		return false;
	if (!is_hash(tail)) {
		if (!slice_number(tail, UINT_MAX, &number) || number < 2 || tail.at[0] == '0')
			return false;
		if (!take_tail(&stem, &tail) || !is_hash(tail))
			return false;
	}
	len = unescape(octets, stem);
	if (len < 0)
		return false;
	len = (ptrdiff_t)escape(again, sizeof(again), slice_make(octets, (size_t)len), &all);
	return all && slice_equal(slice_make(again, (size_t)len), stem);
}

bool name_is_counter(struct slice name)
{
	size_t len = 0;

	while (len < name.len && name.at[len] >= '0' && name.at[len] <= '9')
		len++;
	return len > 0 && len <= LONGEST_COUNTER && (len == name.len || name.at[len] == '~');
}
