/* Everything that the threads say to each other: this header is their contract. Each thread has one
 * queue and reads only that. Values are copied in; whoever takes an item owns it and what hangs on
 * it.
 *
 *     fs ------job------> session ------task-----> store
 *      ^  \_____________________task________________^ |  |
 *      |                    ^----------job------------/  |
 *      \-------------------------event-------------------/   (the session sends events, too)
 */
#ifndef POP3FS_JOBS_H
#define POP3FS_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "draft.h"
#include "error.h"
#include "listing.h"
#include "queue.h"

struct checking;
struct pins;
struct shelf;

/* ---- deletions on their way: journal.h has the states' meaning ---- */

enum intention_state {
	INTENTION_PENDING, /* unlinked, nothing sent */
	INTENTION_SENT,    /* a DELE for it is out or about to go out */
	INTENTION_ASSUMED, /* DELE and QUIT were answered "+OK"; the next listing proves it */
	INTENTION_UNKNOWN, /* QUIT had no answer or another: the next listing settles it */
	INTENTION_REFUSED, /* the server would not: shown again */
};

struct intention {
	int64_t id;
	int64_t made; /* seconds since 1970 */
	enum intention_state state;
	unsigned tries;           /* commits that did not delete it */
	bool resized;             /* LIST says another size now */
	bool older;               /* made, or armed again, before the listing now valid */
	uint64_t listed;          /* LIST's size when it was unlinked */
	bool has_digest;          /* the header was known then ... */
	unsigned char digest[32]; /* ... and its hash */
	char name[220];           /* the file's name, without suffix */
};

struct intentions {
	size_t count;
	struct intention all[];
};

/* ---- to the session thread ---- */

enum job_kind {
	/* from the fs thread */
	JOB_FETCH,   /* id, urgent, waited_for, again: answered by one EVENT_FETCHED, always; asked
			twice: answered once for both. What is in the cache is not fetched, but for
			`again`: its body there was damaged, and TASK_DAMAGED is on its way; or
			it is doubted, and stays until another comes */
	JOB_HEADER,  /* id, urgent: answered by one EVENT_HEADED, always; asked twice: answered
			once for both */
	JOB_REFRESH, /* waited_for, insists, number: answered by EVENT_REFRESHED or
			EVENT_NOT_LISTED; a second one joins the first, unless that has logged in
			and so sees no newer mail */
	JOB_COMMIT,  /* final: answered by one EVENT_COMMITTED; final: nothing else is begun
			afterwards */
	JOB_END,     /* close the line and end the thread */
	/* from the store thread */
	JOB_STORED,     /* octets: so many of the pieces sent are no longer in memory */
	JOB_MERGED,     /* draft: TASK_MERGE is done, or TASK_PUBLISH asks for more; bring the
			   headers of all rows that are not ROW_KNOWN */
	JOB_PUBLISHED,  /* draft, listing, numbers: TASK_PUBLISH is done. Where the draft is held
			   back (its verdict) it is the listing in force before */
	JOB_INTENTIONS, /* intentions: answers TASK_INTENTIONS */
	JOB_KEPT,       /* id: TASK_BODY is done, well or not; EVENT_FETCHED tells the fs thread */
	JOB_DOUBTED,    /* id, hash, doubts: TASK_BODY's header is not the one that TOP gave, or TOP
			   gave none and it is unproven. It was thrown away; fetch it again */
	JOB_MARKED,     /* TASK_MARK is on disk: the DELEs may go out */
};

struct job {
	struct queue_item item;
	enum job_kind kind;
	int64_t id;
	bool urgent; /* a reader waits; else it is prefetch, or waited_for */
	bool again;
	unsigned doubts;
	unsigned char hash[32]; /* SHA-256 of the body that was thrown away */
	bool waited_for; /* a person waits: log in now even if LOGIN-DELAY asks for patience (a
			    reader is one, without this) */
	bool insists;    /* the person whose mount it is has asked: a listing that lost most
			    (E_SHRUNK) is believed, a secret that was refused is tried again */
	int64_t number;  /* above that of all refreshes before it */
	bool final;
	uint64_t octets;
	struct draft *draft;
	struct listing *listing; /* held for the receiver */
	uint32_t
	    *numbers; /* malloc'd: message numbers of this session by index in listing; 0: none */
	struct intentions *intentions; /* malloc'd */
	struct failure failure;        /* JOB_PUBLISHED, JOB_MERGED, JOB_MARKED: OK or why not */
};

