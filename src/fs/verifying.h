/* The verb VERIFY: the store looks through its bodies (checking.h), and what it finds is answered;
 * if so wished once it has been fetched again. */
#ifndef POP3FS_VERIFYING_H
#define POP3FS_VERIFYING_H

#include <fuse_lowlevel.h>

#include "jobs.h"

struct fs;
struct verification; /* one that is not answered yet */

void verifying_begin(struct fs *f, fuse_req_t req, const void *in);
void verifying_checked(struct fs *f, struct event *e);       /* EVENT_CHECKED */
void verifying_fetched(struct fs *f, const struct event *e); /* EVENT_FETCHED */
void verifying_finish(struct verification *all);

#endif
