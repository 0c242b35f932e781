/* The mechanisms that GNU SASL does for us: SCRAM, LOGIN, CRAM-MD5, EXTERNAL, and never one that is
 * not in mechanism.h, whatever else the library has. For sasl.c alone; only in builds with it. */
#ifndef POP3FS_GNU_H
#define POP3FS_GNU_H

#include "sasl.h"

struct gnu;

/* The plan must live as long as it does. E_SYSTEM: the library, or the mechanism in it, is not
 * there. */
enum error gnu_create(struct gnu **out, const struct sasl_plan *plan, struct failure *why);
void gnu_free(struct gnu *g); /* NULL is fine */

bool gnu_speaks_first(enum mechanism m);

/* As sasl_step, without the base64. *done is set when the server has said, and proved, all that it
 * has to. */
enum error gnu_step(
    struct gnu *g, struct slice challenge, struct buf *response, bool *done, struct failure *why);

#endif
