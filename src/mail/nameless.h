/* Messages that are listed without a UIDL: where the server has none, and where some lines are
 * missing. The header's hash stands in for it (name.h), so that their names are stable across
 * mounts; equal headers get ordinals, in order. They cannot be deleted: a hash of a header is no
 * promise of the server. */
#ifndef POP3FS_NAMELESS_H
#define POP3FS_NAMELESS_H

#include "settle.h"

/* Names the rows whose header was brought. A row without header cannot be named, and is left out: a
 * bad line, and the draft is partial from then on. */
void nameless_name(struct draft *d);

/* Behind hold_find: whether a message that was listed without a UIDL now, and never before, may be
 * one whose UIDL is known and missing. Then the listing came short: E_PROTOCOL. */
enum error nameless_check(struct publication *p, struct failure *why);

#endif
