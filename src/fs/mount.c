#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fuse_log.h>

#include "alloc.h"
#include "log.h"
#include "mountinfo.h"

#define LONGEST_COMPLAINT 256
#define LONGEST_PATH      64

static struct buf complaint; /* libfuse's words while it mounts */
static bool mounting;

/* One call may be a part of a sentence. */
static void listen_to_libfuse(enum fuse_log_level level, const char *format, va_list args)
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
    const struct fs_plan *plan, const struct fuse_lowlevel_ops *operations, void *with)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *fuse = NULL;
	struct buf options = {0};

	mount_options(&options, plan);
	if (fuse_opt_add_arg(&args, "pop3fs") == 0 && fuse_opt_add_arg(&args, "-o") == 0 &&
	    fuse_opt_add_arg(&args, buf_text(&options)) == 0)
		fuse = fuse_session_new(&args, operations, sizeof(*operations), with);
	buf_finish(&options);
	fuse_opt_free_args(&args);
	return fuse;
}

static struct fuse_session *mount_session(
    const struct fs_plan *plan, const struct fuse_lowlevel_ops *operations, void *with)
{
	struct fuse_session *fuse = new_session(plan, operations, with);

	if (fuse && fuse_session_mount(fuse, plan->mountpoint) != 0) {
		fuse_session_destroy(fuse);
		return NULL;
	}
	return fuse;
}

/* The connection's number is the minor one of the file system's device. The newest mount is last.
 */
static unsigned number_of(const char *mountpoint)
{
	struct mountinfo m;
	struct mountinfo_row row;
	unsigned number = 0;

	if (!mountinfo_open(&m))
		return 0;
	while (mountinfo_next(&m, &row))
		if (strcmp(row.target, mountpoint) == 0)
			number = row.ours ? row.minor : 0;
	mountinfo_close(&m);
	return number;
}

/* Opened now: when the mount is detached nobody can tell its number any more. */
static int open_abort(const char *mountpoint)
{
	unsigned number = number_of(mountpoint);
	char path[LONGEST_PATH];

	if (!number)
		return -1;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", number);
	return open(path, O_WRONLY | O_CLOEXEC);
}

enum error mount_open(struct fuse_session **out, int *abort, const struct fs_plan *plan,
    const struct fuse_lowlevel_ops *operations, void *with, struct failure *why)
{
	struct fuse_session *fuse;
	enum error code = OK;

	mounting = true;
	fuse_set_log_func(listen_to_libfuse);
	fuse = mount_session(plan, operations, with);
	mounting = false;
	if (!fuse)
		code = failed(why, E_MOUNT, "cannot mount on %s: %.*s", plan->mountpoint,
		    SLICE_ARGS(complaint_words()));
	buf_finish(&complaint);
	if (code == OK) {
		int fd = fuse_session_fd(fuse);

		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		*abort = open_abort(plan->mountpoint);
		*out = fuse;
	}
	return code;
}

/* fuse_session_unmount unmounts by path, and by now another mount may stand there: unless poll
 * says POLLERR of the descriptor, as it does of a dead connection's, and of a pipe that nobody
 * reads. Putting that in its place also ends the connection. */
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

bool mount_abort(int abort)
{
	return abort >= 0 && write(abort, "1", 1) == 1;
}
