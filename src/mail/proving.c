#include "errand.h"

#include <stdarg.h>
#include <stdio.h>

#include "alloc.h"
#include "journal.h"
#include "log.h"

void proving_not_done(struct session *s, const char *format, ...)
{
	struct committing *c = &s->committing;
	struct failure why;
	va_list args;

	va_start(args, format);
	vsnprintf(why.words, sizeof(why.words), format, args);
	va_end(args);
	why.code = E_REFUSED;
	log_warning("%s", why.words);
	if (!c->refused.code)
		c->refused = why;
}

/* One that was not done: the journal tries it so often, then it is shown again. */
static void count_undone(struct committing *c, const struct deletion *d)
{
	if (d->intention->tries + 1 < JOURNAL_MOST_TRIES)
		c->result.waiting++;
	else
		c->result.dropped++;
}

/* Hands what became of each to the journal. */
void proving_tell_journal(struct session *s)
{
	struct committing *c = &s->committing;
	struct task *t = task_create(TASK_OUTCOMES);

	t->outcomes = xreallocarray(NULL, c->count, sizeof(*t->outcomes));
	for (size_t i = 0; i < c->count; i++) {
		const struct deletion *d = &c->all[i];

		if (d->marked || d->outcome != OUTCOME_NOT_SENT)
			t->outcomes[t->count++] = (struct outcome){d->id, d->outcome};
		if (d->outcome == OUTCOME_DELETED)
			c->result.deleted++;
		else if (d->outcome == OUTCOME_DROPPED)
			c->result.dropped++;
		else if (d->outcome == OUTCOME_REFUSED)
			count_undone(c, d);
		else
			c->result.waiting++;
	}
	session_send_task(s, t);
}

void proving_look(struct session *s)
{
	struct committing *c = &s->committing;

	for (size_t i = 0; i < c->count; i++) {
		if (c->all[i].outcome != OUTCOME_DELETED ||
		    !listing_by_id(s->listing, c->all[i].id))
			continue;
		c->result.deleted--;
		count_undone(c, &c->all[i]);
		proving_not_done(s, "%s is still listed after \"+OK\" to DELE and QUIT",
		    c->all[i].intention->name);
	}
	c->result.proved = true;
}
