#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "outcome.h"

#define PROGRESS_S 1 /* the line is shown after this, and anew after each */

/* glibc raises this by itself at the first large block that is freed, and from then on keeps the
 * next ones (of listings, many MB) in its heaps, from where they never go back. */
#define LARGE_BLOCK (128 * 1024)

static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDING (sizeof(ending) / sizeof(ending[0]))

void daemon_prepare(void)
{
	struct rlimit none = {0, 0};
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	closep(&fd);
	umask(077);
	mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
}

static void block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ENDING; i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

static void become_child(struct daemon *d)
{
	setsid();
	/* a parent that dies wants no mount; it may have died before this line */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != d->parent)
		raise(SIGTERM);
}

enum error daemon_fork(struct daemon *d, bool foreground, struct failure *why)
{
	int ends[2];

	*d = (struct daemon){.pipe = -1, .parent = getpid()};
	if (!foreground && pipe2(ends, O_CLOEXEC) != 0)
		return failed(why, E_SYSTEM, "cannot make a pipe: %s", strerror(errno));
	block_signals(&d->signals); /* before the fork: none is lost to either */
	if (foreground)
		return OK;
	d->child = fork();
	if (d->child < 0) {
		sigprocmask(SIG_SETMASK, &d->signals, NULL);
		close(ends[0]);
		close(ends[1]);
		d->child = 0;
		return failed(why, E_SYSTEM, "cannot fork: %s", strerror(errno));
	}
	if (d->child == 0)
		become_child(d);
	close(ends[d->child ? 1 : 0]);
	d->pipe = ends[d->child ? 0 : 1];
	return OK;
}

bool daemon_is_parent(const struct daemon *d)
{
	return d->child > 0;
}

/* ---- the parent ---- */

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
	caught = number;
}

static void show_progress(const char *doing, int64_t since)
{
	char escaped[sizeof(((struct failure *)0)->words)];
	int64_t seconds = (clock_ms() - since) / 1000;

	if (!isatty(STDERR_FILENO))
		return;
	log_escape(escaped, sizeof(escaped), slice_of(doing));
	fprintf(stderr, "\r\033[K%s ... %jd s\r", escaped, (intmax_t)seconds);
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static bool is_notice(const struct failure *word)
{
	return word->code == OK && word->words[0];
}

static void show_notice(const struct failure *word)
{
	end_progress();
	if (isatty(STDERR_FILENO))
		log_warning("%s", word->words);
}

static void hand_on(struct daemon *d)
{
	if (caught && !d->told)
		d->told = kill(d->child, SIGTERM) == 0;
}

/* Waits for the child's last word. A signal, which comes only while we wait, is handed on to the
 * child once; it gives up and says so. */
static bool take_word(struct daemon *d, const char *doing, struct failure *word)
{
	static const struct timespec progress = {.tv_sec = PROGRESS_S};
	int64_t since = clock_ms();
	ssize_t got = -1;

	while (got < 0) {
		struct pollfd polled = {d->pipe, POLLIN, 0};
		int ready = ppoll(&polled, 1, &progress, &d->signals);

		hand_on(d);
		if (ready > 0)
			got = read(d->pipe, word, sizeof(*word));
		else if (ready == 0)
			show_progress(doing, since);
		if (got == sizeof(*word) && is_notice(word)) {
			show_notice(word);
			got = -1;
		}
	}
	end_progress();
	return got == sizeof(*word);
}

static int silent_end(const struct daemon *d)
{
	int status = 0;

	while (waitpid(d->child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		log_error(
		    "the daemon was ended by signal %d; nothing is mounted", WTERMSIG(status));
	else
		log_error("the daemon ended without a word; nothing is mounted");
	return STATUS_NOT_MOUNTED;
}

int daemon_wait(struct daemon *d, const char *doing)
{
	/* a second signal ends the parent at once, and its death is the child's second one */
	struct sigaction catching = {.sa_handler = catch_signal, .sa_flags = (int)SA_RESETHAND};
	struct failure word;
	bool spoke;

	for (size_t i = 0; i < ENDING; i++)
		sigaction(ending[i], &catching, NULL);
	spoke = take_word(d, doing, &word);
	sigprocmask(SIG_SETMASK, &d->signals, NULL);
	if (caught) {
		hand_on(d); /* it came with the last word: a mount that nobody wants any more */
		signal(caught, SIG_DFL);
		raise(caught);
	}
	if (!spoke)
		return silent_end(d);
	if (word.code)
		log_error("%s", word.words);
	return outcome_status(word.code);
}

/* ---- the child ---- */

/* The pipe takes a word at once, or not at all: it is shorter than PIPE_BUF. */
static bool say(struct daemon *d, const struct failure *word)
{
	return write(d->pipe, word, sizeof(*word)) == (ssize_t)sizeof(*word);
}

static bool say_last(struct daemon *d, const struct failure *word)
{
	bool heard = say(d, word);

	close(d->pipe);
	d->pipe = -1;
	return heard;
}

static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_to_syslog();
	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	closep(&null);
	if (chdir("/") != 0)
		log_warning("cannot work in /: %s", strerror(errno));
}

void daemon_notice(struct daemon *d, const char *words)
{
	struct failure *notice = &d->notices[d->count];

	if (d->pipe < 0) {
		log_warning("%s", words);
	} else if (d->count < DAEMON_MOST_NOTICES) {
		d->count++;
		failed(notice, OK, "%s", words);
		(void)say(d, notice); /* a parent that is gone is seen at the last word */
	}
}

void daemon_ready(struct daemon *d)
{
	struct failure ready = {.code = OK};

	if (d->pipe < 0)
		return;
	prctl(PR_SET_PDEATHSIG, 0);
	leave_terminal();
	for (size_t i = 0; i < d->count; i++)
		log_warning("%s", d->notices[i].words);
	if (!say_last(d, &ready))
		kill(getpid(), SIGTERM);
}

void daemon_fail(struct daemon *d, const struct failure *why)
{
	if (d->pipe < 0 || !say_last(d, why))
		log_error("%s", why->words);
}
