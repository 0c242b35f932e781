/* The session thread's inside. An errand is one thing that is done on an open line: survey (what
 * does the maildrop hold), fetching (bodies), committing (deletions). session.c decides which comes
 * next and owns the line; orders.c takes what the other threads ask for; each errand has a file of
 * its own and is told the answers to what it sent. Private to these files. */
#ifndef POP3FS_ERRAND_H
#define POP3FS_ERRAND_H

#include <pthread.h>

#include "backoff.h"
#include "buf.h"
#include "gather.h"
#include "jobs.h"
#include "pace.h"
#include "session.h"
#include "talk.h"
#include "troubled.h"
#include "wants.h"

/* What the line is at. It goes down this list and back to NONE. */
enum line_state {
	LINE_NONE,
	LINE_ASKING,     /* for the secret to log in with */
	LINE_OPENING,    /* connecting, TLS, login */
	LINE_SURVEYING,  /* every login lists again */
	LINE_READY,      /* the listing stands: fetching, or nothing */
	LINE_COMMITTING, /* DELEs are out: nothing but QUIT may follow */
	LINE_LEAVING,    /* QUIT is out */
};

/* ---- survey.c: STAT, UIDL, LIST ---- */

struct survey {
	struct draft *draft; /* NULL while the store has it */
	size_t asked;        /* questions of the three */
	bool counted;        /* STAT told a count */
	uint64_t stat_count, list_lines, uidl_lines;
	uint64_t lines;   /* of the list that is coming */
	struct buf first; /* ... the first of them, where it may be a status line */
};

struct session;

/* Begins on a line that has just been opened. An error breaks the line. */
enum error survey_start(struct session *s, struct failure *why);
enum error survey_answer(struct session *s, const struct answer *a, struct failure *why);
/* How far it has come: a listing of a large maildrop takes a while. */
void survey_progress(const struct session *s, struct session_state *state);
enum error survey_merged(struct session *s, struct draft *draft, struct failure *why);
/* The line is ready: says what is unusual, and if the listing is held back, to whom it may concern.
 */
void survey_published(struct session *s, const struct draft *draft);
/* The line is lost or the store has answered: forgets what was under way. */
void survey_forget(struct session *s);

/* ---- learning.c: TOP for the headers that the store asks for ---- */

/* Where CAPA does not say whether there is a TOP. */
enum top_use { TOP_UNTRIED, TOP_WORKS, TOP_REFUSED };

struct learning {
	size_t next;           /* of the draft's rows: those before it may still be asked for */
	size_t out;            /* asked for, and the answer has not ended */
	size_t wanted, doubts; /* so many more of new messages, and of doubtful ones */
	size_t came;           /* answers that have ended */
	uint32_t proof;        /* LIST with this number is out behind them; 0: it is not */
	bool proof_asked;
	bool answered;           /* one has been ... */
	size_t last;             /* ... the last of them being this row's */
	size_t refused;          /* one after the other */
	uint64_t kept, received; /* octets */
	uint64_t bodies;         /* ... that LIST says of those asked for in a header's place */
	struct buf text;         /* the header that is coming in ... */
	uint64_t coming;         /* ... and of how many octets its answer is so far */
	/* for the life of the mount: */
	enum top_use top;
	unsigned breaks; /* lines that broke under headers since the last listing */
	unsigned silent; /* lines that fell silent at a TOP, none having been answered since */
	struct buf shunned;
};

bool learning_top_is_there(const struct session *s);
enum error learning_start(struct session *s, struct failure *why);
enum error learning_answer(struct session *s, const struct answer *a, struct failure *why);
/* What proves that the headers came in step is out. */
bool learning_is_unproven(const struct session *s);
/* Before line_close: whether the line broke under a header, so that the listing may come about on
 * another line, without that one. */
bool learning_broken(struct session *s, const struct failure *why);
void learning_forget(struct session *s);
void learning_finish(struct session *s); /* at the end of the thread */

/* ---- ahead.c: a mirror's first message, asked for behind the headers of its first listing ---- */

