/* What the fuzz targets share. A target is one file: it takes octets as whoever is not trusted
 * sends them, and holds what the module's header promises against what it does. Its corpus (a few
 * octets of every kind, as they are, made by hand) is corpus/TARGET; an input that broke it once
 * stays in crashes/TARGET. */
#ifndef POP3FS_FUZZ_H
#define POP3FS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "slice.h"

/* What libFuzzer and plain.c call; 0. */
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

/* A promise. Broken, it ends the process, which libFuzzer takes for a crash. */
#define must(promise)                                                                              \
	do {                                                                                       \
		if (!(promise)) {                                                                  \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline struct slice fuzz_slice(const uint8_t *octets, size_t len)
{
	return slice_make((const char *)octets, len);
}

/* Whether `part` points into `whole` and ends there, too; an empty one may be anywhere. */
static inline bool fuzz_is_within(struct slice part, struct slice whole)
{
	return part.len == 0 || (part.at >= whole.at && part.len <= whole.len &&
				    (size_t)(part.at - whole.at) <= whole.len - part.len);
}

/* How a network may cut what it carries: into pieces of so many octets. Each promise about pieces
 * is tried with all of these. */
static const size_t fuzz_pieces[] = {1, 2, 3, 7, 64};
#define FUZZ_PIECES (sizeof(fuzz_pieces) / sizeof(fuzz_pieces[0]))

/* Takes the next piece off the front of *rest; false: nothing is left. */
static inline bool fuzz_piece(struct slice *rest, size_t octets, struct slice *piece)
{
	if (rest->len == 0)
		return false;
	*piece = slice_make(rest->at, rest->len < octets ? rest->len : octets);
	*rest = slice_make(rest->at + piece->len, rest->len - piece->len);
	return true;
}

/* Takes what is before the next LF off the front of *rest, with it; false: nothing is left. */
static inline bool fuzz_line(struct slice *rest, struct slice *line)
{
	size_t len = 0;

	if (rest->len == 0)
		return false;
	while (len < rest->len && rest->at[len] != '\n')
		len++;
	*line = slice_make(rest->at, len);
	len += len < rest->len;
	*rest = slice_make(rest->at + len, rest->len - len);
	return true;
}

#endif