/* ---- to the store thread ---- */

enum task_kind {
	/* from the session thread */
	TASK_CHUNK,   /* id, index, data, len, lines: a piece of a body, in order, CHUNK_OCTETS but
			 the last */
	TASK_BODY,    /* id, body: the last piece is in. Or, where no TASK_CHUNK went before it:
			 data, len, lines, which are all of it. Answered by EVENT_FETCHED to fs,
			 or by JOB_DOUBTED to the session */
	TASK_DISCARD, /* id: throw away the pieces of an unfinished body; a whole one stays */
	TASK_HEADER,  /* id, learnt: a header that was asked for; answered by EVENT_HEADED */
	TASK_MERGE,   /* draft: answered by JOB_MERGED */
	TASK_PUBLISH, /* draft: answered by JOB_PUBLISHED, and EVENT_LISTED to fs unless it is held
			 back; or by JOB_MERGED */
	TASK_INTENTIONS, /* answered by JOB_INTENTIONS */
	TASK_MARK,       /* ids, count: they become SENT, on disk; answered by JOB_MARKED */
	TASK_OUTCOMES,   /* outcomes, count: what DELE and QUIT brought; EVENT_INTENTIONS to fs */
	TASK_REMEMBER,   /* key, value: a fact about the account (store.h) */
	/* from the fs thread */
	TASK_DAMAGED,  /* id: throw away the whole body */
	TASK_UNLINK,   /* id: answered by EVENT_UNLINKED once it is in the log */
	TASK_UNDELETE, /* id: answered by EVENT_UNDELETED once it is on disk */
	TASK_SYNC,     /* cookie: answered by EVENT_SYNCED once all before it is on disk */
	TASK_USED,     /* ids, count: they were opened not long ago (for eviction by age) */
	TASK_SPARE, /* id: nobody holds its body any more (pins.h), and there is a use for that */
	TASK_CHECK, /* checking, cookie: answered by EVENT_CHECKED */
	/* from main */
	TASK_END, /* finish what is queued, close, end the thread */
};

#define CHUNK_OCTETS                                                                               \
	131072 /* of a body in one row; facts.md: pieces of this size read and write best */

/* A whole body, when its last octet is in. */
struct body {
	uint64_t size;   /* octets */
	uint64_t lines;  /* CRLFs */
	uint32_t chunks; /* rows */
	uint32_t header; /* octets of the header */
	unsigned char sha256[32];
	struct learnt *learnt; /* its header */
	unsigned doubts;       /* times that it came otherwise, or with another header than TOP's */
	bool sure;             /* believed whatever header TOP gave: it came twice alike */
	bool unproven;         /* only its header says that it is what was asked for */
};

/* What became of one deletion, for the journal (journal.h: its events). */
enum outcome_kind {
	OUTCOME_DELETED,  /* DELE "+OK" and QUIT "+OK" */
	OUTCOME_UNKNOWN,  /* DELE went out, QUIT's answer did not come or was not "+OK" */
	OUTCOME_REFUSED,  /* DELE was answered "-ERR" */
	OUTCOME_NOT_SENT, /* marked, but the DELE never left */
	OUTCOME_DROPPED,  /* it is another message now: the intention ends, the message is shown */
};

struct outcome {
	int64_t id;
	enum outcome_kind kind;
};

struct task {
	struct queue_item item;
	enum task_kind kind;
	int64_t id;
	uint32_t index;
	char *data; /* malloc'd */
	size_t len;
	uint32_t lines;
	struct body *body;     /* malloc'd */
	struct learnt *learnt; /* malloc'd */
	struct draft *draft;
	int64_t *ids;             /* malloc'd, `count` */
	struct outcome *outcomes; /* malloc'd, `count` */
	size_t count;
	uint64_t cookie;
	char *key, *value; /* malloc'd */
	struct checking *checking;
};

/* ---- to the fs thread ---- */

