/* The session and the store without a file system: commands on stdin, what came of them on stdout,
 * one line each. The pytest files beside it drive it against the scripted server, also under the
 * sanitizers.
 *
 *     session-driver HOST PORT USER PASSWORD tls|starttls|off CA|- DATABASE [NAME=NUMBER...]
 *
 * NAME: timeout, idle, retry, commit and hold (milliseconds), headers, and pipelining (0 auto, 1
 * on, 2 off). Commands: refresh, first (of a mount), look (nobody waits), list, fetch NAME, ahead
 * NAME (nobody waits), save NAME FILE, unlink NAME, undelete NAME, commit, final, end. */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "jobs.h"
#include "log.h"
#include "maildrop.h"
#include "reader.h"
#include "session.h"
#include "storer.h"

static struct queues queues;
static int64_t refreshes; /* asked for */
static struct maildrop *drop;
static struct reader *reader;

/* ---- events ---- */

static void say(const char *what, const struct event *e)
{
	const struct listing *l = maildrop_listing(drop);
	const struct message *m = listing_by_id(l, e->id);

	printf("%s", what);
	if (m)
		printf(" %.*s", SLICE_ARGS(message_name(l, m)));
	else if (e->id)
		printf(" #%" PRId64, e->id);
	printf(" %s %s\n", error_name(e->failure.code), e->failure.code ? e->failure.words : "");
}

static void listed(struct event *e)
{
	maildrop_intend(drop, take(&e->intentions));
	if (!e->same)
		maildrop_swap(drop, take(&e->listing), NULL, NULL, NULL);
	printf("listed %zu %s%s\n", maildrop_count(drop), e->fresh ? "fresh" : "stored",
	    e->same ? " same" : "");
}

static void tell(struct event *e)
{
	switch (e->kind) {
	case EVENT_LISTED:
		listed(e);
		break;
	case EVENT_FETCHED:
		say("fetched", e);
		break;
	case EVENT_HEADED:
		say("headed", e);
		break;
	case EVENT_UNLINKED:
		maildrop_unlinked(drop, e->id, e->failure.code == OK);
		say("unlinked", e);
		break;
	case EVENT_UNDELETED:
		if (e->failure.code == OK)
			maildrop_undeleted(drop, e->id);
		say("undeleted", e);
		break;
	case EVENT_INTENTIONS:
		maildrop_intend(drop, take(&e->intentions));
		printf("intentions %zu\n", maildrop_intentions(drop)->count);
		break;
	case EVENT_SYNCED:
		say("synced", e);
		break;
	case EVENT_CHECKED:
	case EVENT_EVICTED:
	case EVENT_TOLD:
		break; /* nobody asks for it here */
	case EVENT_REFRESHED:
		printf("refreshed %" PRId64 "\n", e->number);
		break;
	case EVENT_NOT_LISTED:
		say("not-listed", e);
		break;
	case EVENT_COMMITTED:
		printf("committed %zu %zu %zu %s", e->commit.deleted, e->commit.waiting,
		    e->commit.dropped, e->final ? "final" : "live");
		say("", e);
		break;
	case EVENT_STATE:
		printf("state %d %zu %s\n", e->state->phase, e->state->queue,
		    error_name(e->state->trouble.code));
		break;
	}
}

/* ---- commands ---- */

static void send_job(enum job_kind kind, int64_t id, bool waited_for, bool final)
{
	struct job *j = job_create(kind);

	j->id = id;
	j->urgent = j->waited_for = j->insists = waited_for;
	j->number = kind == JOB_REFRESH && waited_for ? ++refreshes : 0;
	j->final = final;
	queue_put(&queues.jobs, &j->item);
}

static void send_task(enum task_kind kind, int64_t id)
{
	struct task *t = task_create(kind);

	t->id = id;
	queue_put(&queues.tasks, &t->item);
}

static void list(void)
{
	const struct listing *l = maildrop_listing(drop);

	for (size_t i = 0; i < l->count; i++) {
		const struct message *m = &l->messages[i];

		printf("message %.*s %" PRId64 " %" PRIu64 " %u %" PRId64 "%s\n",
		    SLICE_ARGS(message_name(l, m)), m->id, message_size(m), message_flags(m),
		    m->received, maildrop_hides(drop, m->id) ? " hidden" : "");
	}
	printf("end-of-list\n");
}

static void first(void)
{
	struct job *j = job_create(JOB_REFRESH);

	j->waited_for = true;
	j->number = ++refreshes;
	queue_put(&queues.jobs, &j->item);
}

static void save(int64_t id, const char *path)
{
	static char piece[65536];
	FILE *to = fopen(path, "w");
	uint64_t at = 0;
	ssize_t got = -1;

	while (to && (got = reader_body(reader, id, at, piece, sizeof(piece))) > 0) {
		fwrite(piece, 1, (size_t)got, to);
		at += (uint64_t)got;
	}
	printf("%s %" PRIu64 "\n", got == 0 ? "saved" : "not-saved", at);
	if (to)
		fclose(to);
}

static void delete (int64_t id)
{
	maildrop_unlink(drop, listing_by_id(maildrop_listing(drop), id));
	send_task(TASK_UNLINK, id);
}

