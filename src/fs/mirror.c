#include "mirror.h"

#include <inttypes.h>
#include <stdio.h>

#include "alloc.h"
#include "clock.h"
#include "inside.h"
#include "log.h"
#include "telling.h"

#define AGAIN_MS 3600000 /* after the disk was full */

/* ---- whether there can be one ---- */

static uint64_t octets(const struct fs *f)
{
	return atomic_load(&maildrop_listing(f->maildrop)->octets);
}

static enum mirror_lack find_lack(const struct fs *f)
{
	if (f->plan.cache_size && octets(f) > f->plan.cache_size)
		return MIRROR_CACHE_FULL;
	return clock_ms() < f->mirror.again ? MIRROR_DISK_FULL : MIRROR_FITS;
}

static void say_lack(const struct fs *f)
{
	if (f->mirror.lack == MIRROR_CACHE_FULL)
		log_news("the maildrop (%" PRIu64 " bytes) is larger than cache_size=%" PRIu64
			 ": no mirror is kept, messages are fetched as they are read",
		    octets(f), f->plan.cache_size);
	else
		log_news("the disk of the cache is too full for a mirror: messages are fetched as "
			 "they are read");
}

/* There is no way back (openless.h). */
static void say_outgrown(struct fs *f)
{
	if (!f->mirror.outgrown)
		log_news("the maildrop (%" PRIu64
			 " bytes) has become larger than cache_size=%" PRIu64
			 ": the mirror keeps it all the same, until it is unmounted",
		    octets(f), f->plan.cache_size);
	f->mirror.outgrown = true;
}

/* ---- showing ---- */

static bool is_ready(void *with, const struct message *m)
{
	return openless_keeps(with, m);
}

static void show(struct fs *f, int64_t id)
{
	const struct listing *l = maildrop_listing(f->maildrop);
	const struct message *m = listing_by_id(l, id);

	if (!m || !maildrop_show(f->maildrop, id))
		return;
	openless_shows(f, m);
	telling_come(f, l, m);
	f->mirror.shown = true;
}

static void show_all(struct fs *f)
{
	const struct listing *l = maildrop_listing(f->maildrop);

	for (size_t i = 0; maildrop_held_back(f->maildrop) > 0 && i < l->count; i++)
		show(f, l->messages[i].id);
}

void mirror_tell(struct fs *f)
{
	if (f->mirror.shown)
		dir_changed(f);
	f->mirror.shown = false;
}

/* ---- fetching ---- */

static void stop(struct fs *f)
{
	fetch_free(take(&f->mirror.set));
}

/* No more of a mirror, until another listing finds that there can be one. */
static void end(struct fs *f, enum mirror_lack lack)
{
	bool said = f->mirror.lack == lack;

	stop(f);
	f->mirror.lack = lack;
	f->mirror.lacking = 0;
	maildrop_hold_back(f->maildrop, NULL, NULL);
	show_all(f);
	if (!said)
		say_lack(f);
}

static void go(struct fs *f)
{
	struct queue_lot lot = {.first = NULL};
	int64_t id;

	while (f->mirror.set && !f->ending && (id = fetch_next(f->mirror.set)) != 0) {
		openless_leaves(f, id);
		queue_lot_add(&lot, &fs_fetch(id, false, false)->item);
	}
	queue_put_lot(&f->queues->jobs, &lot);
}

/* A deleted one is fetched by whoever wants to see it. */
static void fetch_all(struct fs *f)
{
	const struct listing *l = maildrop_listing(f->maildrop);

	stop(f);
	f->mirror.lacking = 0;
	if (atomic_load(&l->cached) == l->count)
		return;
	f->mirror.set = fetch_create();
	for (size_t i = 0; i < l->count; i++) {
		const struct message *m = &l->messages[i];

		if (!(message_flags(m) & MESSAGE_CACHED) && !maildrop_hides(f->maildrop, m->id))
			fetch_add(f->mirror.set, m->id, message_size(m));
	}
	fetch_begin(f->mirror.set);
	go(f);
}

