#include "landlock.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"

/* The kernel's words; the header of an older system lacks the newer ones. */
#define CREATE_VERSION 1 /* instead of creating: which version? */
#define RULE_PATH      1
#define RULE_PORT      2

#define FS_WRITE_FILE  (UINT64_C(1) << 1)
#define FS_READ_FILE   (UINT64_C(1) << 2)
#define FS_READ_DIR    (UINT64_C(1) << 3)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_REG    (UINT64_C(1) << 8)
#define FS_TRUNCATE    (UINT64_C(1) << 14)

#define FS_OF_FILES (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)

#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT  (UINT64_C(1) << 0)
#define SCOPE_SIGNAL    (UINT64_C(1) << 1)
#define BITS(count)     ((UINT64_C(1) << (count)) - 1)
#define NEWEST          6

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

struct path_attr {
	uint64_t allowed;
	int32_t fd;
} __attribute__((packed));

struct port_attr {
	uint64_t allowed, port;
};

/* Of each version: how many of the bits it knows, and how much of the struct. */
static const struct version {
	unsigned fs, net;
	bool scopes;
	size_t size;
} versions[NEWEST + 1] = {
    {0, 0, false, 0},
    {13, 0, false, offsetof(struct ruleset_attr, net)},
    {14, 0, false, offsetof(struct ruleset_attr, net)},
    {15, 0, false, offsetof(struct ruleset_attr, net)},
    {15, 2, false, offsetof(struct ruleset_attr, scoped)},
    {16, 2, false, offsetof(struct ruleset_attr, scoped)},
    {16, 2, true, sizeof(struct ruleset_attr)},
};

static const uint64_t rights[] = {
    [LANDLOCK_READ] = FS_READ_FILE | FS_READ_DIR,
    [LANDLOCK_WRITE] = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE,
    [LANDLOCK_KEEP] =
	FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_REMOVE_FILE,
};

static const struct version *version(void)
{
	long known = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);

	return &versions[known < 0 ? 0 : known > NEWEST ? NEWEST : known];
}

int landlock_begin(bool abstract)
{
	const struct version *v = version();
	struct ruleset_attr all = {.fs = BITS(v->fs), .net = BITS(v->net)};

	if (v->fs == 0)
		return -1;
	if (v->scopes)
		all.scoped = SCOPE_SIGNAL | (abstract ? 0 : SCOPE_ABSTRACT);
	return (int)syscall(SYS_landlock_create_ruleset, &all, v->size, 0); /* close-on-exec */
}

/* A right that the rules do not handle must not be named, nor a directory's for a file. */
void landlock_allow(int rules, const char *path, enum landlock_access access)
{
	CLEANUP(closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct path_attr rule = {.allowed = rights[access] & BITS(version()->fs), .fd = fd};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= FS_OF_FILES;
	(void)syscall(SYS_landlock_add_rule, rules, RULE_PATH, &rule, 0);
}

void landlock_allow_port(int rules, uint16_t port)
{
	const struct port_attr rule = {NET_CONNECT_TCP, port};

	(void)syscall(SYS_landlock_add_rule, rules, RULE_PORT, &rule, 0);
}

bool landlock_enforce(int rules)
{
	return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}