struct ahead {
	bool went;       /* tried in this mount */
	bool unproven;   /* LIST, which says that the headers came in step, is not answered yet */
	uint32_t number; /* of the message, while its RETR is out and it has no id; else 0 */
};

/* All headers of the draft have been asked for, and some are out: asks for the message behind them,
 * where it may. */
enum error ahead_go(struct session *s, struct failure *why);
enum error ahead_answer(
    struct session *s, const struct answer *a, struct failure *why); /* LIST's */
/* The store has the draft: no answer can be taken before it has made it the listing. */
bool ahead_waits(const struct session *s);
/* The line's listing is there: the message is one of those that are fetched. It closes a line whose
 * listing is another than the draft. */
void ahead_listed(struct session *s);
void ahead_line_closed(struct session *s);

/* ---- fetching.c: RETR for what is wanted ---- */

struct fetching {
	struct wants wants;
	struct gather *gather; /* the body that is coming in: of the first that is out ... */
	uint64_t came;         /* ... and of how many octets it is so far */
	struct pace pace;
	uint64_t out_octets;    /* asked for, and not come yet */
	size_t window_count;    /* RETRs since the last NOOP ... */
	uint64_t window_octets; /* ... and their octets */
	bool window_is_urgent;  /* ... and whether a reader waits for one of them */
	int64_t window_needs;   /* a message among them that needs a proof, or 0 */
	size_t noops_out;       /* or LISTs in their place */
	uint64_t held;          /* octets that wait here to be believed */
	bool odd;          /* a message's size holds up its window, until that has come again */
	bool lone_out;     /* what is out tolerates nothing beside it */
	bool read_here;    /* this session has sent a RETR ... */
	bool fetched_here; /* ... for a body */
	bool asked_for;    /* somebody waits for what is in bulk, though not to read it */
};

void fetching_want(struct session *s, int64_t id, bool urgent, bool again);
void fetching_kept(struct session *s, int64_t id);             /* JOB_KEPT */
void fetching_doubted(struct session *s, const struct job *j); /* JOB_DOUBTED */
size_t fetching_queue(const struct session *s);                /* wanted, out, or held */
bool fetching_wanted(const struct session *s); /* something is wanted, out, or held */
enum error fetching_go(struct session *s, struct failure *why);
/* Its RETR is out, though nobody may have wanted it (ahead.c). */
void fetching_went_ahead(struct session *s, int64_t id);
/* Sends nothing new, but what proves that which is out. */
enum error fetching_pause(struct session *s, struct failure *why);
enum error fetching_answer(struct session *s, const struct answer *a, struct failure *why);

bool fetching_waited_for(
    const struct session *s); /* without a line: a reader waits for something */

/* The line broke under the message that was coming in: that counts against it. */
void fetching_broken(struct session *s, const struct failure *why);
/* The line is gone: all that was out or held is wanted again. */
void fetching_line_closed(struct session *s);
void fetching_fail_all(struct session *s, const struct failure *why);
void fetching_finish(struct session *s); /* the thread ends: nobody waits any more */

/* Tells the reader that it will not come, or (NULL) that it is there, and forgets the want. */
void fetching_settle(struct session *s, struct want *w, const struct failure *why);

/* ---- heading.c: TOP for headers that somebody wants to see ---- */

struct heading {
	struct wants wants; /* in the rows URGENT, BULK and OUT */
	struct buf text;    /* the header that is coming in: of the first that is out ... */
	uint64_t octets;    /* ... and of how many its answer has been so far */
};

void heading_want(struct session *s, int64_t id, bool urgent);
bool heading_wanted(const struct session *s);     /* wanted, or out */
bool heading_waited_for(const struct session *s); /* and not out yet */
/* The ready line is at headers, or they come before bodies. */
bool heading_is_next(const struct session *s);
enum error heading_go(struct session *s, struct failure *why);
enum error heading_answer(struct session *s, const struct answer *a, struct failure *why);
/* The line broke under the header that was coming in: that costs it. false: none was. */
bool heading_broken(struct session *s, const struct failure *why);
void heading_line_closed(struct session *s); /* all that was out is wanted again */
void heading_fail_all(struct session *s, const struct failure *why);
void heading_finish(struct session *s); /* the thread ends: nobody waits any more */

