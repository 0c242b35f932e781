#include "favours.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"
#include "lookup.h"
#include "mount.h"
#include "mounted.h"
#include "mountinfo.h"
#include "mountpoint.h"
#include "passing.h"
#include "run.h"
#include "shelf.h"

#define UNMOUNT_MS 30000 /* fusermount3 may take so long */
#define RECORD_MS  10000 /* and so long does mount(8) for its table: */

#define UMOUNT_TABLE "/run/mount/utab"

/* ---- the mount ---- */

/* The last one at this path is on top of the others. */
static void note_place(struct favour_place *place, const char *mountpoint)
{
	CLEANUP(mountinfo_close) struct mountinfo all;
	struct mountinfo_row row;

	if (!mountinfo_open(&all))
		return;
	while (mountinfo_next(&all, &row)) {
		if (!row.ours || strcmp(row.target, mountpoint) != 0)
			continue;
		free(place->source);
		place->source = xstrdup(row.source);
		place->id = row.id;
		place->major = row.major;
		place->minor = row.minor;
	}
}

/* Numbers are given again at once, but one account is mounted once. */
static bool is_place(const struct favour_place *place, const struct mountinfo_row *row)
{
	return row->ours && row->id == place->id && row->major == place->major &&
	       row->minor == place->minor && strcmp(row->source, place->source) == 0;
}

/* Held by its descriptor, and so what is reached, whoever moves directories meanwhile. */
static bool find_place(struct mounted *m, const struct favour_place *place)
{
	CLEANUP(mountinfo_close) struct mountinfo all = {.file = NULL};
	struct mountinfo_row row;
	struct failure why;

	if (place->id == 0 || !mountinfo_open(&all))
		return false;
	while (mountinfo_next(&all, &row))
		if (is_place(place, &row))
			return mounted_row(m, &row, &why) == OK;
	return false;
}

static bool detach(const struct mounted *m)
{
	CLEANUP(freep) char *held = xasprintf("/proc/self/fd/%d", m->place);

	return umount2(held, MNT_DETACH) == 0;
}

void favour_unmount(const struct favour_place *place)
{
	CLEANUP(mounted_finish) struct mounted m = {.place = -1}, again = {.place = -1};
	const char *words[] = {"fusermount3", "-u", "-z", "--", NULL, NULL};
	struct run_plan run = {words[0], (char *const *)words, UNMOUNT_MS, -1};
	struct buf output = {.len = 0};
	struct failure why;

	if (!find_place(&m, place) || (geteuid() == 0 && detach(&m)))
		return;
	words[4] = m.target;
	mounted_let_go(&m);
	if (run_command(&run, &output, &why) && find_place(&again, place))
		log_warning("cannot take away the mount on %s: %s", m.target, why.words);
	buf_finish(&output);
}

/* It was looked at when the command began, and the listing may have taken long since. */
static enum error make(int *fd, const char *options, const char *mountpoint, struct failure *why)
{
	if (mountpoint_is_pop3fs(mountpoint))
		return failed(why, E_MOUNT,
		    "cannot mount on %s: another pop3fs has been mounted there meanwhile",
		    mountpoint);
	return mount_make(fd, options, mountpoint, why);
}

/* The daemon alone holds the connection, so that it ends with it. */
void favour_mount(
    int answer, const char *options, const char *mountpoint, struct favour_place *place)
{
	struct favour_mounted said = {.why = {.code = OK}};
	int fd = -1;
	enum error e = make(&fd, options, mountpoint, &said.why);
	bool heard;

	if (!e)
		note_place(place, mountpoint);
	heard = passing_send(answer, &said, sizeof(said), fd, false);
	closep(&fd);
	if (!e && !heard)
		favour_unmount(place);
}

/* ---- umount(8)'s table ---- */

/* mount -f and umount --fake change the table and nothing else. */
static bool change_table(const char *const *words)
{
	struct run_plan run = {words[0], (char *const *)words, RECORD_MS, -1};
	struct buf output = {.len = 0};
	struct failure why;
	enum error e = run_command(&run, &output, &why);

	if (e)
		log_debug("the mount has no entry in umount(8)'s table: %s", why.words);
	buf_finish(&output);
	return e == OK;
}

/* Where libmount cannot write its table it says nothing. */
bool favour_record(int answer, const char *source, const char *mountpoint)
{
	const char *words[] = {"mount", "-f", "-i", "-c", "-t", MOUNTINFO_TYPE, "-o", "_netdev",
	    "--", source, mountpoint, NULL};
	bool done = change_table(words) && access(UMOUNT_TABLE, R_OK | W_OK) == 0;

	(void)passing_send(answer, &done, 1, -1, false);
	return done;
}

/* umount(8) has done it already, if it was that. */
void favour_forget(const char *mountpoint)
{
	const char *words[] = {"umount", "--fake", "-i", "-c", "--", mountpoint, NULL};

	if (!mountpoint_is_pop3fs(mountpoint))
		change_table(words);
}

/* ---- names ---- */

/* The other end's closing is a SIGIO, whose effect is death: a server's name may take minutes. */
static void die_with_whoever_waits(int answer)
{
	struct pollfd other = {answer, 0, 0};
	sigset_t none;

	sigemptyset(&none);
	signal(SIGIO, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fcntl(answer, F_SETOWN, getpid());
	fcntl(answer, F_SETFL, O_ASYNC);
	if (poll(&other, 1, 0) == 1) /* gone before that */
		_exit(0);
}

/* Of the companion's sockets no copy stays: their ends mean something. */
static void look_up(int answer, const char *host, const char *port)
{
	int fd = dup2(answer, STDERR_FILENO + 1);

	close_range((unsigned)fd + 1, ~0u, 0);
	die_with_whoever_waits(fd);
	lookup_answer(fd, host, port);
	_exit(0);
}

/* The grandchild is nobody's: the companion need not wait for it. */
void favour_lookup(int answer, const char *host, const char *port)
{
	pid_t child = fork();

	if (child == 0) {
		pid_t grandchild = fork();

		if (grandchild == 0)
			look_up(answer, host, port);
		if (grandchild < 0)
			lookup_refuse(answer, errno);
		_exit(0);
	}
	if (child < 0)
		lookup_refuse(answer, errno);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* ---- a file ---- */

void favour_file(int answer)
{
	int fd = shelf_spill(NULL);

	(void)passing_send(answer, "f", 1, fd, false);
	closep(&fd);
}
