/* The file system: the loop over {FUSE, events, signals}, the model it owns, and its end. One
 * thread (main) calls all of this. It never waits for the network, for a write, or for a
 * notification. */
#ifndef POP3FS_FS_H
#define POP3FS_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "jobs.h"

struct fs_plan { /* the strings live as long as the fs */
	const char *mountpoint;
	const char *source;       /* shown in mountinfo, byte for byte as written */
	const char *account;      /* "user@host" for .pop3fs/status */
	const char *store;        /* the database's path, for the reader */
	const char *sandbox;      /* what this process has given up, for .pop3fs/status */
	uint64_t started;         /* process_started of this process */
	const char *fuse_options; /* more for the kernel and fusermount3, comma separated; "" */
	uid_t uid;                /* owner shown */
	gid_t gid;
	mode_t umask;       /* taken off 0777 (directories) and 0444 (messages): 077 unless told */
	const char *suffix; /* of all files' names (names.h); "" */
	bool lf;            /* line ends of messages are LF, else as the server sends them */
	bool mtime_seen;    /* mtime is when a message was first seen, else when it was received */
	bool xattr;         /* messages have extended attributes */
	bool read_only;
	bool default_permissions; /* the kernel checks modes: access() needs no answer of ours */
	uint64_t prefetch;   /* octets asked for ahead of a reader who goes in order; 0: none */
	uint64_t pushed;     /* octets of pages given to the kernel ahead of such a one; 0: none */
	bool mirror;         /* all messages are kept in the cache (mirror.h) ... */
	uint64_t cache_size; /* ... if they fit into so many octets; 0: they do */
	bool nocache;        /* no message is kept beyond its last close */
	bool openless;       /* nobody in the mount may write whatever modes say (openless.h) */
	uint64_t max_delete; /* so many deletions may wait for a commit; 0: any number */
	bool offline;        /* mount what the store has if the server cannot be reached */
	bool hangup;         /* SIGHUP is as SIGTERM; else it means nothing */
	int64_t commit_ms;   /* the commit at the end may take this long */
	int64_t refresh_s;   /* an access later than this after the last listing starts a new one */
	/* Makes the mount, as mount_make does (mount.h) with mount_options of this plan. */
	enum error (*mount)(void *with, int *fd, struct failure *why);
	void (*detach)(
	    void *with); /* takes the mount away lazily (companion); must not wait for the loop */
	/* Once, before detach if that comes: the mount is gone or goes, and the last commit begins.
	 */
	void (*ending)(void *with);
	/* So many messages have come with a listing; the mount answers. Must not wait. May be NULL.
	 */
	void (*fresh)(void *with, uint64_t count);
	/* What whoever mounts should know, a sentence; called by fs_first_listing. */
	void (*notice)(void *with, const char *words);
	/* How far the first listing has come, in words: now and then. Must not wait. */
	void (*progress)(void *with, const char *words);
	/* -1, or for poll, with POLLPRI: something was mounted or unmounted ... */
	int mounts;
	/* ... and whether ours still is. Must not wait. NULL: that is not looked for. */
	bool (*lasts)(void *with);
	void *with;
};

struct fs;

/* Makes the model and opens the reader. The threads behind `queues` run already. */
enum error fs_create(
    struct fs **out, const struct fs_plan *plan, struct queues *queues, struct failure *why);
void fs_free(struct fs *f);

/* Asks for the listing that a mount begins with. As soon as the session's thread runs: so the
 * server answers while the store is still being read. */
void fs_ask_first_listing(struct queues *queues);

/* Takes events until the listing that was asked for is there; offline, what an earlier mount
 * has stored will do. Then says, by plan->notice, what is not as usual: deletions that wait, no
 * server. E_*: what the server or store said. A signal (SIGINT, SIGTERM) ends it with
 * E_INTERRUPT. */
enum error fs_first_listing(struct fs *f, struct failure *why);

enum error fs_mount(struct fs *f, struct failure *why);

/* Serves until the mount is gone or a signal ended it; calls ready(with) once the kernel's INIT is
 * answered. When it returns the mount is gone (or detached), the deletions are committed or wait in
 * the journal, and *result tells. */
enum error fs_run(struct fs *f, void (*ready)(void *with), void *with, struct commit_result *result,
    struct failure *why);

#endif