/* ---- believing.c: which bodies are believed ---- */

/* The store gets it, and tells the reader once it is there. */
void believing_believe(struct session *s, struct want *w);
void believing_discard(struct session *s, struct want *w); /* its body, not the want */
/* TOP gave no header to compare it with: whether it is the message that was asked for, only a line
 * that is in step says. */
bool believing_needs_proof(const struct session *s, const struct want *w);
/* Only a line on which no body was asked for before will do. */
bool believing_needs_line(const struct session *s, const struct want *w);
/* The same body came twice, as the first of two lines. */
bool believing_came_twice(const struct want *w);
/* The proof did not come: another line is needed, on which the same again will do. */
void believing_unproven(struct session *s, struct want *w);
/* The store doubts it: JOB_DOUBTED. */
void believing_doubted(struct want *w, const struct job *j);
/* It came with the line for itself. */
void believing_came_alone(struct session *s, struct want *w);
/* A NOOP was answered in step: what is held has come. */
void believing_window_closed(struct session *s);
/* The odd one holds up the others no more. */
void believing_odd_settled(struct session *s, struct want *w);
/* All that is held is to be fetched anew. */
void believing_nothing(struct session *s);
/* One that is held has not LIST's size, where that says anything. */
bool believing_holds_odd(const struct session *s);

/* ---- postponing.c: what the server refuses for now: [SYS/TEMP], RFC 3206, 4 ---- */

/* Whether it is tried again, later; false: that has been done for as long as `retry_ms`. It costs
 * no other message anything. */
bool postponing_takes(struct session *s, struct want *w);
int64_t postponing_due(const struct session *s); /* the next one's; clock.h */
/* What is due then is wanted again, as it was. */
void postponing_look(struct session *s, int64_t now);

/* ---- pipelining.c: may more than one command be out? ---- */

bool pipelining_may_be(const struct session *s);  /* as far as we are concerned */
bool pipelining_allowed(const struct session *s); /* on this line */
bool pipelining_fetches(const struct session *s); /* of bodies, too */
/* It has done harm: one by one, for a while, or in this mount where octets were out of place
 * (`corrupted`). */
void pipelining_failed(struct session *s, bool corrupted);
void pipelining_line_opens(struct session *s); /* the while may be over */
/* A RETR was answered with nothing else out; its size was LIST's, or not. */
void pipelining_lone_fetch(struct session *s, bool size_is_listed);
/* Several commands are out, or bodies are held for want of proof. */
bool pipelining_is_used(const struct session *s);
/* When silence means that the line is out of step; clock.h. OK: it is not that late yet. */
int64_t pipelining_deadline(const struct session *s);
enum error pipelining_overdue(const struct session *s, struct failure *why);

/* ---- committing.c: the journal's intentions, DELE, QUIT ---- */

enum commit_stage {
	COMMIT_NONE,
	COMMIT_ASKING,    /* the store is asked whether there is anything to do */
	COMMIT_WAITING,   /* for a line with a listing that may be used */
	COMMIT_READING,   /* the store is asked again, after this line's listing has settled the
			     journal */
	COMMIT_COMPARING, /* TOP for the doubtful */
	COMMIT_MARKING,   /* the store puts "sent" on disk */
	COMMIT_DELETING,  /* DELEs are out */
	COMMIT_QUITTING,  /* QUIT is out, maybe behind some of them */
	COMMIT_PROVING,   /* on a live mount: listed again, to see whether they are gone */
};

struct deletion {
	int64_t id;
	uint32_t number;
	bool doubtful, marked, sent;
	bool not_now; /* it could not be compared, but may be the next time */
	enum outcome_kind outcome;
	const struct intention *intention;
};

