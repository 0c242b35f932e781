/* GNU SASL's side of an exchange; in builds without it there is none (gnu_create says so). */
#ifndef SERVER_GNU_H
#define SERVER_GNU_H

#include "sasl.h"

struct gnu;

/* false: there is no such mechanism here. *out is the caller's, for gnu_free. */
bool gnu_create(struct gnu **out, const struct settings *settings, const struct sasl_line *line,
    const char *name);
enum sasl_result gnu_step(struct gnu *g, struct slice answer, struct buf *challenge);
void gnu_free(struct gnu *g); /* NULL is fine */

#endif
