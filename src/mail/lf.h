/* Bodies with LF line ends: the same octets without the CR of each CRLF (CR CR LF becomes CR LF).
 * How long one is then is its size less its lines; where an octet is, is found by the lines that
 * the store has counted in each piece. */
#ifndef POP3FS_LF_H
#define POP3FS_LF_H

#include "reader.h"

/* A piece of a body, and where it begins among the octets with LF: where the next part is looked
 * for first. Zeroed: nowhere. */
struct lf_place {
	int64_t id;
	unsigned char sha256[32]; /* the body's: it may have been replaced */
	uint32_t index;
	uint64_t at;
};

/* One for each of several that read at the same time, be it the same body. Zeroed: nowhere. */
#define LF_PLACES 8
struct lf_places {
	struct lf_place all[LF_PLACES];
	unsigned next; /* the one that is given away next */
};

/* As reader_body. */
ssize_t lf_body(
    struct reader *r, struct lf_places *places, int64_t id, uint64_t offset, void *to, size_t len);

#endif
