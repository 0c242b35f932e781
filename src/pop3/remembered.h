/* What CAPA said when the account was logged in to last, in a number that can be stored: as much of
 * it as the next login needs to do without asking first. Not the server's software, its LOGIN-DELAY
 * or its EXPIRE: those are heard behind each login. No I/O. RFC 2449. */
#ifndef POP3FS_REMEMBERED_H
#define POP3FS_REMEMBERED_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

/* The line on which it was said: what is heard on one says nothing about another. */
enum remembered_line { REMEMBERED_TLS = 1, REMEMBERED_STLS, REMEMBERED_CLEAR };

/* The bits of what was announced before the login (ways in, UTF8), and of what was behind it
 * (PIPELINING, TOP, UIDL). */
int64_t remembered_before(const struct capabilities *c);
int64_t remembered_behind(const struct capabilities *c);

/* All of it: never 0, unless there is nothing that a login could go by. The numbers are stored. */
int64_t remembered_make(enum remembered_line line, int64_t before, int64_t behind);

/* Sets *out to what is remembered, as if CAPA had said it now. false: nothing, or on another line;
 * *out is as it was. */
bool remembered_take(struct capabilities *out, enum remembered_line line, int64_t number);

/* Whether what CAPA says behind a login is what it said then: the same abilities, and no way in
 * that was not there before. */
bool remembered_agrees(int64_t number, const struct capabilities *behind);

#endif
