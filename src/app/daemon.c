#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "log.h"
#include "outcome.h"

#define PROGRESS_MS 1000 /* the line is shown after this, and anew after each */

#define LONGEST_DOING (2 * sizeof(((struct failure *)0)->words))

/* What the child says, in a write each. */
struct word {
	enum { LAST, NOTICE } kind;
	struct failure what; /* LAST: OK is "ready" */
};

/* How far it has come, in a page that both have: a pipe would fill while the parent is stopped, and
 * a word that finds no room is lost, though a server that is silent then brings no other. The child
 * writes where the parent does not read. */
struct far {
	_Atomic unsigned turn;
	char words[2][64];
};

/* glibc raises this by itself at the first large block that is freed, and from then on keeps the
 * next ones (of listings, many MB) in its heaps, from where they never go back. It is more than a
 * piece of a body and SQLite's row of one: those come and go by the thousand, and to map and clear
 * each anew was a third of what a load costs the processor. Until the store thread has come to rest
 * a heap keeps what it has for the next one. */
#define LARGE_BLOCK (192 * 1024)
#define KEPT_FREE   (4 * 1024 * 1024)

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
	mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that is too long for RLIMIT_FSIZE is a full disk */
}

static void block_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ENDING; i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* The signals of a terminal (Ctrl-C) are for the parent to hear and to hand on. */
static bool has_terminal(void)
{
	CLEANUP(closep) int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	return fd >= 0;
}

/* Without a terminal it stays among those who mount until the mount is there: where autofs or
 * systemd wait for that, the kernel lets their process group look at the mountpoint and nobody else
 * before mount(8) has ended. */
static void become_child(struct daemon *d)
{
	if (has_terminal())
		setsid();
	/* a parent that dies wants no mount; it may have died before this line */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != d->parent)
		raise(SIGTERM);
}

/* Without it nothing is shown but the time. */
static void share(struct daemon *d)
{
	void *page =
	    mmap(NULL, sizeof(*d->far), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	d->far = page == MAP_FAILED ? NULL : page;
}

static void stop_sharing(struct daemon *d)
{
	if (d->far)
		munmap(d->far, sizeof(*d->far));
	d->far = NULL;
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
	share(d);
	d->child = fork();
	if (d->child < 0) {
		sigprocmask(SIG_SETMASK, &d->signals, NULL);
		stop_sharing(d);
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

/* A line that is on the terminal while there is nothing else to say. */
struct shown {
	const char *doing;
	const struct far *far; /* may be NULL */
	int64_t since;         /* clock.h */
	int64_t next;          /* when it is shown anew */
};

static void show_progress(struct shown *s)
{
	char escaped[LONGEST_DOING], far[LONGEST_DOING], words[sizeof(s->far->words[0])] = "";
	int64_t now = clock_ms();

	s->next = now + PROGRESS_MS;
	if (!isatty(STDERR_FILENO))
		return;
	log_escape(escaped, sizeof(escaped), slice_of(s->doing));
	if (s->far)
		memcpy(words, s->far->words[atomic_load(&s->far->turn) & 1], sizeof(words) - 1);
	log_escape(far, sizeof(far), slice_of(words));
	fprintf(stderr, "\r\033[K%s ... %s%s%jd s\r", escaped, far, *far ? ", " : "",
	    (intmax_t)((now - s->since) / 1000));
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static void show_notice(const struct failure *what)
{
	end_progress();
	if (isatty(STDERR_FILENO))
		log_warning("%s", what->words);
}

/* true: it is the last one. */
static bool hear(const struct word *word)
{
	if (word->kind == NOTICE)
		show_notice(&word->what);
	return word->kind == LAST;
}

static void hand_on(struct daemon *d)
{
	if (caught && !d->told)
		d->told = kill(d->child, SIGTERM) == 0;
}

/* Waits for the child's last word. A signal, which comes only while we wait, is handed on to the
 * child once; it gives up and says so. */
static bool take_word(struct daemon *d, const char *doing, struct failure *last)
{
	struct shown s = {.doing = doing, .far = d->far, .since = clock_ms()};
	struct word word = {.kind = LAST};
	ssize_t got = -1;

	s.next = s.since + PROGRESS_MS;
	while (got < 0) {
		struct pollfd polled = {d->pipe, POLLIN, 0};
		int left = clock_left(s.next);
		struct timespec wait = {left / 1000, left % 1000 * 1000000L};
		int ready = ppoll(&polled, 1, &wait, &d->signals);

		hand_on(d);
		if (ready > 0)
			got = read(d->pipe, &word, sizeof(word));
		if (got == sizeof(word) && !hear(&word))
			got = -1;
		if (got < 0 && clock_ms() >= s.next)
			show_progress(&s);
	}
	end_progress();
	if (got != sizeof(word))
		return false;
	*last = word.what;
	return true;
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
static bool say(struct daemon *d, const struct word *word)
{
	return write(d->pipe, word, sizeof(*word)) == (ssize_t)sizeof(*word);
}

static bool say_last(struct daemon *d, const struct failure *what)
{
	bool heard = say(d, &(struct word){LAST, *what});

	close(d->pipe);
	d->pipe = -1;
	stop_sharing(d);
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
		/* a parent that is gone is seen at the last word */
		(void)say(d, &(struct word){NOTICE, *notice});
	}
}

void daemon_progress(struct daemon *d, const char *words)
{
	unsigned turn;

	if (!d->far)
		return;
	turn = atomic_load(&d->far->turn) + 1;
	snprintf(d->far->words[turn & 1], sizeof(d->far->words[0]), "%s", words);
	atomic_store(&d->far->turn, turn);
}

void daemon_ready(struct daemon *d)
{
	struct failure ready = {.code = OK};

	if (d->pipe < 0)
		return;
	prctl(PR_SET_PDEATHSIG, 0);
	(void)setsid(); /* fails where it has its own already */
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
