/* store.h and what stands on it: a database that the store has made is damaged by the fuzzer, and
 * opened, listed, read, checked, listed anew and written as the daemon does it. Whatever is in it:
 * every call comes back; a message that can still be read once all was checked is that message; and
 * no deletion is for a message that nobody unlinked.
 *
 * The octets: how (HOW_ below), and then the damage, CHANGE_OCTETS each: where, as a share of what
 * is not empty (two), so many octets further on, and what to put over it. */
#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "bodies.h"
#include "buf.h"
#include "checking.h"
#include "fuzz.h"
#include "journal.h"
#include "learn.h"
#include "log.h"
#include "merge.h"
#include "reader.h"
#include "store.h"

#define HOW_LOG       1 /* part of it is still in the log ... */
#define HOW_IN_LOG    2 /* ... which is what is damaged */
#define HOW_UNDER     4 /* under an open store, else before it is opened */
#define HOW_SHORTER   8 /* the first change says where the file ends */
#define CHANGE_OCTETS 4
#define MOST_CHANGES  64
#define FILLER        'x' /* of bodies: not worth damaging */
#define NOW           INT64_C(1700000000)
#define PIECE         60000 /* octets that are read at a time */
#define LISTED        100   /* octets, of all: a size tells nothing */

static const struct {
	const char *uidl;
	size_t octets; /* of the body; 0: not in the cache */
	bool unlinked;
} mail[] = {
    {"apple", 300, false},
    {"birch", 300, true},
    {"cedar", CHUNK_OCTETS + 50, false},
    {"daisy", 0, false},
    {"elder", 0, true},
    {"furze", 400, false},
};
#define MAIL (sizeof(mail) / sizeof(mail[0]))

struct image { /* a file, whole */
	struct buf octets;
	size_t *places; /* of what is worth damaging */
	size_t count;
};

static char directory[128], path[160];
static struct image database[2], wal; /* with its log, and without one */

/* The same database in each run, so that an input shows next year what it shows now: stands before
 * the C library's. */
time_t time(time_t *at)
{
	if (at)
		*at = NOW;
	return NOW;
}

/* ---- the mail ---- */

static struct buf body_of(size_t i)
{
	struct buf b = {0};

	buf_printf(
	    &b, "Subject: %s\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n", mail[i].uidl);
	while (b.len < mail[i].octets)
		buf_add_text(&b, "x");
	return b;
}

static struct draft *listed(void)
{
	struct draft *d = draft_create();

	d->at = NOW;
	for (uint32_t i = 0; i < MAIL; i++) {
		draft_uidl(d, i + 1, slice_of(mail[i].uidl));
		draft_listed(d, i + 1, LISTED);
	}
	draft_close(d);
	return d;
}

static void bring_headers(struct draft *d)
{
	for (size_t i = 0; i < d->count; i++) {
		CLEANUP(buf_finish) struct buf body = body_of(d->rows[i].number - 1);

		if (d->rows[i].kind != ROW_KNOWN && !d->rows[i].learnt)
			d->rows[i].learnt = learn_header(buf_slice(&body), NOW);
	}
}

/* A listing as the session and the store make it; *numbers as merge.h has them. */
static enum error list_anew(struct store *s, struct listing *old, struct listing **out,
    uint32_t **numbers, struct failure *why)
{
	CLEANUP(draft_freep) struct draft *d = listed();
	enum error e = merge_draft(s, old, d, why);
	bool same;

	if (e)
		return e;
	bring_headers(d);
	if ((e = store_begin(s, why)))
		return e;
	e = merge_publish(s, old, d, out, numbers, &same, why);
	if (!e && d->verdict == DRAFT_ASKS) {
		bring_headers(d);
		e = merge_publish(s, old, d, out, numbers, &same, why);
	}
	if (!e && d->verdict == DRAFT_STANDS)
		e = journal_settle(s, why);
	if (e)
		store_rollback(s);
	return e ? e : store_commit(s, false, why);
}

static void keep_body(struct store *s, int64_t id, size_t i)
{
	CLEANUP(buf_finish) struct buf text = body_of(i);
	CLEANUP(freep) struct learnt *learnt = learn_header(buf_slice(&text), NOW);
	struct body b = {.size = text.len, .lines = 3, .header = learnt->len, .learnt = learnt};
	unsigned len = sizeof(b.sha256);

	for (size_t at = 0; at < text.len; at += CHUNK_OCTETS) {
		size_t part = text.len - at < CHUNK_OCTETS ? text.len - at : CHUNK_OCTETS;

		must(bodies_add(s, id, b.chunks++, slice_make(buf_at(&text) + at, part),
			 at == 0 ? 3 : 0, NULL) == OK);
	}
	must(EVP_Digest(buf_at(&text), text.len, b.sha256, &len, EVP_sha256(), NULL) == 1);
	must(bodies_complete(s, id, &b, NULL) == OK);
}

