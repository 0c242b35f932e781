#include "telling.h"

#include <inttypes.h>
#include <string.h>

#include "inside.h"
#include "names.h"

#define FROM_NOW UINT64_MAX

static void read_from(struct fs *f, uint64_t from, struct verb_events *answer)
{
	answer->len = (uint32_t)happenings_read(
	    &f->happenings, from, answer->text, sizeof(answer->text), &answer->next, &answer->lost);
}

void telling_begin(struct fs *f, fuse_req_t req, const void *in)
{
	const struct verb_events *asked = in;
	struct verb_events answer = {.next = f->happenings.next};

	if (asked->next >= f->happenings.next && asked->next != FROM_NOW) {
		waiting_park(&f->waiting, req, WAIT_EVENTS, 0, 0);
		return;
	}
	if (asked->next != FROM_NOW)
		read_from(f, asked->next, &answer);
	fuse_reply_ioctl(req, 0, &answer, sizeof(answer));
}

static const char *shown(
    const struct fs *f, char name[NAMES_ROOM], const struct listing *l, const struct message *m)
{
	return names_shown(name, VIEW_MESSAGE, f->plan.suffix, message_name(l, m)).at;
}

/* Before the mount answers nobody can listen. */
void telling_come(void *with, const struct listing *l, const struct message *m)
{
	struct fs *f = with;
	char name[NAMES_ROOM];

	f->fresh++;
	if (f->greeted)
		happenings_add(
		    &f->happenings, "new %s %" PRIu64, shown(f, name, l, m), message_size(m));
}

void telling_gone(void *with, const struct listing *l, const struct message *m)
{
	struct fs *f = with;
	char name[NAMES_ROOM];

	if (f->greeted)
		happenings_add(&f->happenings, "gone %s", shown(f, name, l, m));
}

void telling_committed(struct fs *f, const struct event *e)
{
	if (e->commit.deleted)
		happenings_add(&f->happenings, "committed %zu", e->commit.deleted);
}

void telling_state(struct fs *f)
{
	enum session_phase phase = f->state->phase;

	if (phase == PHASE_OFFLINE)
		happenings_offline(&f->happenings, true);
	else if (phase == PHASE_READY || phase == PHASE_CLOSED)
		happenings_offline(&f->happenings, false);
}

/* All that wait have heard all that was told before: so all get the same. */
static void answer_all(struct fs *f, bool leaving)
{
	struct verb_events answer = {.leaving = leaving};

	read_from(f, f->told, &answer);
	verbs_answer(f, WAIT_EVENTS, 0, &answer, sizeof(answer));
}

/* The command of on_new may look into the mount, and so waits for it. */
void telling_all(struct fs *f)
{
	if (f->told != f->happenings.next)
		answer_all(f, false);
	f->told = f->happenings.next;
	if (f->fresh == 0 || !f->greeted || f->ending)
		return;
	if (f->plan.fresh)
		f->plan.fresh(f->plan.with, f->fresh);
	f->fresh = 0;
}

void telling_leave(struct fs *f)
{
	answer_all(f, true);
}
