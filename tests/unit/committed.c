#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "committed.h"

#include "alloc.h"

void committed_ask(struct played *p, bool final)
{
	struct job *j = job_create(JOB_COMMIT);

	j->final = final;
	played_put(p, j);
}

void committed_intentions(struct played *p, const struct intention *one)
{
	struct job *j = job_create(JOB_INTENTIONS);

	task_free(played_task(p, TASK_INTENTIONS));
	j->intentions = xzalloc(sizeof(*j->intentions) + sizeof(*one));
	if (one) {
		j->intentions->count = 1;
		j->intentions->all[0] = *one;
	}
	played_put(p, j);
}

void committed_choose(struct played *p, const struct intention *one)
{
	committed_intentions(p, one);
	committed_intentions(p, one);
}

void committed_mark(struct played *p, size_t count)
{
	struct task *t = played_task(p, TASK_MARK);

	assert_int_equal(t->count, count);
	if (count > 0)
		assert_int_equal(t->ids[0], COMMITTED_ID);
	task_free(t);
	played_put(p, job_create(JOB_MARKED));
}

void committed_outcome(struct played *p, enum outcome_kind kind)
{
	struct task *t = played_task(p, TASK_OUTCOMES);

	assert_int_equal(t->count, 1);
	assert_int_equal(t->outcomes[0].id, COMMITTED_ID);
	assert_int_equal(t->outcomes[0].kind, kind);
	task_free(t);
}

void committed_play(
    struct played *p, const struct intention *one, bool final, enum outcome_kind kind)
{
	committed_ask(p, final);
	committed_choose(p, one);
	committed_mark(p, 1);
	committed_outcome(p, kind);
}

void committed_result(struct played *p, const struct commit_result *want, enum error code)
{
	struct event *e = played_event(p, EVENT_COMMITTED);

	assert_int_equal(e->failure.code, code);
	assert_int_equal(e->commit.deleted, want->deleted);
	assert_int_equal(e->commit.waiting, want->waiting);
	assert_int_equal(e->commit.dropped, want->dropped);
	assert_int_equal(e->commit.proved, want->proved);
	assert_int_equal(e->commit.later, want->later);
	event_free(e);
}
