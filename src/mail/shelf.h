/* Bodies that are not in the database: under nocache, where the disk is short of room, or larger
 * than the whole cache. They are in memory, up to a bound in all, and beyond it in files that have
 * no name any more; they are gone with the process.
 *
 * The store thread puts them there and takes them away; any thread reads. A body can be read once
 * it is whole, and, where another one of its id begins, until that is whole: who has it open may
 * know nothing of the second copy. A read that has begun is not disturbed by its leaving. */
#ifndef POP3FS_SHELF_H
#define POP3FS_SHELF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "slice.h"

struct shelf;

/* Under this id a message's header is, where it came without the body: on the shelf, and among what
 * is held (pins.h). */
#define SHELF_HEADER(id) (-(id))

/* Who makes a file where `directory` is full. */
struct shelf_place {
	int (*open)(
	    void *with); /* as shelf_spill(NULL), which it is unless given; may wait a little */
	void *with;
};

/* `memory`: octets. Files are made in `directory`, or where that is full, elsewhere. */
struct shelf *shelf_create(uint64_t memory, const char *directory, struct shelf_place elsewhere);
void shelf_free(struct shelf *s); /* NULL is fine */

/* A file without a name, in `directory` (NULL: $TMPDIR or /tmp). -1: errno. */
int shelf_spill(const char *directory);

/* In all of these `s` may be NULL: a shelf where nothing is. */

/* ---- the store thread's ---- */

/* A body begins, in place of an older one, which goes when this one is complete. */
void shelf_begin(struct shelf *s, int64_t id);
/* Its pieces, of CHUNK_OCTETS but the last, in order; one that is there already is passed over.
 * E_FULL: neither memory nor a file has room. */
enum error shelf_add(struct shelf *s, int64_t id, uint32_t index, struct slice data, uint32_t lines,
    struct failure *why);
/* All of it is there, and is this long: it can be read. false: it is not. */
bool shelf_complete(struct shelf *s, int64_t id, uint64_t size);
/* One that is not whole goes, and the older one has its place again; else the body goes. */
void shelf_drop(struct shelf *s, int64_t id);

/* It is whole, and none has begun in its place. */
bool shelf_rests(struct shelf *s, int64_t id);
/* The memory is nearly used up: whole bodies that nobody holds should go. */
bool shelf_is_over(struct shelf *s);
/* The whole one that came next after the one with serial `after` (0: the first of all); *serial is
 * its own. 0: there is none. */
int64_t shelf_next(struct shelf *s, uint64_t after, uint64_t *serial);

/* ---- everybody's ---- */

bool shelf_has(struct shelf *s, int64_t id); /* whole or not */
bool shelf_has_whole(struct shelf *s, int64_t id);

/* How many CRLFs end in a piece of a whole body; false: it is not here. */
bool shelf_piece_lines(struct shelf *s, int64_t id, uint32_t index, uint32_t *lines);

/* Like reader_body. -1: it is not here, or not whole; or its file cannot be read. */
ssize_t shelf_read(struct shelf *s, int64_t id, uint64_t offset, void *to, size_t len);

#endif
