#include "maildrop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "octets.h"
#include "record.h"
#include "synthetic.h"

/* A file as it goes out. Shared by the directory's list and the snapshots. */
struct message {
	unsigned users;
	char *name;
	struct stat seen; /* the same file again: inode, size and mtime agree */
	struct buf wire;
	uint64_t octets;
};

struct messages {
	struct message **at; /* in order of name */
	size_t count, room;
};

struct maildrop {
	const struct settings *settings;
	struct messages files;
	struct synthetic synthetic;
	bool *removed; /* of the synthetic ones */
};

struct snapshot {
	struct maildrop *drop;
	struct messages files; /* --dir */
	uint32_t *numbers;     /* --synthetic */
	size_t count;
	struct buf uidls; /* --uidl-file as it stood at login */
	struct slice *uidl_lines;
	size_t uidl_count;
};

static void message_release(struct message *m)
{
	if (--m->users > 0)
		return;
	free(m->name);
	buf_finish(&m->wire);
	free(m);
}

static void messages_finish(struct messages *list)
{
	for (size_t i = 0; i < list->count; i++)
		message_release(list->at[i]);
	free(list->at);
	*list = (struct messages){0};
}

static void messages_add(struct messages *list, struct message *m)
{
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->at = xreallocarray(list->at, list->room, sizeof(struct message *));
	}
	list->at[list->count++] = m;
}

enum error maildrop_open(
    struct maildrop **out, const struct settings *settings, struct failure *why)
{
	CLEANUP(freep) struct maildrop *drop = xnew(struct maildrop);

	drop->settings = settings;
	if (settings->synthetic) {
		if (synthetic_init(&drop->synthetic, settings->synthetic, why) != OK)
			return why->code;
		drop->removed = xzalloc(drop->synthetic.count + 1);
	}
	*out = take(&drop);
	return OK;
}

void maildrop_close(struct maildrop *drop)
{
	messages_finish(&drop->files);
	synthetic_finish(&drop->synthetic);
	free(drop->removed);
	free(drop);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int compare_names(const void *a, const void *b)
{
	const struct message *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

/* Reads a file of the directory, or finds it unchanged in the list of last time. NULL: gone in
 * the meantime, or no plain file. */
static struct message *load(struct maildrop *drop, int dir, const char *name)
{
	struct message key = {.name = (char *)(uintptr_t)name}, *wanted = &key, **known, *m;
	CLEANUP(closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf octets = {0};
	struct stat seen;

	if (fd < 0 || fstat(fd, &seen) < 0 || !S_ISREG(seen.st_mode))
		return NULL;
	known = drop->files.count == 0 ? NULL
				       : bsearch(&wanted, drop->files.at, drop->files.count,
					     sizeof(struct message *), compare_names);
	if (known && same_file(&(*known)->seen, &seen)) {
		(*known)->users++;
		return *known;
	}
	if (!octets_read_fd(fd, (size_t)seen.st_size, &octets)) {
		buf_finish(&octets);
		return NULL;
	}
	m = xnew(struct message);
	m->users = 1;
	m->name = xstrdup(name);
	m->seen = seen;
	octets_to_wire(buf_slice(&octets), drop->settings->raw, &m->wire, &m->octets);
	buf_finish(&octets);
	return m;
}

static enum error scan(struct maildrop *drop, struct failure *why)
{
	struct messages found = {0};
	DIR *dir = opendir(drop->settings->dir);
	struct dirent *entry;

	if (dir == NULL)
		return failed(
		    why, E_SYSTEM, "cannot read %s: %s", drop->settings->dir, strerror(errno));
	while ((entry = readdir(dir))) {
		struct message *m =
		    entry->d_name[0] == '.' ? NULL : load(drop, dirfd(dir), entry->d_name);

		if (m)
			messages_add(&found, m);
	}
	closedir(dir);
	if (found.count > 0)
		qsort(found.at, found.count, sizeof(struct message *), compare_names);
	messages_finish(&drop->files);
	drop->files = found;
	return OK;
}

static enum error take_files(struct maildrop *drop, struct snapshot *s, struct failure *why)
{
	enum error error = scan(drop, why);

	if (error)
		return error;
	for (size_t i = 0; i < drop->files.count; i++) {
		drop->files.at[i]->users++;
		messages_add(&s->files, drop->files.at[i]);
	}
	s->count = s->files.count;
	return OK;
}

static void take_synthetic(struct maildrop *drop, struct snapshot *s)
{
	s->numbers = xreallocarray(NULL, drop->synthetic.count + 1, sizeof(*s->numbers));
	for (uint32_t i = 0; i < drop->synthetic.count; i++)
		if (!drop->removed[i])
			s->numbers[s->count++] = i;
}

static enum error read_uidl_file(struct snapshot *s, const char *path, struct failure *why)
{
	enum error error = octets_read(path, &s->uidls, why);
	struct slice rest = buf_slice(&s->uidls);

	while (rest.len > 0) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.at) : rest.len;

		s->uidl_lines =
		    xreallocarray(s->uidl_lines, s->uidl_count + 1, sizeof(*s->uidl_lines));
		s->uidl_lines[s->uidl_count++] = slice_make(rest.at, len);
		len += end ? 1 : 0;
		rest = slice_make(rest.at + len, rest.len - len);
	}
	return error;
}

enum error maildrop_snapshot(struct maildrop *drop, struct snapshot **out, struct failure *why)
{
	struct snapshot *s = xnew(struct snapshot);
	enum error error = OK;

	s->drop = drop;
	if (drop->settings->dir)
		error = take_files(drop, s, why);
	else
		take_synthetic(drop, s);
	if (!error && drop->settings->uidl_file)
		error = read_uidl_file(s, drop->settings->uidl_file, why);
	if (error)
		snapshot_free(s);
	else
		*out = s;
	return error;
}

void snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	messages_finish(&s->files);
	free(s->numbers);
	free(s->uidl_lines);
	buf_finish(&s->uidls);
	free(s);
}

