/* The verbs of a mount, as ioctls on its root directory: what the daemon answers and the commands
 * ask. Numbers and structs, no code.
 *
 * The kernel lets in whom the mount lets in; what changes something (COMMIT, UNDELETE, VERIFY) is
 * for the mount's owner and root alone (EPERM). A verb that waits is ended by any signal (EINTR)
 * while its work goes on, so it can be asked again. ENODEV: the daemon is ending. ENOTTY: this is
 * no pop3fs, or another version: the struct's size is in the number. For FUSE the kernel copies
 * just that size, in and out, so no struct holds a pointer, and each is of the same layout on 32
 * and 64 bits. */
#ifndef POP3FS_IOCTLS_H
#define POP3FS_IOCTLS_H

#include <stdint.h>
#include <sys/ioctl.h>

#define VERB_WORDS 480  /* octets of a sentence, with its NUL: struct failure's */
#define VERB_NAME  256  /* of a file's name, with its NUL */
#define VERB_TEXT  8184 /* octets of a text; the kernel takes structs below 16 KiB */

/* Why it was not done. */
struct verb_failure {
	int32_t number; /* errno; 0: it was done */
	uint32_t unused;
	char words[VERB_WORDS]; /* a sentence that may hold the server's own octets */
};

/* Who the daemon is (process.h). Answered at once. */
struct verb_identity {
	int64_t pid; /* as it sees itself */
	uint64_t started;
	uint64_t pid_namespace, mount_namespace;
	int64_t commit_ms; /* commit_timeout */
};

enum verb_proof {
	VERB_UNPROVED,     /* no listing could be had afterwards */
	VERB_PROVED,       /* one agreed */
	VERB_PROVED_LATER, /* none was asked for: the server wants patience between logins */
};

/* Deletes on the server what was unlinked before it was asked, and lists again to see it gone. All
 * counts are of deletions. */
struct verb_commit {
	uint32_t leaving; /* in: an unmount follows at once, and what this brings holds for it, too:
			     until then, or STAY, nothing can be unlinked or taken back (EROFS) */
	uint32_t proof;   /* enum verb_proof */
	uint64_t deleted; /* DELE and QUIT were both answered "+OK" */
	uint64_t waiting; /* still in the journal */
	uint64_t dropped; /* given up: these messages are shown again */
	struct verb_failure failure;
};

/* The unmount that was to follow a COMMIT did not come about. Answered at once. */
struct verb_stay {
	uint32_t left; /* 1: it was believed until now */
};

/* Lists again now. For the mount's owner and root also where a secret was refused, which others
 * cannot have tried again, and a listing that lost most is believed. */
struct verb_refresh {
	struct verb_failure failure;
};

/* Takes deletions back; on disk when it is answered. */
struct verb_undelete {
	char name[VERB_NAME]; /* in: one message's, or "" for all */
	uint64_t done;        /* messages that are back */
	uint64_t refused; /* those that could not be taken back; the failure is of one of them */
	struct verb_failure failure;
};

/* Looks through the bodies in the cache, in order of id, as far as the first finding or for a
 * while; to be asked again from there on. */
struct verb_verify {
	int64_t
	    after; /* in: the last one looked at, 0: none; out: the same, 0: there are no more */
	char name[VERB_NAME]; /* in: this one alone, or ""; out: what the finding is about */
	uint32_t refetch;     /* in: what is damaged or differs is fetched again */
	uint32_t found;       /* enum finding (checking.h) */
	uint32_t fetched;     /* it was tried; the failure says how that went */
	uint32_t unused;
	uint64_t checked; /* messages that are as they should be */
	uint64_t octets;  /* looked at */
	uint64_t size, listed;
	uint8_t sha256[32];
	struct verb_failure failure;
};

/* The text of .pop3fs/status (status.h), without opening a file. Answered at once. */
struct verb_status {
	uint32_t len;
	uint32_t unused;
	char text[VERB_TEXT]; /* `len` octets of whole lines; zero behind them */
};

/* Brings messages into the cache, in two steps. First they are named, a part at a time; the last
 * part begins it, and it goes on whoever listens. Names that are no message's count as failed. What
 * the cache would not keep is not begun, and the last part's answer says why. */
#define VERB_NAMES 8168 /* octets of names, each with its NUL, another NUL behind the last */

struct verb_fetch {
	int64_t
	    number; /* in: 0 in the first part, then what that was answered; out: of this fetch */
	uint32_t more; /* in: this is not the last part */
	uint32_t unused;
	struct verb_failure failure;
	char names[VERB_NAMES]; /* in; none in the only part: all messages */
};

/* Then whoever asked hears how it goes: waits until there is news, which is that more messages are
 * settled than `seen`, or that more failures than `told` are known, or the end. Sizes are as known
 * when it began. What was in the cache is not counted. ESRCH: no such fetch (any more). */
struct verb_fetched {
	int64_t number;             /* in */
	uint64_t seen, told;        /* in: UINT64_MAX, to wait for the end or for failures */
	uint64_t messages, settled; /* those that failed are settled, too */
	uint64_t failed;            /* not all of them are told */
	uint64_t octets, settled_octets;
	uint32_t finished; /* and no failure is left to be told: the number is of no more use */
	uint32_t unused;
	char name[VERB_NAME];        /* if not "": of the failure behind those told ... */
	struct verb_failure failure; /* ... and why */
};

/* What has happened (happenings.h), from line `next` on; waits until there is something. */
struct verb_events {
	uint64_t next;    /* in: UINT64_MAX for those that are still to come, which is answered at
			     once; out: where to go on */
	uint64_t lost;    /* so many lines before these were forgotten */
	uint32_t leaving; /* an unmount follows: let the mount go until that is over */
	uint32_t len;
	char text[VERB_TEXT]; /* `len` octets of whole lines */
};

#define VERB_IDENTITY _IOR('P', 0xf0, struct verb_identity)
#define VERB_COMMIT   _IOWR('P', 0xf1, struct verb_commit)
#define VERB_REFRESH  _IOR('P', 0xf2, struct verb_refresh)
#define VERB_UNDELETE _IOWR('P', 0xf3, struct verb_undelete)
#define VERB_EVENTS   _IOWR('P', 0xf7, struct verb_events)
#define VERB_VERIFY   _IOWR('P', 0xf6, struct verb_verify)
#define VERB_STATUS   _IOR('P', 0xf4, struct verb_status)
#define VERB_STAY     _IOR('P', 0xf5, struct verb_stay)
#define VERB_FETCH    _IOWR('P', 0xf8, struct verb_fetch)
#define VERB_FETCHED  _IOWR('P', 0xf9, struct verb_fetched)

#endif