/* false: end. */
static bool obey(char *line)
{
	char *word = strtok(line, " \n"), *name = strtok(NULL, " \n"), *path = strtok(NULL, " \n");
	const struct message *m =
	    name ? listing_by_name(maildrop_listing(drop), slice_of(name)) : NULL;
	int64_t id = m ? m->id : 0;

	if (!word || strcmp(word, "end") == 0)
		return false;
	if (name && !m)
		printf("unknown %s\n", name);
	else if (strcmp(word, "refresh") == 0)
		send_job(JOB_REFRESH, 0, true, false);
	else if (strcmp(word, "look") == 0)
		send_job(JOB_REFRESH, 0, false, false);
	else if (strcmp(word, "first") == 0)
		first();
	else if (strcmp(word, "list") == 0)
		list();
	else if (strcmp(word, "fetch") == 0)
		send_job(JOB_FETCH, id, true, false);
	else if (strcmp(word, "ahead") == 0)
		send_job(JOB_FETCH, id, false, false);
	else if (strcmp(word, "header") == 0)
		send_job(JOB_HEADER, id, true, false);
	else if (strcmp(word, "save") == 0)
		save(id, path);
	else if (strcmp(word, "commit") == 0)
		send_job(JOB_COMMIT, 0, true, false);
	else if (strcmp(word, "final") == 0)
		send_job(JOB_COMMIT, 0, true, true);
	else if (strcmp(word, "undelete") == 0)
		send_task(TASK_UNDELETE, id);
	else if (strcmp(word, "unlink") == 0)
		delete (id);
	else
		printf("what? %s\n", word);
	return true;
}

/* Octet by octet, so that poll sees every line that is still to come. */
static bool read_line(char *line, size_t room)
{
	size_t len = 0;

	while (len + 1 < room && read(STDIN_FILENO, line + len, 1) == 1)
		if (line[len++] == '\n')
			break;
	line[len] = '\0';
	return len > 0;
}

static void loop(void)
{
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = queue_fd(&queues.events), .events = POLLIN}};
	struct queue_item *item;
	char line[1024];

	for (;;) {
		fflush(stdout);
		if (poll(fds, 2, -1) < 0)
			continue;
		while ((item = queue_take(&queues.events)) != NULL) {
			tell((struct event *)item);
			event_free((struct event *)item);
		}
		if (fds[0].revents && (!read_line(line, sizeof(line)) || !obey(line)))
			return;
	}
}

/* ---- begin and end ---- */

static void set(struct session_plan *p, const char *word)
{
	int64_t number = atoll(strchr(word, '=') + 1);

	if (strncmp(word, "timeout=", 8) == 0)
		p->timeout_ms = number;
	else if (strncmp(word, "idle=", 5) == 0)
		p->idle_ms = number;
	else if (strncmp(word, "retry=", 6) == 0)
		p->retry_ms = number;
	else if (strncmp(word, "commit=", 7) == 0)
		p->commit_ms = number;
	else if (strncmp(word, "hold=", 5) == 0)
		p->hold_ms = number;
	else if (strncmp(word, "pipelining=", 11) == 0)
		p->pipelining = (enum session_pipelining)number;
	else
		p->headers = (size_t)number;
}

static enum session_tls tls_of(const char *word)
{
	if (strcmp(word, "off") == 0)
		return SESSION_TLS_OFF;
	return strcmp(word, "tls") == 0 ? SESSION_TLS_IMPLICIT : SESSION_TLS_STARTTLS;
}

static enum error start_storer(
    struct storer **out, struct store *store, struct facts *facts, struct failure *why)
{
	facts_load(store, facts);
	return storer_start(out, store, NULL, &queues, why);
}

static void drain(struct queue *q, void (*done)(void *item))
{
	struct queue_item *item;

	while ((item = queue_take(q)) != NULL)
		done(item);
	queue_finish(q);
}

static void event_done(void *item)
{
	event_free(item);
}

static void job_done(void *item)
{
	job_free(item);
}

static void task_done(void *item)
{
	task_free(item);
}

int main(int argc, char **argv)
{
	struct session_plan plan = {.timeout_ms = 10000,
	    .idle_ms = 30000,
	    .retry_ms = 0,
	    .commit_ms = 10000,
	    .hold_ms = 60000,
	    .headers = 10000};
	struct secret *password;
	struct session *session;
	struct storer *storer;
	struct store *store;
	struct failure why;

	if (argc < 8)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	log_debug_on(getenv("DRIVER_DEBUG") != NULL);
	password = secret_create(slice_of(argv[4]));
	plan.host = argv[1];
	plan.port = argv[2];
	plan.user = argv[3];
	plan.password = password;
	plan.tls = tls_of(argv[5]);
	plan.ca = strcmp(argv[6], "-") == 0 ? NULL : argv[6];
	for (int i = 8; i < argc; i++)
		set(&plan, argv[i]);
	if (!queue_init(&queues.jobs) || !queue_init(&queues.tasks) || !queue_init(&queues.events))
		return 2;
	drop = maildrop_create();
	if (store_open(&store, argv[7], &why) || store_check(&store, argv[7], &why) ||
	    start_storer(&storer, store, &plan.facts, &why) ||
	    session_start(&session, &plan, &queues, &why) || reader_open(&reader, argv[7], &why)) {
		fprintf(stderr, "session-driver: %s\n", why.words);
		return 2;
	}
	loop();
	send_job(JOB_END, 0, true, false);
	session_join(session);
	send_task(TASK_END, 0);
	storer_join(storer);
	reader_close(reader);
	maildrop_free(drop);
	drain(&queues.events, event_done);
	drain(&queues.jobs, job_done);
	drain(&queues.tasks, task_done);
	secret_free(password);
	return 0;
}