size_t snapshot_count(const struct snapshot *s)
{
	return s->count;
}

uint64_t snapshot_octets(const struct snapshot *s, size_t index)
{
	if (s->numbers)
		return synthetic_octets(&s->drop->synthetic, s->numbers[index]);
	return s->files.at[index]->octets;
}

static void add_name(const struct snapshot *s, size_t index, struct buf *to)
{
	char made[SYNTHETIC_NAME];
	const char *name = made, *dot;

	if (s->numbers)
		synthetic_name(s->numbers[index], made);
	else
		name = s->files.at[index]->name;
	dot = strrchr(name, '.');
	buf_add(to, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

/* FNV-1a. */
static uint64_t hash_of(const struct snapshot *s, size_t index)
{
	uint64_t hash = 0xcbf29ce484222325;
	struct slice octets;

	if (s->numbers)
		return synthetic_hash(s->numbers[index]);
	octets = buf_slice(&s->files.at[index]->wire);
	for (size_t i = 0; i < octets.len; i++)
		hash = (hash ^ (unsigned char)octets.at[i]) * 0x100000001b3;
	return hash;
}

void snapshot_uidl(const struct snapshot *s, size_t index, struct buf *to)
{
	if (index < s->uidl_count) {
		octets_unescape(s->uidl_lines[index], to);
		return;
	}
	for (const char *at = s->drop->settings->uidl; *at; at++) {
		if (*at != '%' || at[1] == '\0') {
			buf_add(to, at, 1);
			continue;
		}
		switch (*++at) {
		case 'f':
			add_name(s, index, to);
			break;
		case 'n':
			buf_printf(to, "%zu", index + 1);
			break;
		case 'x':
			buf_printf(to, "%016" PRIx64, hash_of(s, index));
			break;
		default:
			buf_add(to, at, 1);
			break;
		}
	}
}

/* Octets of the header and `lines` lines after it. */
static size_t top_len(struct slice wire, uint64_t lines)
{
	bool body = false;
	size_t at = 0;

	while (at < wire.len && !(body && lines == 0)) {
		const char *line = wire.at + at;
		const char *end = memchr(line, '\n', wire.len - at);
		size_t len = end ? (size_t)(end - line) + 1 : wire.len - at;

		if (body)
			lines--;
		else
			body = line[0] == '\n' || (len == 2 && line[0] == '\r');
		at += len;
	}
	return at;
}

void snapshot_send(const struct snapshot *s, size_t index, uint64_t lines, struct out *o)
{
	struct slice wire;
	size_t len;

	if (s->numbers) {
		synthetic_send(&s->drop->synthetic, s->numbers[index], lines, o);
		return;
	}
	wire = buf_slice(&s->files.at[index]->wire);
	len = lines == UINT64_MAX ? wire.len : top_len(wire, lines);
	out_lend(o, wire.at, len);
	if (len > 0 && !octets_end_line(slice_make(wire.at, len))) /* cut after a bare LF */
		out_text(o, "\r\n");
}

void snapshot_remove(struct snapshot *s, size_t index)
{
	const struct settings *settings = s->drop->settings;

	if (settings->keep)
		return;
	if (s->numbers) {
		char made[SYNTHETIC_NAME];

		s->drop->removed[s->numbers[index]] = true;
		synthetic_name(s->numbers[index], made);
		record("DELETED %s", made);
	} else {
		CLEANUP(freep)
		char *path = xasprintf("%s/%s", settings->dir, s->files.at[index]->name);

		if (unlink(path) == 0)
			record("DELETED %s", s->files.at[index]->name);
	}
}