struct committing {
	enum commit_stage stage;
	bool wanted, final;
	bool again; /* one was asked for too late for this one: it is not done before that, too */
	bool final_after; /* the same with a final one: it comes next */
	bool broken;      /* a line broke under it already */
	int64_t deadline; /* clock.h */
	struct intentions *intentions;
	struct deletion *all;
	size_t count, next;
	unsigned questions; /* to the store, not answered: only the last answer counts */
	struct buf top;
	struct commit_result result, before; /* of this round, and of those before it */
	struct failure refused;              /* the first deletion that the server did not do */
};

void committing_want(struct session *s, bool final);
/* The journal's, owned from here on; or why it could not be read. */
void committing_intentions(struct session *s, const struct failure *how, struct intentions *all);
enum error committing_start(struct session *s, struct failure *why); /* the line is ready for it */
enum error committing_marked(struct session *s, const struct failure *how, struct failure *why);
enum error committing_answer(struct session *s, const struct answer *a, struct failure *why);
/* The line is lost: begins anew on another one, once or to try again in another way, if no DELE was
 * out. */
void committing_line_broke(struct session *s, const struct failure *why, bool try_again);
/* A line could not be had, or time is up. */
void committing_broken(struct session *s, const struct failure *why);
/* A listing after the commit has come (failure OK) or could not be had. */
void committing_proved(struct session *s, const struct failure *how);
/* Wants a line now; wants a login at once, be it for the proof. */
bool committing_wants_line(const struct session *s);
bool committing_waited_for(const struct session *s);
/* The rest is for the two below. */
bool committing_waits_for(const struct intention *i); /* the server has not refused it for good */
size_t committing_most_out(const struct session *s);  /* commands at a time */

/* ---- comparing.c: is it still the message that was unlinked? ---- */

/* From the intentions: which deletions, by which numbers of this line, and which are doubtful. One
 * that nothing tells from another message, or that is doubtful and cannot be compared, is dropped:
 * its outcome says so, as it does after a comparison. */
void comparing_choose(struct session *s);
/* TOP for the doubtful, as many at a time as may be out. */
enum error comparing_go(struct session *s, struct failure *why);
bool comparing_done(const struct session *s); /* nothing is to be asked, nothing is out */
void comparing_answer(struct session *s, const struct answer *a);

/* ---- proving.c: what became of each deletion ---- */

/* The server did not do it: said of each, and to whoever waits for the commit of the first. */
__attribute__((format(printf, 2, 3))) void proving_not_done(
    struct session *s, const char *format, ...);
/* Hands what became of each to the journal, and counts it for whoever waits. */
void proving_tell_journal(struct session *s);
/* The listing after QUIT is the proof: what it still has was not deleted, whatever the answers
 * were. (The journal sees the same by itself: journal_settle.) */
void proving_look(struct session *s);

/* ---- secrets.c: the secret, asked for before a login ---- */

bool secrets_wanted(const struct session *s); /* what is at hand will not do */
void secrets_ask(struct session *s);          /* LINE_ASKING */
/* If it is there, connects; if it cannot be had, or not in time, the line is over. */
void secrets_look(struct session *s);
/* In LINE_ASKING: what to poll for (one), and until when; else nothing (0). */
size_t secrets_poll(const struct session *s, struct pollfd *fd, int64_t *wake);
void secrets_use(struct session *s, struct secret *secret); /* takes it over */
void secrets_line_closed(struct session *s);                /* a token has done its service */
void secrets_refused(struct session *s);
void secrets_accepted(struct session *s);
void secrets_person_asks(struct session *s); /* to try one that was refused again */
void secrets_finish(struct session *s);

/* ---- session.c: the thread, and what comes next ---- */

struct session {
	struct session_plan own_plan;
	const struct session_plan *plan;
	struct queues *queues;
	struct tls *tls;
	pthread_t thread;
	bool ending; /* the final commit was asked for: nothing else is begun */
	bool end;    /* close the line and end */

