/* The session thread: the one that talks to the server. It connects on demand, lists at each login,
 * fetches what it is asked for, commits deletions, and closes the line when it has been idle. It
 * reads only its queue of jobs. RFC 1939: one session at a time holds the maildrop. */
#ifndef POP3FS_SESSION_H
#define POP3FS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "facts.h"
#include "jobs.h"
#include "mechanism.h"
#include "proxy.h"
#include "secret.h"
#include "tls.h"

struct lookup_asker;

enum session_pipelining { PIPELINING_AUTO, PIPELINING_ON, PIPELINING_OFF };

enum session_tls { SESSION_TLS_IMPLICIT, SESSION_TLS_STARTTLS, SESSION_TLS_OFF };

/* Who asks the source of the secret again, while the session goes on; lives as long as it. Used by
 * the session thread alone. */
struct session_asker {
	int fd;                  /* readable when the answer is there */
	void (*ask)(void *with); /* begins, or joins what has begun. NULL: nobody can be asked */
	/* false: no answer yet. Else *out is the caller's, or *why has a code. */
	bool (*answer)(void *with, struct secret **out, struct failure *why);
	void *with;
};

struct session_plan { /* copied, but its strings live as long as the session */
	const char *host, *port, *user;
	const struct secret *password; /* of the first login, copied; NULL: the asker is asked */
	bool is_token;                 /* it is good for one login: the next one asks again */
	struct session_asker asker;
	const struct lookup_asker *lookup; /* who looks up names (lookup.h); NULL: a thread */
	enum mechanism auth;               /* MECHANISM_AUTO: the strongest */
	enum session_tls tls;
	const struct proxy *proxy;   /* proxy.h; NULL: none */
	const char *ca, *cert, *key; /* tls.h; NULL: none */
	const struct pin *pin;
	struct tls *trust; /* session_trust; NULL: session_start does it */
	enum tls_version tls_min;
	int64_t timeout_ms; /* without an octet of progress */
	int64_t idle_ms;    /* an unused line is closed after this */
	int64_t retry_ms;   /* how long E_LOCKED and E_LATER are tried again */
	int64_t commit_ms;  /* a commit ends within this */
	int64_t hold_ms;    /* a listing that lost most is not believed before this (hold.h) */
	size_t headers;     /* new messages of a listing whose header is learnt, the newest first */
	enum session_pipelining pipelining;
	struct facts facts; /* from earlier mounts */
	uint64_t mirror;    /* a maildrop of so many octets is fetched whole; 0: none is */
	bool read_only;     /* never send DELE */
};

struct session;

/* Reads the files that plan->ca, cert and key name, into plan->trust, for when it shall not be done
 * by session_start: a process may give up its files in between (sandbox.h). E_TLS, E_CONFIG. */
enum error session_trust(struct session_plan *plan, struct failure *why);

/* plan->trust is its own from then on. E_TLS, E_CONFIG, E_SYSTEM; the plan keeps what it had. */
enum error session_start(struct session **out, const struct session_plan *plan,
    struct queues *queues, struct failure *why);

/* Waits for the thread's end; JOB_END must have been sent. */
void session_join(struct session *s);

#endif