/* ---- the database as it was ---- */

static void read_image(struct image *m, const char *tail)
{
	CLEANUP(freep) char *name = xasprintf("%s%s", path, tail);
	FILE *f = fopen(name, "re");
	size_t got;

	must(f != NULL);
	while ((got = fread(buf_room(&m->octets, 65536), 1, 65536, f)) > 0)
		buf_added(&m->octets, got);
	fclose(f);
	m->places = xreallocarray(NULL, m->octets.len + 1, sizeof(*m->places));
	for (size_t i = 0; i < m->octets.len; i++)
		if (buf_at(&m->octets)[i] != '\0' && buf_at(&m->octets)[i] != FILLER)
			m->places[m->count++] = i;
}

static void remove_files(void)
{
	DIR *d = opendir(directory);
	struct dirent *e;

	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

static void leave(void)
{
	remove_files();
	rmdir(directory);
}

/* Some of it before the log begins, some of it in the log. */
static void make(void)
{
	CLEANUP(listing_dropp) struct listing *none = listing_create(0, 0), *all = NULL;
	CLEANUP(store_closep) struct store *s = NULL;
	CLEANUP(freep) uint32_t *numbers = NULL;

	must(store_open(&s, path, NULL) == OK);
	must(list_anew(s, none, &all, &numbers, NULL) == OK && all->count == MAIL);
	keep_body(s, all->messages[0].id, 0);
	store_checkpoint(s);
	for (size_t i = 1; i < MAIL; i++) {
		if (mail[i].octets)
			keep_body(s, all->messages[i].id, i);
		if (mail[i].unlinked)
			must(journal_unlink(s, all->messages[i].id, NULL) == OK);
	}
	must(store_remember(s, "login", "1700000000", NULL) == OK);
	read_image(&database[1], "");
	read_image(&wal, "-wal");
	store_close(take(&s));
	read_image(&database[0], "");
}

static void begin(void)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(directory, sizeof(directory), "%.80s/pop3fs-fuzz-XXXXXX", tmp);
	must(mkdtemp(directory) != NULL);
	snprintf(path, sizeof(path), "%s/mail.db", directory);
	log_to_syslog(); /* not a word of each database that is moved aside */
	setlogmask(LOG_MASK(LOG_DEBUG));
	atexit(leave);
	sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, NULL);
	make();
}

/* ---- the damage ---- */

/* Puts it over a copy of the file; how long that is then. */
static size_t damage(const struct image *m, char *copy, const uint8_t *changes, size_t len, int how)
{
	size_t end = m->octets.len;

	for (size_t i = 0; i + CHANGE_OCTETS <= len; i += CHANGE_OCTETS) {
		size_t share = (size_t)changes[i] << 8 | changes[i + 1];
		size_t at = m->places[share * m->count >> 16] + changes[i + 2];

		if (i == 0 && (how & HOW_SHORTER))
			end = at < end ? at : end;
		else if (at < end)
			copy[at] = (char)(copy[at] ^ changes[i + 3]);
	}
	return end;
}

static void write_image(
    const struct image *m, const char *tail, const uint8_t *changes, size_t len, int how)
{
	CLEANUP(freep) char *name = xasprintf("%s%s", path, tail);
	CLEANUP(freep) char *copy = xmalloc(m->octets.len);
	CLEANUP(closep) int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t end;

	memcpy(copy, buf_at(&m->octets), m->octets.len);
	end = damage(m, copy, changes, len, how);
	must(fd >= 0 && write(fd, copy, end) == (ssize_t)end);
}

/* The files as they were, but for these changes. */
static void write_files(int how, const uint8_t *changes, size_t len)
{
	bool log = how & HOW_LOG, in_log = log && (how & HOW_IN_LOG);

	write_image(&database[log], "", changes, in_log ? 0 : len, how);
	if (log)
		write_image(&wal, "-wal", changes, in_log ? len : 0, how);
}

/* ---- what must hold ---- */

static ssize_t which(struct slice uidl)
{
	for (size_t i = 0; i < MAIL; i++)
		if (slice_is(uidl, mail[i].uidl))
			return (ssize_t)i;
	return -1;
}

/* All of the body; false: it cannot be read. */
static bool read_body(struct reader *r, int64_t id, uint64_t size, struct buf *to)
{
	ssize_t got = 0;

	while (to->len < 4 * CHUNK_OCTETS &&
	       (got = reader_body(r, id, to->len, buf_room(to, PIECE), PIECE)) > 0)
		buf_added(to, (size_t)got);
	return got == 0 && to->len == size;
}

