/* A piece of somebody else's octets: not ended by NUL, may hold any octet, owns nothing. */
#ifndef POP3FS_SLICE_H
#define POP3FS_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *at;
	size_t len;
};

/* For printf: printf("%.*s", SLICE_ARGS(s)). */
#define SLICE_ARGS(s) (int)(s).len, (s).at

struct slice slice_of(const char *text); /* the octets of a C string; NULL is empty */
struct slice slice_make(const char *at, size_t len);
bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice s, const char *text);      /* exactly this text */
bool slice_is_word(struct slice s, const char *text); /* the same, ASCII case ignored */
bool slice_starts_word(struct slice s, const char *text);
int slice_compare(struct slice a, struct slice b); /* memcmp order, then the shorter first */

/* Whether it holds a control character (below 0x20, or 0x7F), which no command may carry. */
bool slice_has_control(struct slice s);

/* Takes the next run of octets that are not in `separators` off the front of *rest, skipping
 * separators before it. Empty when nothing is left. */
struct slice slice_token(struct slice *rest, const char *separators);

/* Without white space (space, tab, CR, LF) at both ends. */
struct slice slice_trim(struct slice s);

/* A whole decimal number and nothing else, at most `max`. false: not that; *out is unchanged. */
bool slice_number(struct slice s, uint64_t max, uint64_t *out);

#endif
