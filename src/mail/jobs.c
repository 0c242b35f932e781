#include "jobs.h"

#include <stdlib.h>

#include "alloc.h"
#include "checking.h"

struct job *job_create(enum job_kind kind)
{
	struct job *j = xnew(struct job);

	j->kind = kind;
	return j;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	draft_free(j->draft);
	listing_drop(j->listing);
	free(j->numbers);
	free(j->intentions);
	free(j);
}

struct task *task_create(enum task_kind kind)
{
	struct task *t = xnew(struct task);

	t->kind = kind;
	return t;
}

void task_free(struct task *t)
{
	if (!t)
		return;
	free(t->data);
	if (t->body)
		free(t->body->learnt);
	free(t->body);
	free(t->learnt);
	draft_free(t->draft);
	free(t->ids);
	free(t->outcomes);
	checking_free(t->checking);
	free(t->key);
	free(t->value);
	free(t);
}

struct event *event_create(enum event_kind kind)
{
	struct event *e = xnew(struct event);

	e->kind = kind;
	return e;
}

void event_free(struct event *e)
{
	if (!e)
		return;
	listing_drop(e->listing);
	free(e->intentions);
	free(e->state);
	checking_free(e->checking);
	free(e);
}