	enum line_state line;
	struct talk *talk;       /* NULL exactly in LINE_NONE and LINE_ASKING */
	uint64_t lines;          /* opened so far: the serial of this one */
	int64_t remembered;      /* of CAPA, for this line's login: talk.h */
	unsigned quirks;         /* the server's, once logged in (quirks.h) */
	int64_t logged_in;       /* clock.h */
	int64_t idle_since;      /* clock.h: LINE_READY with nothing to do since */
	int64_t leave_by;        /* clock.h: LINE_LEAVING ends then */
	struct listing *listing; /* this line's: held while it is ready */
	uint32_t *numbers;       /* this line's, by index in listing */
	uint64_t in_store;       /* octets given to the store and still in memory there */

	struct secret *own_secret; /* that of the plan */
	bool secret_refused;       /* by the server, the last time */
	bool secret_again;         /* the next login asks for it */
	int64_t asking_until;      /* clock.h: LINE_ASKING gives up then */

	struct facts facts; /* as known now */
	bool refresh_wanted, refresh_waited_for;
	bool refresh_sure;       /* a person waits for it, and will believe what it says */
	int64_t refresh_asked;   /* number of the last JOB_REFRESH that somebody waits for */
	int64_t refresh_covered; /* the last one that this line's listing answers */
	int64_t refresh_since;   /* clock.h: when it was wanted first */
	struct backoff backoff;
	unsigned broken_listings; /* lines that broke while they listed, since the last success */
	struct troubled troubled;
	bool failing_all; /* what fails now is no message's own trouble */
	bool warned_of_eating;

	bool pipelining_failed;       /* one command at a time ... */
	bool pipelining_suspect;      /* ... because octets were out of place */
	int64_t pipelining_again;     /* ... on lines opened before this (clock.h) */
	unsigned pipelining_failures; /* in this mount, without octets out of place */
	unsigned pipelines_broken; /* lines closed with several commands out, one after the other */

	struct survey survey;
	struct learning learning;
	struct ahead ahead;
	bool held;          /* this line's listing is held back: no DELE by it ... */
	int64_t held_until; /* ... clock.h: and another one not before */
	bool held_said;
	bool uidl_refused; /* tried where there is no CAPA, and refused */
	bool said_no_uidl, said_partial;
	struct fetching fetching;
	struct heading heading;
	struct committing committing;
	struct session_state state, told; /* as it is, and as the fs thread was told last */
};

/* The message's number on this line; 0: it is not listed here. */
uint32_t session_number(const struct session *s, int64_t id);

/* A new login, for its listing. */
void session_want_listing(struct session *s);

/* A random number: two that collided shall not collide again. */
uint32_t session_chance(void);

/* From now on this is known of the server, also in later mounts. */
void session_learn(struct session *s, enum fact fact, int64_t value);

void session_send_task(struct session *s, struct task *t);
void session_send_event(struct session *s, struct event *e);

/* ---- orders.c: what a job makes it do ---- */

/* *j stays the caller's, less what is taken from it. */
void orders_take(struct session *s, struct job *j);

/* ---- line.c: how the line is opened, lost and left, and what becomes of those who wait ---- */

void line_open(struct session *s); /* asks for the secret first, if it must */
void line_connect(struct session *s);
void line_opened(struct session *s);        /* logged in */
void line_announced(struct session *s);     /* what the server announces now is known */
void line_close(struct session *s);         /* at once */
void line_leave(struct session *s);         /* with QUIT, where the server may be told */
void line_left(struct session *s);          /* QUIT is out, or was answered */
bool line_is_left(const struct session *s); /* LINE_LEAVING is over */
/* It is of no more use: settles what was under way on it, by the line's state and the reason. */
void line_over(struct session *s, const struct failure *why);
void line_fail_all(
    struct session *s, const struct failure *why); /* nobody gets what he waits for */
void line_not_listed(struct session *s, const struct failure *why);

/* The server deletes at QUIT what was merely read: it says so (EXPIRE 0: RFC 2449, 6.7), or is
 * known for it. It is left without QUIT, and deletions are committed where nothing was read. */
bool line_eats_what_was_read(const struct session *s);

/* A login that nobody waits for goes no sooner than the server asked for. */
void line_be_patient(struct session *s);

/* While it is ready: the moment at which it is left, if nothing comes up. */
int64_t line_idle_until(const struct session *s);

#endif
