/* The verb EVENTS: whoever has heard all is parked until something happens. And what happens, as it
 * comes from the other threads: into happenings.h, and to on_new. */
#ifndef POP3FS_TELLING_H
#define POP3FS_TELLING_H

#include <fuse_lowlevel.h>

#include "jobs.h"

struct fs;

void telling_begin(struct fs *f, fuse_req_t req, const void *in);

/* maildrop_change, of a listing that came from the server: `with` is the fs. */
void telling_come(void *with, const struct listing *l, const struct message *m);
void telling_gone(void *with, const struct listing *l, const struct message *m);
void telling_committed(struct fs *f, const struct event *e);
void telling_state(struct fs *f);

/* All events were taken: what has happened is told. */
void telling_all(struct fs *f);

/* An unmount follows: whoever listens shall let the mount go meanwhile. */
void telling_leave(struct fs *f);

#endif
