/* Reads bodies and rows from the database, beside the writer. A read-only handle of one thread's
 * own. */
#ifndef POP3FS_READER_H
#define POP3FS_READER_H

#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "error.h"

struct reader;
struct shelf;

enum error reader_open(struct reader **out, const char *path, struct failure *why);
void reader_close(struct reader *r);

/* Where bodies are that are not in the database (shelf.h); nowhere, until told. */
void reader_shelf(struct reader *r, struct shelf *shelf);

/* Up to `len` octets of message `id` from `offset` on, into `to`. Returns how many (fewer only at
 * the end of the body), or -1 where the body or a piece of it is missing or damaged. */
ssize_t reader_body(struct reader *r, int64_t id, uint64_t offset, void *to, size_t len);

/* What is read in between is of one moment. */
void reader_begin(struct reader *r);
void reader_end(struct reader *r);

/* CRLFs whose LF is in piece `index` of a body (CHUNK_OCTETS each: jobs.h). false: it is missing.
 */
bool reader_piece_lines(struct reader *r, int64_t id, uint32_t index, uint32_t *lines);

/* One message's row, also of one that has vanished; false: unknown. */
struct reader_row {
	uint64_t listed, size; /* size is listed while the true one is unknown */
	bool true_size, cached;
	uint64_t lines;
	uint32_t header;
	int64_t received, seen;
	bool headed; /* its header was learnt before it was shown */
	bool hashed; /* its body has been here */
	unsigned char sha256[32];
};
bool reader_message(struct reader *r, int64_t id, struct reader_row *row);

/* Appends the UIDL's octets. */
bool reader_uidl(struct reader *r, int64_t id, struct buf *uidl);

/* Appends the header's text, from TOP or from the body; LEARN_LARGEST octets of it (learn.h) at
 * most. false: not known. */
bool reader_header(struct reader *r, int64_t id, struct buf *text);

/* Whether it is known for good, and not only while the body is open (nocache). */
bool reader_header_is_kept(struct reader *r, int64_t id);

/* The header as a file of its own: all of it, whatever its length. The length: false where not all
 * of it can be read here now. A part of it: as reader_body. */
bool reader_header_length(struct reader *r, int64_t id, uint32_t *length);
ssize_t reader_header_part(struct reader *r, int64_t id, uint64_t offset, void *to, size_t len);

/* A fact about the account (store.h: store_recall). */
bool reader_recall(struct reader *r, const char *key, char *value, size_t room);

#endif
