#include "syscalls.h"

#ifndef POP3FS_SECCOMP

bool syscalls_confine(bool audit)
{
	return false;
}

#else

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_TYPE 0xf /* of socket(2)'s second argument; the rest are flags */

#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* Whatever their arguments. Those that an architecture has not are passed over. */
static const int allowed[] = {
    /* descriptors */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(_llseek),
    SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3),
    SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(splice),
    SCMP_SYS(vmsplice), SCMP_SYS(tee), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64),
    SCMP_SYS(select), SCMP_SYS(_newselect), SCMP_SYS(pselect6), SCMP_SYS(pselect6_time64),
    SCMP_SYS(eventfd2), SCMP_SYS(signalfd4),
    /* files; Landlock says which */
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat),
    SCMP_SYS(lstat64), SCMP_SYS(fstat), SCMP_SYS(fstat64), SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(statfs64), SCMP_SYS(fstatfs),
    SCMP_SYS(fstatfs64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd), SCMP_SYS(chdir), SCMP_SYS(umask), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(fchmod), SCMP_SYS(fchown),
    SCMP_SYS(fchown32), SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fallocate),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(fadvise64),
    SCMP_SYS(fadvise64_64), SCMP_SYS(flock),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(msync),
    SCMP_SYS(mincore), SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
    /* threads */
    SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list),
    SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(membarrier), SCMP_SYS(gettid),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler), SCMP_SYS(getcpu), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall), SCMP_SYS(arch_prctl), SCMP_SYS(set_thread_area), SCMP_SYS(set_tls),
    /* signals */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigtimedwait_time64),
    SCMP_SYS(rt_sigsuspend), SCMP_SYS(sigaltstack),
    /* time */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres),
    SCMP_SYS(clock_getres_time64), SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    /* what this process is, and where */
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getsid), SCMP_SYS(setsid), SCMP_SYS(getuid),
    SCMP_SYS(getuid32), SCMP_SYS(geteuid), SCMP_SYS(geteuid32), SCMP_SYS(getgid),
    SCMP_SYS(getgid32), SCMP_SYS(getegid), SCMP_SYS(getegid32), SCMP_SYS(getrlimit),
    SCMP_SYS(ugetrlimit), SCMP_SYS(getrusage), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    SCMP_SYS(getrandom),
    /* sockets that are there */
    SCMP_SYS(connect), SCMP_SYS(socketpair), SCMP_SYS(send), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(recv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(shutdown), SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername)};

/* For a person who looks at a log: this is meant, and not a system that is too old. */
static const int forbidden[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork),
    SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(init_module),
    SCMP_SYS(finit_module), SCMP_SYS(kexec_load), SCMP_SYS(reboot), SCMP_SYS(bind),
    SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(setuid), SCMP_SYS(setgid),
    SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setgroups)};

/* And these only so. */
struct condition {
	int call;
	unsigned count;
	struct scmp_arg_cmp when[2];
};

#define ARGUMENT(n, value)                                                                         \
	{                                                                                          \
		(n), SCMP_CMP_EQ, (scmp_datum_t)(value), 0                                         \
	}
#define BITS_OF(n, mask, value)                                                                    \
	{                                                                                          \
		(n), SCMP_CMP_MASKED_EQ, (mask), (value)                                           \
	}

static bool allow_all(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) != 0)
			return false;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0) != 0)
			return false;
	return true;
}

static bool allow_some(scmp_filter_ctx filter)
{
	const struct condition conditions[] = {
	    /* threads, no processes; clone3's argument cannot be looked into, and glibc can
	     * without it */
	    {SCMP_SYS(clone), 1, {BITS_OF(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD)}},
	    /* code only from files, which are not written through it */
	    {SCMP_SYS(mmap), 1, {BITS_OF(2, PROT_EXEC, 0)}},
	    {SCMP_SYS(mmap), 1, {BITS_OF(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)}},
	    {SCMP_SYS(mmap2), 1, {BITS_OF(2, PROT_EXEC, 0)}},
	    {SCMP_SYS(mmap2), 1, {BITS_OF(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)}},
	    {SCMP_SYS(mprotect), 1, {BITS_OF(2, PROT_EXEC, 0)}},
	    /* the server, and the log; no bus, no agent, no container's master */
	    {SCMP_SYS(socket), 2, {ARGUMENT(0, AF_INET), BITS_OF(1, SOCKET_TYPE, SOCK_STREAM)}},
	    {SCMP_SYS(socket), 2, {ARGUMENT(0, AF_INET6), BITS_OF(1, SOCKET_TYPE, SOCK_STREAM)}},
	    {SCMP_SYS(socket), 2, {ARGUMENT(0, AF_UNIX), BITS_OF(1, SOCKET_TYPE, SOCK_DGRAM)}},
	    /* questions about terminals and pipes; nothing is typed into a terminal */
	    {SCMP_SYS(ioctl), 1, {ARGUMENT(1, FIONREAD)}},
	    {SCMP_SYS(ioctl), 1, {ARGUMENT(1, FIONBIO)}},
	    {SCMP_SYS(ioctl), 1, {ARGUMENT(1, TCGETS)}},
	    {SCMP_SYS(ioctl), 1, {ARGUMENT(1, TIOCGWINSZ)}},
	    {SCMP_SYS(ioctl), 1, {ARGUMENT(1, SIOCGIFINDEX)}}, /* fe80::1%eth0 */
	    /* signals to itself */
	    {SCMP_SYS(kill), 1, {ARGUMENT(0, getpid())}},
	    {SCMP_SYS(tgkill), 1, {ARGUMENT(0, getpid())}},
	    {SCMP_SYS(prctl), 1, {ARGUMENT(0, PR_SET_NAME)}},
	    {SCMP_SYS(prctl), 1, {ARGUMENT(0, PR_SET_PDEATHSIG)}},
	    {SCMP_SYS(prlimit64), 1, {ARGUMENT(2, 0)}}, /* asked, not set */
	};

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		const struct condition *c = &conditions[i];

		if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, c->call, c->count, c->when) != 0)
			return false;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
		   (struct scmp_arg_cmp)BITS_OF(CLONE_FLAGS, CLONE_THREAD, 0)) == 0;
}

bool syscalls_confine(bool audit)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	bool done = false;

	if (!filter)
		return false;
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0); /* is set already */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, audit);
	done = allow_all(filter) && allow_some(filter) && seccomp_load(filter) == 0;
	seccomp_release(filter);
	return done;
}

#endif
