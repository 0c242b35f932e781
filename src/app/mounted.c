#include "mounted.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"

#define LONGEST_PROC 64

/* The mount that a descriptor is in; -1: /proc does not say. */
static int mount_id(int place)
{
	char path[LONGEST_PROC];
	CLEANUP(freep) char *line = NULL;
	size_t room = 0;
	int id = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", place);
	file = fopen(path, "re");
	while (file && id < 0 && getline(&line, &room, file) > 0)
		(void)!sscanf(line, "mnt_id: %d", &id);
	if (file)
		fclose(file);
	return id;
}

static void take_row(struct mounted *m, const struct mountinfo_row *row)
{
	m->target = xstrdup(row->target);
	m->source = xstrdup(row->source);
	m->major = row->major;
	m->minor = row->minor;
	m->uid = row->uid;
	m->gid = row->gid;
}

static bool find_row(struct mounted *m, int id)
{
	CLEANUP(mountinfo_close) struct mountinfo all;
	struct mountinfo_row row;

	if (!mountinfo_open(&all))
		return false;
	while (mountinfo_next(&all, &row))
		if (row.id == id && row.ours) {
			take_row(m, &row);
			return true;
		}
	return false;
}

/* Where the descriptor is, absolute; the caller's. NULL: /proc does not say. */
static char *path_of(int place)
{
	char link[LONGEST_PROC], path[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", place);
	len = readlink(link, path, sizeof(path));
	return len > 0 && len < (ssize_t)sizeof(path) ? xstrndup(path, (size_t)len) : NULL;
}

static enum error find(struct mounted *m, const char *path, struct failure *why)
{
	CLEANUP(freep) char *real = NULL;

	m->place = open(path, O_PATH | O_CLOEXEC);
	if (m->place < 0)
		return failed(why, E_CONFIG, "%s: %s", path, strerror(errno));
	if (!find_row(m, mount_id(m->place)))
		return failed(why, E_CONFIG, "%s is not a pop3fs mount", path);
	real = path_of(m->place);
	if (!real || strcmp(real, m->target) != 0)
		return failed(why, E_CONFIG, "%s is inside the mount on %s", path, m->target);
	return OK;
}

enum error mounted_find(struct mounted *m, const char *path, struct failure *why)
{
	enum error e;

	*m = (struct mounted){.place = -1};
	e = find(m, path, why);
	if (e)
		mounted_finish(m);
	return e;
}

enum error mounted_row(struct mounted *m, const struct mountinfo_row *row, struct failure *why)
{
	*m = (struct mounted){.place = open(row->target, O_PATH | O_CLOEXEC)};
	take_row(m, row);
	if (m->place >= 0 && mount_id(m->place) == row->id)
		return OK;
	failed(why, E_CONFIG, "%s cannot be reached", row->target);
	mounted_let_go(m);
	return E_CONFIG;
}

void mounted_let_go(struct mounted *m)
{
	closep(&m->place);
	m->place = -1;
}

void mounted_finish(struct mounted *m)
{
	mounted_let_go(m);
	free(m->target);
	free(m->source);
	*m = (struct mounted){.place = -1};
}

/* A device's number is given again at once, to another mount that has just been made. */
static bool is_among(const struct mounted *m, struct mountinfo *all)
{
	struct mountinfo_row row;

	while (mountinfo_next(all, &row))
		if (row.major == m->major && row.minor == m->minor &&
		    strcmp(row.source, m->source) == 0)
			return true;
	return false;
}

bool mounted_elsewhere(const struct mounted *m)
{
	CLEANUP(mountinfo_close) struct mountinfo all;

	return mountinfo_open(&all) && is_among(m, &all);
}

static bool is_held_by(const struct mounted *m, pid_t pid)
{
	CLEANUP(mountinfo_close) struct mountinfo all;

	return mountinfo_open_of(&all, pid) && is_among(m, &all);
}

pid_t mounted_holder(const struct mounted *m)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	pid_t holder = 0;

	while (processes && !holder && (entry = readdir(processes)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && is_held_by(m, pid))
			holder = pid;
	}
	if (processes)
		closedir(processes);
	return holder;
}