void mirror_listed(struct fs *f)
{
	enum mirror_lack lack;

	if (!f->mirror.on)
		return;
	lack = find_lack(f);
	if (lack != MIRROR_FITS && !openless_is_on(f)) {
		end(f, lack);
		return;
	}
	if (lack != MIRROR_FITS)
		say_outgrown(f);
	f->mirror.lack = MIRROR_FITS;
	maildrop_hold_back(f->maildrop, is_ready, f);
	fetch_all(f);
}

void mirror_begin(struct fs *f)
{
	f->mirror.again = INT64_MIN;
	f->mirror.on = f->plan.mirror;
	mirror_listed(f);
}

void mirror_finish(struct fs *f)
{
	stop(f);
}

/* ---- what came, or did not ---- */

/* Whether it says something of this message; else there is no way to the server, and the others
 * would not come either. */
static bool is_about_message(enum error code)
{
	switch (code) {
	case OK:
	case E_REFUSED:
	case E_PROTOCOL:
	case E_CLOSED:
	case E_TIMEOUT:
	case E_LATER:
	case E_FULL:
	case E_STORE:
	case E_VANISHED:
		return true;
	default:
		return false;
	}
}

static void settle(struct fs *f, int64_t id, const struct failure *how)
{
	struct fetch *set = f->mirror.set;

	fetch_settle(set, id, slice_of(""), how->code ? how : NULL);
	f->mirror.lacking = set->failed;
	if (fetch_is_done(set))
		stop(f);
	else
		go(f);
}

void mirror_fetched(struct fs *f, int64_t id, const struct failure *how)
{
	bool about_it = is_about_message(how->code);

	if (f->mirror.set && !about_it)
		stop(f); /* the next listing begins again */
	if (f->mirror.set && fetch_is_out(f->mirror.set, id))
		settle(f, id, how);
	if (about_it && how->code != E_VANISHED)
		show(f, id);
}

/* Taken back, and not shown before. */
void mirror_undeleted(struct fs *f, int64_t id)
{
	if (maildrop_holds_back(f->maildrop, id) && !f->ending)
		fs_send_fetch(f, id, false, false);
}

/* It has made room for another: there is not enough for all. */
void mirror_evicted(struct fs *f, int64_t id)
{
	const struct message *m = listing_by_id(maildrop_listing(f->maildrop), id);

	if (!f->mirror.on || f->mirror.lack || openless_is_on(f) || !m ||
	    (message_flags(m) & MESSAGE_CACHED))
		return;
	if (find_lack(f) == MIRROR_FITS)
		f->mirror.again = clock_in(AGAIN_MS);
	end(f, find_lack(f));
}

/* ---- telling ---- */

void mirror_describe(const struct fs *f, char *words, size_t room)
{
	const struct maildrop *d = f->maildrop;
	size_t held = maildrop_held_back(d), cached = maildrop_cached(d), count = maildrop_count(d);
	size_t missing = cached < count ? count - cached : 0;
	int len;

	if (!f->mirror.on) {
		snprintf(words, room, "off");
		return;
	}
	if (f->mirror.lack != MIRROR_FITS) {
		snprintf(words, room, "none, the %s",
		    f->mirror.lack == MIRROR_CACHE_FULL ? "maildrop is larger than cache_size"
							: "disk is too full");
		return;
	}
	if (missing > f->mirror.lacking)
		missing = f->mirror.lacking;
	len = snprintf(words, room, "%zu of %zu", cached, count);
	if (held > 0)
		len += snprintf(words + len, room - (size_t)len, ", %zu coming", held);
	if (missing > 0)
		len += snprintf(words + len, room - (size_t)len, ", %zu cannot be had", missing);
	if (openless_is_on(f))
		snprintf(words + len, room - (size_t)len, ", without open");
}