/* `checked`: all hashes were looked at, so that what is still there is true. */
static void look_at(
    struct reader *r, const struct listing *l, const struct message *m, bool checked)
{
	CLEANUP(buf_finish) struct buf body = {0}, want = {0}, uidl = {0}, header = {0}, part = {0};
	struct reader_row row;
	uint32_t lines, length;
	ssize_t i = which(message_name(l, m)), got;

	must(message_name(l, m).len > 0);
	reader_uidl(r, m->id, &uidl);
	reader_header(r, m->id, &header);
	reader_piece_lines(r, m->id, 0, &lines);
	if (reader_header_length(r, m->id, &length)) {
		got = reader_header_part(r, m->id, 0, buf_room(&part, 4096), 4096);
		must(got <= 4096);
	}
	if (!reader_message(r, m->id, &row) || !read_body(r, m->id, row.size, &body) || !row.cached)
		return;
	if (i < 0 || !checked)
		return;
	want = body_of((size_t)i);
	must(slice_equal(buf_slice(&body), buf_slice(&want)));
}

static void look_at_all(struct reader *r, const struct listing *l, bool checked)
{
	for (size_t i = 0; i < l->count; i++) {
		must(i == 0 || l->messages[i - 1].id < l->messages[i].id);
		look_at(r, l, &l->messages[i], checked);
	}
	for (size_t i = 1; i < l->count; i++)
		must(!slice_equal(message_name(l, &l->messages[l->by_name[i - 1]]),
		    message_name(l, &l->messages[l->by_name[i]])));
}

/* Every stored body against its hash, as the verb does it; false: the database cannot be read. */
static bool check_all(struct store *s)
{
	struct checking *c = checking_create(0, false);
	bool good = true, done = false;

	do {
		done = false;
		c->found = FOUND_NOTHING;
		good = store_begin(s, NULL) == OK && checking_step(s, c, &done, NULL) == OK;
		good = good ? store_commit(s, false, NULL) == OK : (store_rollback(s), false);
	} while (good && !(done && c->id == 0));
	checking_free(c);
	return good;
}

/* What a commit would send a DELETE for: `numbers` are the server's. */
static void look_at_journal(struct store *s, const struct listing *l, const uint32_t *numbers)
{
	struct intentions *all = NULL;

	if (journal_all(s, &all, NULL))
		return;
	for (size_t k = 0; k < all->count; k++) {
		const struct intention *in = &all->all[k];
		const struct message *m = listing_by_id(l, in->id);
		uint32_t number = m && numbers ? numbers[listing_index(l, m)] : 0;

		must(number <= MAIL);
		if (number && in->state < INTENTION_REFUSED && !in->resized &&
		    !(message_flags(m) & (MESSAGE_FIXED | MESSAGE_TWIN)))
			must(mail[number - 1].unlinked);
	}
	free(all);
}

static void reader_closep(struct reader **r)
{
	reader_close(*r);
}

/* A mount: what is there, the server's listing, a deletion, and the end. */
static void mount(int how, const uint8_t *changes, size_t len)
{
	CLEANUP(store_closep) struct store *s = NULL;
	CLEANUP(reader_closep) struct reader *r = NULL;
	CLEANUP(listing_dropp) struct listing *old = NULL, *new = NULL;
	CLEANUP(freep) uint32_t *numbers = NULL;
	struct failure why = {.code = OK};
	bool checked;

	if (store_open(&s, path, &why) || store_check(&s, path, &why)) {
		must(why.code && why.words[0]);
		return;
	}
	if (how & HOW_UNDER)
		write_files(how & ~HOW_LOG, changes, len);
	if (journal_recover(s, &why) || merge_load(s, &old, &why) || reader_open(&r, path, &why))
		return;
	look_at_journal(s, old, NULL);
	look_at_all(r, old, false);
	checked = check_all(s);
	look_at_all(r, old, checked);
	if (list_anew(s, old, &new, &numbers, &why) == OK) {
		look_at_journal(s, new, numbers);
		look_at_all(r, new, checked);
		if (new->count > 0 && store_begin(s, NULL) == OK) {
			if (journal_undelete(s, new->messages[new->count - 1].id, NULL) == OK)
				store_commit(s, true, NULL);
			else
				store_rollback(s);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	int how;

	if (!directory[0])
		begin();
	if (len < 1)
		return 0;
	how = octets[0];
	octets++;
	len = len - 1 < MOST_CHANGES * CHANGE_OCTETS ? len - 1 : MOST_CHANGES * CHANGE_OCTETS;
	remove_files();
	write_files(how, octets, how & HOW_UNDER ? 0 : len);
	mount(how, octets, len);
	mount(how & ~HOW_UNDER, octets, 0);
	return 0;
}
