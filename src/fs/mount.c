#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fuse_log.h>

#include "alloc.h"
#include "log.h"

#define LONGEST_COMPLAINT 256

static struct buf complaint; /* libfuse's words while it mounts */
static bool mounting;

/* One call may be a part of a sentence. */
__attribute__((format(printf, 2, 0))) static void listen_to_libfuse(
    enum fuse_log_level level, const char *format, va_list args)
{
	char words[LONGEST_COMPLAINT];

	if (vsnprintf(words, sizeof(words), format, args) < 0)
		return;
	if (mounting)
		buf_add_text(&complaint, words);
	else
		log_say(level <= FUSE_LOG_WARNING ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "%.*s",
		    SLICE_ARGS(slice_trim(slice_of(words))));
}

static struct slice complaint_words(void)
{
	struct slice words = slice_trim(buf_slice(&complaint));

	if (slice_starts_word(words, "fuse: "))
		words = slice_make(words.at + 6, words.len - 6);
	return words.len ? words : slice_of("fusermount3 refused");
}

/* libfuse splits at commas and undoes backslashes. */
static void add_escaped(struct buf *options, const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c == ',' || *c == '\\')
			buf_add_text(options, "\\");
		buf_add(options, c, 1);
	}
}

/* The kernel adds nosuid and nodev for users' mounts; mail is never a program for anybody. */
void mount_options(struct buf *options, const struct fs_plan *plan)
{
	buf_add_text(options, "fsname=");
	add_escaped(options, plan->source);
	buf_add_text(options, ",subtype=pop3fs,nosuid,nodev,noexec");
	if (plan->default_permissions)
		buf_add_text(options, ",default_permissions");
	if (plan->read_only)
		buf_add_text(options, ",ro");
	if (plan->fuse_options[0])
		buf_printf(options, ",%s", plan->fuse_options);
}

static struct fuse_session *new_session(
    const char *options, const struct fuse_lowlevel_ops *operations, void *with)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *fuse = NULL;

	if (fuse_opt_add_arg(&args, "pop3fs") == 0 && fuse_opt_add_arg(&args, "-o") == 0 &&
	    fuse_opt_add_arg(&args, options) == 0)
		fuse = fuse_session_new(&args, operations, sizeof(*operations), with);
	fuse_opt_free_args(&args);
	return fuse;
}

static struct fuse_session *mount_session(const char *options, const char *mountpoint,
    const struct fuse_lowlevel_ops *operations, void *with)
{
	struct fuse_session *fuse = new_session(options, operations, with);

	if (fuse && fuse_session_mount(fuse, mountpoint) != 0) {
		fuse_session_destroy(fuse);
		return NULL;
	}
	return fuse;
}

/* Fails with libfuse's own words. */
static struct fuse_session *mount_heard(const char *options, const char *place,
    const struct fuse_lowlevel_ops *operations, void *with, struct failure *why)
{
	struct fuse_session *fuse;

	mounting = true;
	fuse_set_log_func(listen_to_libfuse);
	fuse = mount_session(options, place, operations, with);
	mounting = false;
	if (!fuse)
		failed(why, E_MOUNT, "%.*s", SLICE_ARGS(complaint_words()));
	buf_finish(&complaint);
	return fuse;
}

/* Root's mount(2) follows links, and whoever owns a directory on the way may have put one there
 * since the mountpoint was looked at: root mounts on the very directory that has this name without
 * any. -1: it has not. */
static int hold(const char *mountpoint)
{
	int fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(freep) char *place = xasprintf("/proc/self/fd/%d", fd);
	CLEANUP(freep) char *name = realpath(place, NULL);

	if (name && strcmp(name, mountpoint) == 0)
		return fd;
	closep(&fd);
	return -1;
}

/* fusermount3 looks itself whether the user may mount there. */
static struct fuse_session *mount_place(
    const char *options, const char *mountpoint, struct failure *why)
{
	static const struct fuse_lowlevel_ops none;
	CLEANUP(closep) int held = -1;
	CLEANUP(freep) char *place = NULL;

	if (geteuid() != 0)
		return mount_heard(options, mountpoint, &none, NULL, why);
	held = hold(mountpoint);
	if (held < 0) {
		failed(why, E_MOUNT, "it is no directory, or not the one that it was");
		return NULL;
	}
	place = xasprintf("/proc/self/fd/%d", held);
	return mount_heard(options, place, &none, NULL, why);
}

enum error mount_make(int *fd, const char *options, const char *mountpoint, struct failure *why)
{
	struct failure reason;
	struct fuse_session *fuse = mount_place(options, mountpoint, &reason);

	if (!fuse)
		return failed(why, E_MOUNT, "cannot mount on %s: %s", mountpoint, reason.words);
	*fd = fcntl(fuse_session_fd(fuse), F_DUPFD_CLOEXEC, 0);
	mount_close(fuse);
	return *fd >= 0 ? OK : failed(why, E_MOUNT, "no descriptor is left: %s", strerror(errno));
}

enum error mount_serve(struct fuse_session **out, int fd, const char *options,
    const struct fuse_lowlevel_ops *operations, void *with, struct failure *why)
{
	CLEANUP(freep) char *place = xasprintf("/dev/fd/%d", fd); /* how libfuse is given one */
	struct failure reason;
	struct fuse_session *fuse = mount_heard(options, place, operations, with, &reason);

	if (!fuse) {
		close(fd);
		return failed(why, E_MOUNT, "cannot serve the mount: %s", reason.words);
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	*out = fuse;
	return OK;
}

/* fuse_session_unmount unmounts by path, where there is one, and by now another mount may stand
 * there: unless poll says POLLERR of the descriptor, as it does of a dead connection's, and of a
 * pipe that nobody reads. */
void mount_leave(struct fuse_session *fuse)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	close(ends[0]);
	dup3(ends[1], fuse_session_fd(fuse), O_CLOEXEC);
	close(ends[1]);
	fuse_session_unmount(fuse);
}

void mount_close(struct fuse_session *fuse)
{
	mount_leave(fuse);
	fuse_session_destroy(fuse);
}
