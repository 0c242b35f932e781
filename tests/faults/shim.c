#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define MOST_FRAMES 32
#define FUSE_MAJOR  10
#define FUSE_MINOR  229
#define PRIME       UINT64_C(1099511628211) /* FNV-1a's */
#define BASIS       UINT64_C(14695981039346656037)

static const char *const programs[] = {"pop3fs", "session-driver"};

static struct fault_page *page;
static void *library; /* where this one is mapped */

/* What this file itself calls is no call of the program. */
static __thread bool inside __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("POP3FS_FAULTS");
	bool ours = false;
	void *at;
	struct dl_find_object found;
	int fd;

	if (_dl_find_object((void *)(uintptr_t)begin, &found) == 0)
		library = found.dlfo_map_start;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		ours |= strcmp(program_invocation_short_name, programs[i]) == 0;
	fd = ours && path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		page = at;
}

struct fault_page *fault_plan(void)
{
	return page;
}

/* ---- where a call comes from ---- */

struct frames {
	uintptr_t at[MOST_FRAMES];
	size_t count;
};

/* Our own are left out. */
static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *with)
{
	struct frames *f = with;
	struct dl_find_object found;
	uintptr_t at = _Unwind_GetIP(context);

	if (f->count == MOST_FRAMES)
		return _URC_END_OF_STACK;
	if (_dl_find_object((void *)at, &found) != 0 || found.dlfo_map_start != library)
		f->at[f->count++] = at;
	return _URC_NO_REASON;
}

static uintptr_t offset_of(uintptr_t at, const char **module)
{
	struct dl_find_object found;

	*module = "?";
	if (_dl_find_object((void *)at, &found) != 0)
		return 0;
	if (found.dlfo_link_map->l_name[0]) {
		const char *slash = strrchr(found.dlfo_link_map->l_name, '/');

		*module = slash ? slash + 1 : found.dlfo_link_map->l_name;
	} else {
		*module = program_invocation_short_name;
	}
	return at - (uintptr_t)found.dlfo_map_start;
}

static uint64_t place_of(const struct frames *f)
{
	uint64_t hash = BASIS;

	for (size_t i = 0; i < f->count && i < page->depth; i++) {
		const char *module;

		hash = (hash ^ offset_of(f->at[i], &module)) * PRIME;
	}
	return hash ? hash : 1;
}

static void tell(const char *name, const struct frames *f)
{
	size_t used = (size_t)snprintf(page->story, FAULT_STORY, "%s", name);

	page->pid = (uint64_t)getpid();
	for (size_t i = 0; i < f->count; i++) {
		const char *module;
		uintptr_t offset = offset_of(f->at[i], &module);
		int more = snprintf(
		    page->story + used, FAULT_STORY - used, " %s+0x%jx", module, (uintmax_t)offset);

		if (more < 0 || used + (size_t)more >= FAULT_STORY)
			return;
		used += (size_t)more;
	}
}

static void record(uint64_t place)
{
	for (uint64_t i = 0; i < FAULT_PLACES; i++) {
		uint64_t *at = &page->places[(place + i) % FAULT_PLACES].place, empty = 0;

		__atomic_compare_exchange_n(
		    at, &empty, place, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		if (*at == place) {
			__atomic_add_fetch(
			    &page->places[(place + i) % FAULT_PLACES].calls, 1, __ATOMIC_SEQ_CST);
			return;
		}
	}
}

/* ---- shall it fail? ---- */

static bool count_failed(const char *name, const struct frames *f)
{
	if (__atomic_add_fetch(&page->failed, 1, __ATOMIC_SEQ_CST) == 1)
		tell(name, f);
	return true;
}

/* Only who needs to know where it comes from looks: that takes a microsecond or two. */
static bool look(enum fault_kind kind, const char *name)
{
	bool meant = page->kind == kind && (!page->others || gettid() != getpid());
	bool recorded = page->recording == kind;
	struct frames f = {.count = 0};
	uint64_t number, place = 0;

	__atomic_add_fetch(&page->calls[kind], 1, __ATOMIC_SEQ_CST);
	if (!meant && !recorded)
		return false;
	if (recorded || page->place) {
		_Unwind_Backtrace(add_frame, &f);
		place = place_of(&f);
	}
	if (recorded)
		record(place);
	if (!meant || (page->place && page->place != place))
		return false;
	number = __atomic_add_fetch(&page->passed, 1, __ATOMIC_SEQ_CST);
	if (number < page->first || (page->times && number >= page->first + page->times))
		return false;
	if (f.count == 0)
		_Unwind_Backtrace(add_frame, &f);
	return count_failed(name, &f);
}

static void stall(enum fault_kind kind)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	uint64_t failed = page->failed;

	while (__atomic_load_n(&page->kind, __ATOMIC_SEQ_CST) == kind && page->failed >= failed)
		nanosleep(&moment, NULL);
}

bool fault_due(enum fault_kind kind, const char *name)
{
	int number = errno;
	bool due;

	if (!page || inside || kind == FAULT_NONE)
		return false;
	inside = true;
	due = look(kind, name);
	if (due && page->number == FAULT_STALL) {
		stall(kind);
		due = false;
	}
	inside = false;
	errno = due ? (int)page->number : number;
	return due;
}

enum fault_kind fault_kind_of(int fd)
{
	int number = errno;
	struct stat st;
	bool known;

	if (!page || inside)
		return FAULT_NONE;
	inside = true;
	known = fstat(fd, &st) == 0;
	inside = false;
	errno = number;
	if (!known)
		return FAULT_NONE;
	if (S_ISREG(st.st_mode))
		return FAULT_READ;
	if (S_ISSOCK(st.st_mode))
		return FAULT_SOCKET;
	if (S_ISFIFO(st.st_mode))
		return FAULT_PIPE;
	if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(FUSE_MAJOR, FUSE_MINOR))
		return FAULT_FUSE;
	return FAULT_NONE;
}
