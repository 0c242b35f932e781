/* The C library's calls, as they fail (shim.h). Each does what it is called for, unless it is due.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shim.h"

/* The fortified ones have no prototype of their own. */
ssize_t __read_chk(int fd, void *to, size_t len, size_t room);
ssize_t __pread64_chk(int fd, void *to, size_t len, off_t at, size_t room);
ssize_t __recv_chk(int fd, void *to, size_t len, size_t room, int flags);
int __poll_chk(struct pollfd *fds, nfds_t count, int ms, size_t room);
int __open64_2(const char *path, int flags);

/* The function that stands behind ours; `real` has its type. */
#define REAL(name)                                                                                 \
	static __typeof__(&name) real;                                                             \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* A function without a look at what it is given. */
#define CALL(kind, type, failure, name, parameters, arguments)                                     \
	type name parameters                                                                       \
	{                                                                                          \
		REAL(name);                                                                        \
		return fault_due(kind, #name) ? failure : real arguments;                          \
	}

/* ---- memory: glibc's own names, for dlsym itself allocates ---- */

void *__libc_malloc(size_t octets);
void *__libc_calloc(size_t count, size_t octets);
void *__libc_realloc(void *old, size_t octets);
void *__libc_memalign(size_t boundary, size_t octets);

void *malloc(size_t octets)
{
	return fault_due(FAULT_ALLOC, "malloc") ? NULL : __libc_malloc(octets);
}

void *calloc(size_t count, size_t octets)
{
	return fault_due(FAULT_ALLOC, "calloc") ? NULL : __libc_calloc(count, octets);
}

void *realloc(void *old, size_t octets)
{
	return fault_due(FAULT_ALLOC, "realloc") ? NULL : __libc_realloc(old, octets);
}

void *reallocarray(void *old, size_t count, size_t octets)
{
	size_t all;

	if (__builtin_mul_overflow(count, octets, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return fault_due(FAULT_ALLOC, "reallocarray") ? NULL : __libc_realloc(old, all);
}

int posix_memalign(void **out, size_t boundary, size_t octets)
{
	void *memory =
	    fault_due(FAULT_ALLOC, "posix_memalign") ? NULL : __libc_memalign(boundary, octets);

	if (!memory)
		return ENOMEM;
	*out = memory;
	return 0;
}

CALL(FAULT_MAP, void *, MAP_FAILED, mmap,
    (void *at, size_t len, int prot, int flags, int fd, off_t offset),
    (at, len, prot, flags, fd, offset))
CALL(FAULT_MAP, void *, MAP_FAILED, mmap64,
    (void *at, size_t len, int prot, int flags, int fd, off_t offset),
    (at, len, prot, flags, fd, offset))
CALL(FAULT_MAP, int, -1, mlock, (const void *at, size_t len), (at, len))

/* ---- descriptors ---- */

#define MODE_OF(flags)                                                                             \
	mode_t mode = 0;                                                                           \
	va_list rest;                                                                              \
	va_start(rest, flags);                                                                     \
	if ((flags) & (O_CREAT | O_TMPFILE))                                                       \
		mode = va_arg(rest, mode_t);                                                       \
	va_end(rest)

int open(const char *path, int flags, ...)
{
	REAL(open);
	MODE_OF(flags);
	return fault_due(FAULT_OPEN, "open") ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	REAL(open64);
	MODE_OF(flags);
	return fault_due(FAULT_OPEN, "open64") ? -1 : real(path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
	REAL(openat);
	MODE_OF(flags);
	return fault_due(FAULT_OPEN, "openat") ? -1 : real(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
	REAL(openat64);
	MODE_OF(flags);
	return fault_due(FAULT_OPEN, "openat64") ? -1 : real(at, path, flags, mode);
}

CALL(FAULT_OPEN, int, -1, __open64_2, (const char *path, int flags), (path, flags))
CALL(FAULT_OPEN, FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode))
CALL(FAULT_OPEN, FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode))
CALL(FAULT_OPEN, FILE *, NULL, fdopen, (int fd, const char *mode), (fd, mode))
CALL(FAULT_OPEN, int, -1, mkostemp64, (char *path, int flags), (path, flags))
CALL(FAULT_OPEN, int, -1, pipe2, (int ends[2], int flags), (ends, flags))
CALL(FAULT_OPEN, int, -1, eventfd, (unsigned count, int flags), (count, flags))
CALL(FAULT_OPEN, int, -1, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
CALL(FAULT_OPEN, int, -1, pidfd_open, (pid_t pid, unsigned flags), (pid, flags))
CALL(FAULT_OPEN, int, -1, dup2, (int from, int to), (from, to))
CALL(FAULT_OPEN, int, -1, dup3, (int from, int to, int flags), (from, to, flags))
CALL(FAULT_OPEN, int, -1, socket, (int family, int type, int protocol), (family, type, protocol))
CALL(FAULT_OPEN, int, -1, socketpair, (int family, int type, int protocol, int ends[2]),
    (family, type, protocol, ends))

/* ---- octets ---- */

/* What a read or write of `len` octets comes to: all, half, or failure. */
static bool failing(enum fault_kind kind, const char *name, size_t *len)
{
	if (!fault_due(kind, name))
		return false;
	if (fault_plan()->number != FAULT_HALF || *len < 2)
		return true;
	*len /= 2;
	return false;
}

static enum fault_kind writing(int fd)
{
	enum fault_kind kind = fault_kind_of(fd);

	return kind == FAULT_READ ? FAULT_WRITE : kind;
}

ssize_t read(int fd, void *to, size_t len)
{
	REAL(read);
	return failing(fault_kind_of(fd), "read", &len) ? -1 : real(fd, to, len);
}

ssize_t __read_chk(int fd, void *to, size_t len, size_t room)
{
	REAL(__read_chk);
	return failing(fault_kind_of(fd), "read", &len) ? -1 : real(fd, to, len, room);
}

ssize_t pread(int fd, void *to, size_t len, off_t at)
{
	REAL(pread);
	return failing(FAULT_READ, "pread", &len) ? -1 : real(fd, to, len, at);
}

ssize_t pread64(int fd, void *to, size_t len, off_t at)
{
	REAL(pread64);
	return failing(FAULT_READ, "pread64", &len) ? -1 : real(fd, to, len, at);
}

ssize_t __pread64_chk(int fd, void *to, size_t len, off_t at, size_t room)
{
	REAL(__pread64_chk);
	return failing(FAULT_READ, "pread64", &len) ? -1 : real(fd, to, len, at, room);
}

ssize_t write(int fd, const void *from, size_t len)
{
	REAL(write);
	return failing(writing(fd), "write", &len) ? -1 : real(fd, from, len);
}

/* Of what is said to the kernel only the notifications: it takes every answer, but of requests that
 * are gone, and whoever asked would wait for one that was lost. */
ssize_t writev(int fd, const struct iovec *from, int count)
{
	enum fault_kind kind = writing(fd);
	REAL(writev);

	if (kind == FAULT_FUSE && gettid() == getpid())
		return real(fd, from, count);
	return fault_due(kind, "writev") ? -1 : real(fd, from, count);
}

ssize_t pwrite(int fd, const void *from, size_t len, off_t at)
{
	REAL(pwrite);
	return failing(FAULT_WRITE, "pwrite", &len) ? -1 : real(fd, from, len, at);
}

ssize_t pwrite64(int fd, const void *from, size_t len, off_t at)
{
	REAL(pwrite64);
	return failing(FAULT_WRITE, "pwrite64", &len) ? -1 : real(fd, from, len, at);
}

CALL(FAULT_WRITE, int, -1, fsync, (int fd), (fd))
CALL(FAULT_WRITE, int, -1, fdatasync, (int fd), (fd))
CALL(FAULT_WRITE, int, -1, ftruncate, (int fd, off_t len), (fd, len))
CALL(FAULT_WRITE, int, -1, ftruncate64, (int fd, off_t len), (fd, len))

ssize_t recv(int fd, void *to, size_t len, int flags)
{
	REAL(recv);
	return failing(FAULT_SOCKET, "recv", &len) ? -1 : real(fd, to, len, flags);
}

ssize_t __recv_chk(int fd, void *to, size_t len, size_t room, int flags)
{
	REAL(__recv_chk);
	return failing(FAULT_SOCKET, "recv", &len) ? -1 : real(fd, to, len, room, flags);
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
	REAL(send);
	return failing(FAULT_SOCKET, "send", &len) ? -1 : real(fd, from, len, flags);
}

/* ---- sockets, processes, names ---- */

CALL(FAULT_SOCKET, int, -1, connect, (int fd, const struct sockaddr *to, socklen_t len),
    (fd, to, len))
CALL(FAULT_SOCKET, int, -1, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
    (fd, level, name, value, len))
CALL(FAULT_SOCKET, int, -1, setsockopt,
    (int fd, int level, int name, const void *value, socklen_t len), (fd, level, name, value, len))
CALL(FAULT_SOCKET, ssize_t, -1, sendmsg, (int fd, const struct msghdr *what, int flags),
    (fd, what, flags))
CALL(
    FAULT_SOCKET, ssize_t, -1, recvmsg, (int fd, struct msghdr *what, int flags), (fd, what, flags))
CALL(FAULT_SOCKET, int, EAI_MEMORY, getaddrinfo,
    (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out),
    (node, service, hints, out))
CALL(FAULT_POLL, int, -1, poll, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms))
CALL(FAULT_POLL, int, -1, __poll_chk, (struct pollfd * fds, nfds_t count, int ms, size_t room),
    (fds, count, ms, room))
CALL(FAULT_POLL, int, -1, ppoll,
    (struct pollfd * fds, nfds_t count, const struct timespec *wait, const sigset_t *mask),
    (fds, count, wait, mask))
CALL(FAULT_PROCESS, pid_t, -1, fork, (void), ())
CALL(FAULT_PROCESS, int, -1, execvp, (const char *file, char *const words[]), (file, words))
CALL(FAULT_PROCESS, int, EAGAIN, pthread_create,
    (pthread_t * out, const pthread_attr_t *how, void *(*run)(void *), void *with),
    (out, how, run, with))
CALL(FAULT_RANDOM, ssize_t, -1, getrandom, (void *to, size_t len, unsigned flags), (to, len, flags))
CALL(FAULT_RANDOM, int, -1, getentropy, (void *to, size_t len), (to, len))
CALL(FAULT_PATH, int, -1, stat, (const char *path, struct stat *out), (path, out))
CALL(FAULT_PATH, int, -1, stat64, (const char *path, struct stat64 *out), (path, out))
CALL(FAULT_PATH, int, -1, lstat64, (const char *path, struct stat64 *out), (path, out))
CALL(FAULT_PATH, int, -1, fstat64, (int fd, struct stat64 *out), (fd, out))
CALL(FAULT_PATH, int, -1, access, (const char *path, int mode), (path, mode))
CALL(FAULT_PATH, int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(FAULT_PATH, int, -1, rename, (const char *from, const char *to), (from, to))
CALL(FAULT_PATH, int, -1, unlink, (const char *path), (path))
CALL(FAULT_PATH, int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(FAULT_PATH, int, -1, flock, (int fd, int how), (fd, how))
CALL(FAULT_PATH, char *, NULL, getcwd, (char *to, size_t room), (to, room))
CALL(FAULT_PATH, char *, NULL, realpath, (const char *path, char *to), (path, to))
CALL(FAULT_PATH, ssize_t, -1, readlink, (const char *path, char *to, size_t room), (path, to, room))
CALL(FAULT_FUSE, int, -1, umount2, (const char *path, int flags), (path, flags))
CALL(FAULT_FUSE, int, -1, mount,
    (const char *source, const char *path, const char *kind, unsigned long flags, const void *data),
    (source, path, kind, flags, data))

/* Of its many uses only the locks. */
int fcntl64(int fd, int what, ...)
{
	bool locks = what == F_SETLK || what == F_SETLKW || what == F_OFD_SETLK || what == F_GETLK;
	va_list rest;
	void *with;
	REAL(fcntl64);

	va_start(rest, what);
	with = va_arg(rest, void *);
	va_end(rest);
	return locks && fault_due(FAULT_PATH, "fcntl") ? -1 : real(fd, what, with);
}

/* ---- the wall clock, which may be wrong ---- */

static int64_t wrong(void)
{
	return fault_plan() ? fault_plan()->clock : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result;
	REAL(clock_gettime);

	result = real(clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += wrong();
	return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int result;
	REAL(gettimeofday);

	result = real(now, zone);
	if (result == 0)
		now->tv_sec += wrong();
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
