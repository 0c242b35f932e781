#include "pins.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ids.h"

#define FIRST_ROOM 16 /* bodies; doubled when full */

struct pin {
	int64_t id;
	unsigned holders;
	bool spared;
	unsigned leaving; /* times that it left and the fs thread has not heard of it */
};

struct pins {
	pthread_mutex_t lock;
	struct pin *all; /* in order of id; each has a reason to be here */
	size_t count, room;
	size_t spared, leaving; /* so many are */
	bool all_held;          /* are held that are not spared */
	bool wanted;
};

struct pins *pins_create(void)
{
	struct pins *p = xnew(struct pins);

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void pins_free(struct pins *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p->all);
	free(p);
}

/* ---- under the lock ---- */

static size_t place_of(const struct pins *p, int64_t id)
{
	return ids_from(p->all, p->count, sizeof(*p->all), id);
}

/* Made where there is none. */
static struct pin *pin_of(struct pins *p, int64_t id)
{
	size_t at = place_of(p, id);

	if (at < p->count && p->all[at].id == id)
		return &p->all[at];
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : FIRST_ROOM;
		p->all = xreallocarray(p->all, p->room, sizeof(*p->all));
	}
	memmove(p->all + at + 1, p->all + at, (p->count - at) * sizeof(*p->all));
	p->count++;
	p->all[at] = (struct pin){.id = id};
	return &p->all[at];
}

static void drop_if_idle(struct pins *p, const struct pin *x)
{
	size_t at = (size_t)(x - p->all);

	if (x->holders > 0 || x->leaving > 0 || x->spared)
		return;
	p->count--;
	memmove(p->all + at, p->all + at + 1, (p->count - at) * sizeof(*p->all));
}

static void set_spared(struct pins *p, struct pin *x, bool spared)
{
	if (x->spared == spared)
		return;
	x->spared = spared;
	if (spared)
		p->spared++;
	else
		p->spared--;
}

/* ---- for all ---- */

bool pins_hold(struct pins *p, int64_t id)
{
	struct pin *x;
	bool held;

	if (!p)
		return true;
	pthread_mutex_lock(&p->lock);
	x = pin_of(p, id);
	held = x->leaving == 0;
	x->holders += held;
	pthread_mutex_unlock(&p->lock);
	return held;
}

bool pins_let_go(struct pins *p, int64_t id)
{
	struct pin *x;
	bool tell;

	if (!p)
		return false;
	pthread_mutex_lock(&p->lock);
	x = pin_of(p, id);
	x->holders -= x->holders > 0;
	tell = x->holders == 0 && p->wanted;
	if (tell)
		p->wanted = false;
	drop_if_idle(p, x);
	pthread_mutex_unlock(&p->lock);
	return tell;
}

bool pins_leave(struct pins *p, int64_t id)
{
	struct pin *x;
	bool leaves;

	if (!p)
		return true;
	pthread_mutex_lock(&p->lock);
	x = pin_of(p, id);
	leaves = x->holders == 0 && (!p->all_held || x->spared);
	x->leaving += leaves;
	p->leaving += leaves;
	if (leaves)
		set_spared(p, x, false);
	drop_if_idle(p, x);
	pthread_mutex_unlock(&p->lock);
	return leaves;
}

void pins_left(struct pins *p, int64_t id)
{
	struct pin *x;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	x = pin_of(p, id);
	p->leaving -= x->leaving > 0;
	x->leaving -= x->leaving > 0;
	drop_if_idle(p, x);
	pthread_mutex_unlock(&p->lock);
}

bool pins_are_held(struct pins *p, int64_t id)
{
	size_t at;
	bool held;

	if (!p)
		return false;
	pthread_mutex_lock(&p->lock);
	at = place_of(p, id);
	held = at < p->count && p->all[at].id == id && p->all[at].holders > 0;
	pthread_mutex_unlock(&p->lock);
	return held;
}

bool pins_hold_all(struct pins *p)
{
	bool held;

	if (!p)
		return true;
	pthread_mutex_lock(&p->lock);
	held = p->leaving == 0;
	p->all_held = p->all_held || held;
	pthread_mutex_unlock(&p->lock);
	return held;
}

void pins_let_all_go(struct pins *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->all_held = false;
	pthread_mutex_unlock(&p->lock);
}

bool pins_hold_all_now(struct pins *p)
{
	bool all;

	if (!p)
		return false;
	pthread_mutex_lock(&p->lock);
	all = p->all_held;
	pthread_mutex_unlock(&p->lock);
	return all;
}

void pins_spare(struct pins *p, int64_t id)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	if (p->spared < PINS_SPARED)
		set_spared(p, pin_of(p, id), true);
	pthread_mutex_unlock(&p->lock);
}

bool pins_keep(struct pins *p, int64_t id)
{
	struct pin *x;
	bool kept;

	if (!p)
		return true;
	pthread_mutex_lock(&p->lock);
	x = pin_of(p, id);
	kept = x->leaving == 0;
	set_spared(p, x, false);
	drop_if_idle(p, x);
	pthread_mutex_unlock(&p->lock);
	return kept;
}

void pins_wanted(struct pins *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->wanted = true;
	pthread_mutex_unlock(&p->lock);
}
