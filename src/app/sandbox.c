#include "sandbox.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "authorities.h"
#include "landlock.h"
#include "log.h"
#include "slice.h"
#include "syscalls.h"

/* Sanitizers write reports, gcov counts, where they like and by their own system calls. */
#ifdef POP3FS_INSTRUMENTED
#define INSTRUMENTED true
#else
#define INSTRUMENTED false
#endif

/* What libraries read later on: modules of iconv, and what those need. */
static const char *const libraries[] = {"/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache"};

static void allow_libraries(int rules)
{
	struct slice rest = slice_of(getenv("GCONV_PATH") ? getenv("GCONV_PATH") : ""), path;

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		landlock_allow(rules, libraries[i], LANDLOCK_READ);
	while ((path = slice_token(&rest, ":")).len > 0) {
		CLEANUP(freep) char *text = xstrndup(path.at, path.len);

		landlock_allow(rules, text, LANDLOCK_READ);
	}
}

static void allow_authority(void *with, const char *path)
{
	const int *rules = with;

	if (strncmp(path, "/usr/", 5) != 0) /* read anyway */
		landlock_allow(*rules, path, LANDLOCK_READ);
}

/* systemd's socket may be an abstract one, in old containers. */
static bool wants_abstract(void)
{
	const char *notify = getenv("NOTIFY_SOCKET");

	return notify && notify[0] == '@';
}

static bool confine_files(const struct sandbox_plan *plan)
{
	CLEANUP(closep) int rules = landlock_begin(wants_abstract());

	if (rules < 0)
		return false;
	landlock_allow(rules, plan->cache, LANDLOCK_KEEP);
	landlock_allow(rules, "/dev/null", LANDLOCK_WRITE);
	landlock_allow(rules, "/dev/urandom", LANDLOCK_READ);
	allow_libraries(rules);
	if (plan->tls) /* some hundred links to follow */
		authorities_each(plan->ca, allow_authority, &rules);
	landlock_allow_port(rules, (uint16_t)atoi(plan->port));
	return landlock_enforce(rules);
}

/* Root's daemon stays root, whose files these are, and can search the directories on the way to its
 * cache, as before; it is not above anybody else any more. */
static void drop_privileges(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3] = {{0}},
				      kept[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, had) != 0)
		return;
	kept[0].permitted = had[0].permitted & 1u << CAP_DAC_READ_SEARCH;
	kept[0].effective = had[0].effective & 1u << CAP_DAC_READ_SEARCH;
	if (syscall(SYS_capset, &head, kept) != 0)
		log_debug("root's privileges could not be given up");
}

const char *sandbox_enter(const struct sandbox_plan *plan)
{
	bool files, calls;

	if (plan->off)
		return "off";
	if (INSTRUMENTED)
		return "none";
	tzset(); /* reads its file now */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return "none";
	files = confine_files(plan);
	drop_privileges();
	calls = syscalls_confine(plan->audit);
	if (files)
		return calls ? "landlock, seccomp" : "landlock";
	return calls ? "seccomp" : "none";
}
