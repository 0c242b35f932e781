#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "played.h"

#include <stdlib.h>

#include "alloc.h"
#include "clock.h"

void played_start(struct played *p, const struct scripted_row *rows, size_t count)
{
	struct secret *secret = secret_create(slice_of("secret"));

	played_start_plan(p, rows, count, scripted_plan(NULL, secret));
	secret_free(secret);
}

void played_start_plan(
    struct played *p, const struct scripted_row *rows, size_t count, struct session_plan plan)
{
	struct failure why = {0};

	p->headless = false;
	p->flags = 0;
	p->missing = 0;
	assert_true(queue_init(&p->queues.jobs));
	assert_true(queue_init(&p->queues.tasks));
	assert_true(queue_init(&p->queues.events));
	scripted_start(&p->server, rows, count);
	plan.port = p->server.port;
	if (session_start(&p->session, &plan, &p->queues, &why) != OK)
		fail_msg("%s", why.words);
}

void played_put(struct played *p, struct job *j)
{
	queue_put(&p->queues.jobs, &j->item);
}

/* ---- what comes from the session ---- */

struct task *played_task(struct played *p, enum task_kind kind)
{
	struct task *t;

	for (;;) {
		if (!queue_wait(&p->queues.tasks, clock_in(PATIENCE_MS)))
			fail_msg("no task of kind %d came", kind);
		t = (struct task *)queue_take(&p->queues.tasks);
		if (t->kind != TASK_REMEMBER)
			break;
		task_free(t);
	}
	if (t->kind != kind)
		fail_msg("a task of kind %d came, not %d", t->kind, kind);
	return t;
}

struct event *played_event(struct played *p, enum event_kind kind)
{
	struct event *e;

	for (;;) {
		if (!queue_wait(&p->queues.events, clock_in(PATIENCE_MS)))
			fail_msg("no event of kind %d came", kind);
		e = (struct event *)queue_take(&p->queues.events);
		if (e->kind == kind || e->kind != EVENT_STATE)
			break;
		event_free(e);
	}
	if (e->kind != kind)
		fail_msg("an event of kind %d came, not %d", e->kind, kind);
	return e;
}

void played_end(struct played *p)
{
	played_put(p, job_create(JOB_END));
	played_finish(p);
}

void played_finish(struct played *p)
{
	struct task *t;
	struct event *e;

	session_join(p->session);
	scripted_finish(&p->server);
	while ((t = (struct task *)queue_take(&p->queues.tasks)) != NULL) {
		assert_int_equal(t->kind, TASK_REMEMBER);
		task_free(t);
	}
	while ((e = (struct event *)queue_take(&p->queues.events)) != NULL) {
		assert_int_equal(e->kind, EVENT_STATE);
		event_free(e);
	}
	queue_finish(&p->queues.jobs);
	queue_finish(&p->queues.tasks);
	queue_finish(&p->queues.events);
}

/* ---- the store's part ---- */

struct draft *played_merge(struct played *p)
{
	struct task *t = played_task(p, TASK_MERGE);
	struct job *j = job_create(JOB_MERGED);
	struct draft *d = take(&t->draft);

	for (size_t i = 0; i < d->count; i++)
		d->rows[i].kind = ROW_KNOWN;
	j->draft = d;
	played_put(p, j);
	task_free(t);
	t = played_task(p, TASK_PUBLISH);
	d = take(&t->draft);
	task_free(t);
	return d;
}

void played_publish(struct played *p, struct draft *d)
{
	struct job *j = job_create(JOB_PUBLISHED);

	j->listing = listing_create(d->count, 1);
	j->numbers = xreallocarray(NULL, d->count + 1, sizeof(*j->numbers));
	for (size_t i = 0; i < d->count; i++) {
		struct message *m = &j->listing->messages[i];

		m->id = PLAYED_FIRST + row_uidl(d, &d->rows[i]).at[0] - 'a';
		atomic_init(&m->fact, d->rows[i].listed << 8 | p->flags);
		atomic_init(&m->header, !p->headless);
		j->numbers[i] = d->rows[i].number;
	}
	if (p->missing) {
		d->verdict = DRAFT_HELD;
		d->missing = p->missing;
		d->known = d->count + p->missing;
	}
	j->draft = d;
	played_put(p, j);
}

void played_ask(struct played *p, int64_t number)
{
	struct job *j = job_create(JOB_REFRESH);

	j->waited_for = j->insists = true;
	j->number = number;
	played_put(p, j);
}

void played_refreshed(struct played *p, int64_t number)
{
	struct event *e = played_event(p, EVENT_REFRESHED);

	assert_int_equal(e->number, number);
	event_free(e);
}

void played_list(struct played *p)
{
	played_ask(p, 1);
	played_publish(p, played_merge(p));
	played_refreshed(p, 1);
}

void played_fetch(struct played *p, int64_t id)
{
	struct job *j = job_create(JOB_FETCH);

	j->id = id;
	j->urgent = true;
	played_put(p, j);
}
