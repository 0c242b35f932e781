/* A UIDL as a file name, and back. Two UIDLs never give one name (contract: names are reversible).
 */
#ifndef POP3FS_NAME_H
#define POP3FS_NAME_H

#include <stdbool.h>

#include "buf.h"
#include "slice.h"

/* What a name may have without suffix= and Maildir's ":2,S", so that no suffix changes a name. */
#define NAME_LONGEST        219
#define NAME_LONGEST_SUFFIX 32

/* Writes the name of `uidl`, the ordinal-th of its likeness (1: the first, no mark; 2: "~2" behind
 * it), and returns its length, at most NAME_LONGEST; `to` is ended by NUL. Escaped as %XX: / % ~ :
 * space, controls, 0x7F-0xFF, and a "." or "-" in front. Empty is "%". A name that would be longer
 * is a prefix of the escaped UIDL, "~", and 32 hex digits of its SHA-256. */
size_t name_encode(char to[NAME_LONGEST + 1], struct slice uidl, unsigned ordinal);

/* Whether it is the name of this UIDL for the plain reason that nothing of it is escaped. `name` is
 * one that name_encode made of any UIDL. */
bool name_is_itself(struct slice name, struct slice uidl);

/* What stands in a UIDL's place for a message that has none, made from its header's digest: a LF,
 * which no server can send within a UIDL, and hex digits. Its name is "header~" and the digits. */
#define NAME_STAND_IN 33 /* octets */
void name_stand_in(char to[NAME_STAND_IN], const unsigned char digest[32]);
bool name_is_stand_in(struct slice uidl);

/* Whether a UIDL, or a name, is a bare small number: some servers count anew at each start, so that
 * it may be another message's by then (facts.md). */
bool name_is_counter(struct slice name);

/* Undoes name_encode where the name says all: the UIDL's octets are appended to *uidl. false: it is
 * no name of ours, or a shortened one (name_is_short), which only the store can tell. */
bool name_decode(struct slice name, struct buf *uidl, unsigned *ordinal);
bool name_is_short(struct slice name);

#endif