enum event_kind {
	/* from the store thread */
	EVENT_LISTED,   /* listing, intentions: the new truth; `same` if nothing changed (listing is
			   NULL then) */
	EVENT_FETCHED,  /* id, failure: the body is in the cache and the model has its size; or why
			   not */
	EVENT_HEADED,   /* id, failure: the header is in the store and the model has its length; or
			   why not. E_REFUSED, E_PROTOCOL, E_CLOSED: by TOP it cannot be had, and
			   maybe with the body */
	EVENT_UNLINKED, /* id, failure */
	EVENT_UNDELETED,  /* id, failure */
	EVENT_INTENTIONS, /* intentions: all there are now */
	EVENT_SYNCED,     /* cookie, failure */
	EVENT_CHECKED,    /* checking, cookie, failure */
	EVENT_EVICTED, /* id: pins_left is to be called. Its body left the cache, or could not; or
			  made way for another one, or did not */
	/* from the session thread (EVENT_FETCHED and EVENT_HEADED with a failure, too) */
	EVENT_REFRESHED,  /* number: the listing that came last answers the waited-for refreshes up
			     to this one */
	EVENT_NOT_LISTED, /* number, failure: a refresh did not succeed; nor did those up to this
			     one */
	EVENT_COMMITTED,  /* commit, failure */
	EVENT_STATE,      /* state: for .pop3fs/status, whenever it changes */
	/* from the notify thread (fs/notify.h) */
	EVENT_TOLD, /* cookie, id: the kernel has heard of what notify_then was asked for */
};

/* What a commit did; all counts are of deletions. */
struct commit_result {
	size_t deleted; /* DELE and QUIT both answered "+OK" */
	size_t waiting; /* still in the journal, for the next commit */
	size_t dropped; /* given up: another message now, or refused too often; shown again */
	bool proved;    /* a listing taken afterwards agreed, or there was nothing to do */
	bool later;     /* none was taken: the server asks for patience between logins */
};

enum session_phase {
	PHASE_CLOSED, /* no connection; that is the usual rest */
	PHASE_CONNECTING,
	PHASE_LISTING,
	PHASE_READY, /* logged in */
	PHASE_COMMITTING,
	PHASE_OFFLINE, /* the last attempt failed; see `trouble` */
};

struct session_state {
	enum session_phase phase;
	size_t queue;           /* fetches waiting or under way */
	int64_t listed;         /* last successful listing, seconds since 1970; 0: never */
	size_t bad_lines;       /* skipped in it */
	struct failure trouble; /* the last error; code OK: none since the last success */
	char server[128];       /* IMPLEMENTATION, or "" */
	char cipher[64];        /* TLS version and suite, or "none" */
	char login[24];         /* how the last one was: a mechanism's name */
	bool eats_read;         /* the server deletes what was read: sessions end without QUIT */
	/* of the listing under way, roughly; 0: there is none, or it is not known yet */
	uint64_t counted;  /* messages that have been listed so far ... */
	uint64_t expected; /* ... of so many ... */
	uint64_t headers;  /* ... and the headers that have come then */
};

struct event {
	struct queue_item item;
	enum event_kind kind;
	int64_t id;
	uint64_t cookie;
	int64_t number;
	bool same, fresh;
	bool final;                    /* EVENT_COMMITTED: it answers the final one */
	bool held;                     /* EVENT_FETCHED: pins_let_go is to be called behind it */
	bool replaced;                 /* EVENT_FETCHED: the body before had other octets */
	struct listing *listing;       /* held for the receiver */
	struct intentions *intentions; /* malloc'd */
	struct commit_result commit;
	struct session_state *state; /* malloc'd */
	struct checking *checking;
	struct failure failure;
};

/* Each makes an item of the kind, all else zero; and frees one with all that hangs on it. */
struct job *job_create(enum job_kind kind);
void job_free(struct job *j);
struct task *task_create(enum task_kind kind);
void task_free(struct task *t);
struct event *event_create(enum event_kind kind);
void event_free(struct event *e);

/* The three queues, made before the threads and ended after them; and what the store and the fs
 * thread both look into (each may be NULL). */
struct queues {
	struct queue jobs, tasks, events;
	struct pins *pins;   /* which bodies are in use */
	struct shelf *shelf; /* those that are not in the database */
};

#endif
