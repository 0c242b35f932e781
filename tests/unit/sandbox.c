/* A child enters the sandbox and tries what a daemon must, and what it must not be able to do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "sandbox.h"
#include "store.h"

#define LONGEST_S 60
#define NOT_SO    200 /* what was to fail did not, or did in another way */

static char place[] = "/tmp/pop3fs-sandbox-XXXXXX"; /* with a cache, and a file beside it */
static char *cache, *beside, *database;
static int listener, other; /* ports that are listened to; the first is the server's */
static char port[8];

/* ---- probes: 0, or errno ---- */

static int tried(long result)
{
	return result < 0 ? errno : 0;
}

static int read_beside(void)
{
	return tried(open(beside, O_RDONLY | O_CLOEXEC));
}

static int read_accounts(void)
{
	return tried(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int list_root(void)
{
	return tried(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int read_memory(void)
{
	CLEANUP(freep) char *path = xasprintf("/proc/%d/mem", (int)getppid());

	return tried(open(path, O_RDWR | O_CLOEXEC));
}

static int make_beside(void)
{
	CLEANUP(freep) char *path = xasprintf("%s/new", place);

	return tried(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int write_libraries(void)
{
	return tried(open("/usr/lib/pop3fs-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int remove_beside(void)
{
	return tried(unlink(beside));
}

static int make_link(void)
{
	CLEANUP(freep) char *path = xasprintf("%s/link", cache);

	return tried(symlink("/etc/passwd", path));
}

static int move_in(void)
{
	CLEANUP(freep) char *path = xasprintf("%s/moved", cache);

	return tried(rename(beside, path));
}

static int execute(void)
{
	char *const words[] = {(char *)"true", NULL};

	return tried(execv("/bin/true", words));
}

static int be_two(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return tried(pid);
}

static int trace(void)
{
	return tried(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int signal_parent(void)
{
	return tried(kill(getppid(), 0));
}

static int mount_something(void)
{
	return tried(mount("none", place, "tmpfs", 0, NULL));
}

static int unmount_something(void)
{
	return tried(umount2(place, MNT_DETACH));
}

static int write_code(void)
{
	void *at = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int make_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return tried(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int type_into_terminal(void)
{
	return tried(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static int open_datagram(void)
{
	return tried(socket(AF_INET, SOCK_DGRAM, 0));
}

static int open_bus(void)
{
	return tried(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int open_netlink(void)
{
	return tried(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int connect_to(int fd)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (getsockname(fd, (struct sockaddr *)&to, &len) != 0)
		return NOT_SO;
	return out < 0 ? NOT_SO : tried(connect(out, (struct sockaddr *)&to, len));
}

static int connect_elsewhere(void)
{
	return connect_to(other);
}

static int listen_somewhere(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? NOT_SO : tried(bind(fd, (struct sockaddr *)&at, sizeof(at)));
}

static int become_another(void)
{
	return geteuid() == 0 ? tried(setgid(65534)) : EPERM;
}

/* ---- and what a daemon must do ---- */

static int connect_to_server(void)
{
	return connect_to(listener);
}

static int log_something(void)
{
	return tried(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/* Each of these is a module that is loaded now. */
static int convert(void)
{
	static const char *const charsets[] = {"ISO-2022-JP", "KOI8-R", "GB18030", "ISO-8859-1"};

	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		iconv_t how = iconv_open("UTF-8", charsets[i]);

		if (how == (iconv_t)-1)
			return errno;
		iconv_close(how);
	}
	return 0;
}

static int keep(void)
{
	struct store *store = NULL;
	struct failure why;

	for (int i = 0; i < 2; i++) {
		if (store_open(&store, database, &why))
			return NOT_SO;
		store_close(take(&store));
	}
	return 0;
}

static int keep_anew(void)
{
	FILE *file = fopen(database, "w");

	if (!file || fputs("damaged, and to be moved aside", file) < 0 || fclose(file) != 0)
		return errno;
	return keep();
}

static int spill(void)
{
	int fd = open(cache, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? errno : tried(ftruncate(fd, 0));
}

static void *end_of_thread(void *with)
{
	return with;
}

static int have_threads(void)
{
	pthread_t thread;
	int number = pthread_create(&thread, NULL, end_of_thread, NULL);

	return number ? number : pthread_join(thread, NULL);
}

static int go_background(void)
{
	return tried(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int signal_itself(void)
{
	signal(SIGUSR1, SIG_IGN);
	return raise(SIGUSR1) ? NOT_SO : tried(kill(getpid(), SIGUSR1));
}

enum by { BOTH, LANDLOCK, SECCOMP };

static const struct {
	const char *name;
	int (*probe)(void);
	int want;
	enum by by;
} cases[] = {
    {"read a file beside the cache", read_beside, EACCES, LANDLOCK},
    {"read /etc/passwd", read_accounts, EACCES, LANDLOCK},
    {"list /", list_root, EACCES, LANDLOCK},
    {"open another's memory", read_memory, EACCES, LANDLOCK},
    {"make a file beside the cache", make_beside, EACCES, LANDLOCK},
    {"write into /usr", write_libraries, EACCES, LANDLOCK},
    {"remove a file beside the cache", remove_beside, EACCES, LANDLOCK},
    {"link within the cache", make_link, ENOSYS, SECCOMP},
    {"move a file into the cache", move_in, EACCES, LANDLOCK},
    {"execute", execute, EPERM, SECCOMP},
    {"fork", be_two, EPERM, SECCOMP},
    {"trace", trace, EPERM, SECCOMP},
    {"signal another", signal_parent, ENOSYS, SECCOMP},
    {"mount", mount_something, EPERM, SECCOMP},
    {"unmount", unmount_something, EPERM, SECCOMP},
    {"map memory to write and execute", write_code, ENOSYS, SECCOMP},
    {"make memory executable", make_code, ENOSYS, SECCOMP},
    {"type into the terminal", type_into_terminal, ENOSYS, SECCOMP},
    {"open a datagram socket", open_datagram, ENOSYS, SECCOMP},
    {"open a stream to a local service", open_bus, ENOSYS, SECCOMP},
    {"open a netlink socket", open_netlink, ENOSYS, SECCOMP},
    {"listen", listen_somewhere, EPERM, SECCOMP},
    {"become another", become_another, EPERM, SECCOMP},
    {"connect to the server", connect_to_server, 0, BOTH},
    {"log", log_something, 0, BOTH},
    {"convert charsets", convert, 0, BOTH},
    {"open a database", keep, 0, BOTH},
    {"move a damaged one aside", keep_anew, 0, BOTH},
    {"make a nameless file", spill, 0, BOTH},
    {"start threads", have_threads, 0, BOTH},
    {"go into the background", go_background, 0, BOTH},
    {"signal itself", signal_itself, 0, BOTH},
};

/* ---- */

static bool is_in_force(const char *words, enum by by)
{
	return by == BOTH || strstr(words, by == LANDLOCK ? "landlock" : "seccomp") != NULL;
}

static struct sandbox_plan plan_of(bool off)
{
	return (struct sandbox_plan){.off = off, .cache = cache, .port = port};
}

static const char *enter(bool off)
{
	const struct sandbox_plan plan = plan_of(off);

	return sandbox_enter(&plan);
}

/* In a child. */
static int run_under(int (*probe)(void), const struct sandbox_plan *plan)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(LONGEST_S);
		sandbox_enter(plan);
		_exit(probe());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(int (*probe)(void), bool off)
{
	const struct sandbox_plan plan = plan_of(off);

	return run_under(probe, &plan);
}

/* What this kernel and this build have. */
static const char *force(void)
{
	static char words[64];
	int ends[2];
	pid_t pid;
	ssize_t got;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		const char *said = enter(false);

		(void)!write(ends[1], said, strlen(said));
		_exit(0);
	}
	close(ends[1]);
	got = read(ends[0], words, sizeof(words) - 1);
	assert_true(got > 0);
	words[got] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return words;
}

static void nothing_else_can_be_done(void **state)
{
	const char *words = force();

	print_message("%s\n", words);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got;

		if (!is_in_force(words, cases[i].by))
			continue;
		got = run(cases[i].probe, false);
		if (got != cases[i].want)
			print_message("%s: %s\n", cases[i].name, strerror(got));
		assert_int_equal(got, cases[i].want);
	}
}

/* Kernels before 6.7 do not look at ports. */
static void only_the_servers_port_is_connected_to(void **state)
{
	int got = run(connect_elsewhere, false);

	assert_true(got == EACCES || got == 0);
}

static void certificates_are_read_where_there_is_tls(void **state)
{
	struct sandbox_plan plan = plan_of(false);

	if (!is_in_force(force(), LANDLOCK))
		skip();
	plan.ca = place;
	assert_int_equal(run_under(read_beside, &plan), EACCES);
	plan.tls = true;
	assert_int_equal(run_under(read_beside, &plan), 0);
}

static void off_is_off(void **state)
{
	static int (*const probes[])(void) = {read_beside, be_two, open_bus, open_datagram};

	assert_string_equal(enter(true), "off");
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		assert_int_equal(run(probes[i], true), 0);
}

/* Root stays who it is, and is above nobody. */
static int write_theirs(void)
{
	CLEANUP(freep) char *path = xasprintf("%s/theirs", cache);

	return tried(open(path, O_WRONLY | O_CLOEXEC));
}

static void root_is_above_nobody(void **state)
{
	CLEANUP(freep) char *path = xasprintf("%s/theirs", cache);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400);

	if (geteuid() == 0 && strcmp(force(), "none") != 0) {
		assert_int_equal(fchown(fd, 65534, 65534), 0);
		assert_int_equal(run(write_theirs, false), EACCES);
		assert_int_equal(run(write_theirs, true), 0);
	}
	close(fd);
	unlink(path);
}

static int listens(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

static int make_place(void **state)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd;

	assert_non_null(mkdtemp(place));
	cache = xasprintf("%s/cache", place);
	beside = xasprintf("%s/secret", place);
	database = xasprintf("%s/x.db", cache);
	assert_int_equal(mkdir(cache, 0700), 0);
	fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	listener = listens();
	other = listens();
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	snprintf(port, sizeof(port), "%u", ntohs(at.sin_port));
	return 0;
}

static int take_place_away(void **state)
{
	CLEANUP(freep) char *command = xasprintf("rm -r %s", place);

	free(cache);
	free(beside);
	free(database);
	close(listener);
	close(other);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_else_can_be_done),
	    cmocka_unit_test(only_the_servers_port_is_connected_to),
	    cmocka_unit_test(certificates_are_read_where_there_is_tls),
	    cmocka_unit_test(off_is_off),
	    cmocka_unit_test(root_is_above_nobody),
	};

	return cmocka_run_group_tests_name("sandbox", tests, make_place, take_place_away);
}
