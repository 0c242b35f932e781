#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <cmocka.h>

#include "buf.h"
#include "deeds.h"

const struct letter four[4] = {
    {"b-cached", 5, "hello, world"},
    {"a-short", 100, NULL}, /* LIST says too much */
    {"d-long", 4, NULL},    /* LIST says too little */
    {"c-fixed", 7, "fixed\r\n", MESSAGE_FIXED},
};

void answer_fetch(struct world *w, int64_t id, const char *body)
{
	struct job *j = world_job(w, JOB_FETCH);

	assert_int_equal(j->id, id);
	assert_true(j->urgent);
	job_free(j);
	if (body)
		world_store(w, id, body, true);
}

void answer_unlink(struct world *w, int64_t id, enum error code)
{
	struct task *t = world_task(w, TASK_UNLINK);

	assert_int_equal(t->id, id);
	task_free(t);
	world_put(w, world_event(EVENT_UNLINKED, id, code));
}

int list(struct world *x, const void *want)
{
	DIR *d = opendir(x->mountpoint);
	struct dirent *e;
	struct buf names = {0};
	int wrong;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			buf_printf(&names, "%s ", e->d_name);
			if (e->d_type != DT_REG || e->d_ino < (ino_t)WORLD_FIRST_ID << 3)
				return WRONG;
		}
	wrong = strcmp(buf_text(&names), want) == 0 ? 0 : WRONG + 1;
	buf_finish(&names);
	closedir(d);
	return wrong;
}

int size_is(struct world *x, const char *name, off_t size)
{
	struct stat st;

	if (stat(world_path(x, name), &st) != 0)
		return errno;
	return st.st_size == size && st.st_mode == (S_IFREG | 0400) && st.st_uid == 12 &&
		       st.st_gid == 34 && st.st_nlink == 1
		   ? 0
		   : WRONG;
}

/* All that needs no message. */
int list_in_the_end(struct world *w, const void *want)
{
	int wrong;

	while ((wrong = list(w, want)) == WRONG + 1)
		usleep(1000);
	return wrong;
}

/* All of the status, in the size that it is said to have. */
static bool says_mirror(struct world *w, const char *words)
{
	char text[4096], line[256];
	FILE *f = fopen(world_path(w, ".pop3fs/status"), "r");
	size_t len = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	struct stat st = {.st_size = -1};

	if (f) {
		fstat(fileno(f), &st);
		fclose(f);
	}
	text[len] = '\0';
	snprintf(line, sizeof(line), "\nmirror: %s\n", words);
	return st.st_size == (off_t)len && strstr(text, line);
}

int say_mirror_in_the_end(struct world *w, const void *with)
{
	while (!says_mirror(w, with))
		usleep(1000);
	return 0;
}

int look(struct world *x, const void *with)
{
	struct statvfs fs;
	int wrong = list(x, ALL_FOUR);

	if (wrong || (wrong = size_is(x, "b-cached", 12)) || (wrong = size_is(x, "a-short", 100)))
		return wrong;
	if (statvfs(x->mountpoint, &fs) != 0)
		return errno;
	return fs.f_files == 4 && fs.f_blocks * fs.f_frsize == 512 ? 0 : WRONG + 2;
}

int stat_it(struct world *x, const void *name)
{
	struct stat st;

	return stat(world_path(x, name), &st) == 0 ? 0 : errno;
}

int wait_until_gone(struct world *x, const void *name)
{
	while (stat_it(x, name) == 0)
		usleep(1000);
	return stat_it(x, name);
}

int remove_it(struct world *x, const void *name)
{
	return unlink(world_path(x, name)) == 0 ? 0 : errno;
}

int open_it(struct world *x, const void *name)
{
	int fd = open(world_path(x, name), O_RDONLY);

	return fd < 0 ? errno : 0;
}

int read_it(struct world *x, const void *with)
{
	const struct text *want = with;
	int fd = open(world_path(x, want->name), O_RDONLY);
	static char got[400000];
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0 || st.st_size != (off_t)strlen(want->body))
		return WRONG;
	len = read(fd, got, sizeof(got));
	if (len < 0)
		return errno;
	if (len != st.st_size || memcmp(got, want->body, (size_t)len) != 0)
		return WRONG + 1;
	return size_is(x, want->name, st.st_size);
}

int find_in_mountinfo(struct world *x, const void *with)
{
	char line[1024], want[256];
	FILE *f = fopen("/proc/self/mountinfo", "r");

	snprintf(want, sizeof(want), " %s ", x->mountpoint);
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, want))
			return strstr(line, " - fuse.pop3fs me,too@example.org ") &&
				       strstr(line, "nosuid,nodev")
				   ? 0
				   : WRONG;
	return WRONG + 1;
}
