/* A growing row of octets, filled at the end and taken from the front. */
#ifndef POP3FS_BUF_H
#define POP3FS_BUF_H

#include "slice.h"

struct buf {
	char *memory; /* what buf_finish frees */
	size_t start; /* octets already taken from the front */
	size_t len;   /* octets held, from memory + start */
	size_t room;  /* octets allocated */
};

/* A zeroed struct buf is an empty one. */
void buf_finish(struct buf *b); /* frees; leaves it empty */
void buf_wipe(struct buf *b);   /* the same, overwriting what it ever held: for secrets */

const char *buf_at(const struct buf *b);
struct slice buf_slice(const struct buf *b); /* valid until the next change */

/* Makes room for `octets` more and returns where they go; buf_added says how many came. */
char *buf_room(struct buf *b, size_t octets);
void buf_added(struct buf *b, size_t octets);

void buf_add(struct buf *b, const void *octets, size_t len);
void buf_add_text(struct buf *b, const char *text);
void buf_add_slice(struct buf *b, struct slice s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

void buf_take(struct buf *b, size_t octets); /* drops them from the front */
void buf_clear(struct buf *b);               /* drops all, keeps the memory */

/* The octets as a C string (a NUL is put behind them, not counted in len). */
const char *buf_text(struct buf *b);

#endif
