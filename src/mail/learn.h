/* What one header teaches: its digest, its date, its text. */
#ifndef POP3FS_LEARN_H
#define POP3FS_LEARN_H

#include "draft.h"
#include "slice.h"

/* From a message's text, of which the header counts and at most LEARN_LARGEST octets of that (a
 * longer one is cut there, always). `now` in seconds since 1970: a date beyond it is not believed.
 * malloc'd, the caller's. */
#define LEARN_LARGEST 65536
struct learnt *learn_header(struct slice text, int64_t now);

/* The same without the date: a body comes after its message is shown, and that has a time. */
struct learnt *learn_of_body(struct slice text);

/* Octets of the header, where all of it was learnt; 0: it was cut, or there is none. */
uint32_t learn_length(const struct learnt *l);

/* Whether it begins like a reply, as a header never does: a reply too many came before it. */
bool learn_is_reply(const struct learnt *l);

#endif
