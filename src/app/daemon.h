/* From a command to a daemon: one fork, and a pipe over which the child says "ready", or what went
 * wrong. The parent waits for it, so that whoever typed the command sees how it ended. */
#ifndef POP3FS_DAEMON_H
#define POP3FS_DAEMON_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

#define DAEMON_MOST_NOTICES 8

struct daemon {
	int pipe;    /* this process's end; -1 in the foreground */
	pid_t child; /* in the parent, else 0 */
	pid_t parent;
	sigset_t signals; /* blocked before the fork, for the parent's end */
	bool told;        /* the child, that it should end */
	struct far *far;  /* how far the child has come; NULL in the foreground */
	struct failure notices[DAEMON_MOST_NOTICES]; /* said before there was a log */
	size_t count;
};

/* Before anything else: descriptors 0 to 2 are open, files are 0600, no core dump, no ptrace,
 * SIGPIPE and SIGXFSZ ignored. */
void daemon_prepare(void);

/* Forks (not in the foreground). Signals that end a daemon are blocked from here on: the loop of
 * the child, or of the foreground, reads them from a signalfd, and they come also if the parent
 * dies first; the parent hears them in daemon_wait. E_SYSTEM. */
enum error daemon_fork(struct daemon *d, bool foreground, struct failure *why);
bool daemon_is_parent(const struct daemon *d);

/* The parent: waits until the child is ready or has failed, prints why, returns the exit status
 * (outcome.h). On a terminal it shows "doing", how far it has come and the time meanwhile, and
 * the child's notices.
 * Ctrl-C makes the child give up, waits for that, and then ends the parent, too. */
int daemon_wait(struct daemon *d, const char *doing);

/* The child or the foreground, before the next call: something that whoever mounts should know. It
 * also goes to the log, once there is one. More than DAEMON_MOST_NOTICES are dropped. */
void daemon_notice(struct daemon *d, const char *words);

/* The same: how far it has come, in a few words, for the parent's terminal. Waits for nobody. */
void daemon_progress(struct daemon *d, const char *words);

/* The child: the mount answers. Tells the parent; then it has a session of its own, stdio is
 * closed, "/" the working directory, and syslog the log. Nothing of it in the foreground. If the
 * parent is gone, nobody wants the mount any more: SIGTERM is sent to this process. */
void daemon_ready(struct daemon *d);

/* The child or the foreground: what went wrong, to whom it concerns (the parent, else the log). */
void daemon_fail(struct daemon *d, const struct failure *why);

#endif
