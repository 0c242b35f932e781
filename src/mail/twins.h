/* Messages that share one UIDL: which of those listed now is which of those known before. No I/O,
 * and no quadratic step: on some servers a whole maildrop shares one UIDL. */
#ifndef POP3FS_TWINS_H
#define POP3FS_TWINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TWIN_ALONE SIZE_MAX

struct twin {
	const unsigned char *digest; /* of the header, 32 octets; NULL: unknown */
	uint64_t listed;             /* octets, by LIST */
	bool vanished;               /* known before, but not listed just before this listing */
	size_t mate;                 /* out: its index on the other side, or TWIN_ALONE */
};

/* Sets the mates of both sides; `rows` in order of number, `stored` in order of ordinal.
 *
 * Equal hashes are mates, those still listed before those that had vanished. What a hash is missing
 * for, on either side, is paired by size and then in order: a stored one without a hash has no body
 * either (its hash would be known), so nothing wrong can be shown under its name; and a row without
 * one (TOP failed) had better keep its name than get another at each failure. */
void twins_pair(struct twin *rows, size_t row_count, struct twin *stored, size_t stored_count);

/* The MESSAGE_ flags of each of `count` messages that are listed with one UIDL, by their hashes
 * (NULL: unknown): TWIN where there are several, FIXED where nothing tells one from another. */
void twins_flag(const unsigned char *const *digests, size_t count, unsigned *flags);

#endif
