#include "mounthelper.h"

#include <string.h>
#include <unistd.h>

#define FLAGS "-sfnvN:o:t:" /* "-": in any order with the words */

bool mounthelper_is(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return strcmp(name, "mount.pop3fs") == 0 || strcmp(name, "mount.fuse.pop3fs") == 0;
}

/* Words of mount(8) that are not about the file system, or that it has in any case: a file's times
 * do not change here, and mail is never a program or a device (mount.c). */
static bool is_noise(struct slice name)
{
	static const char *const noise[] = {"_netdev", "async", "atime", "auto", "comment",
	    "defaults", "dev", "diratime", "exec", "group", "lazytime", "nodiratime", "noauto",
	    "nofail", "nogroup", "nolazytime", "noowner", "norelatime", "nostrictatime", "nouser",
	    "nousers", "owner", "relatime", "strictatime", "suid", "user", "users"};

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		if (slice_is(name, noise[i]))
			return true;
	return name.len >= 2 && (memcmp(name.at, "x-", 2) == 0 || memcmp(name.at, "X-", 2) == 0);
}

static bool is_noise_or_unknown(struct slice name)
{
	return is_noise(name) || !option_find(name);
}

/* Its place in a list does not matter, so it is looked for before the rest may be wrong. */
static bool wants_remount(const char *list)
{
	struct slice rest = slice_of(list), item;

	while ((item = slice_token(&rest, ",")).len > 0)
		if (slice_is(item, "remount"))
			return true;
	return false;
}

struct lists { /* as given with -o; read when all flags are known, for -s counts for all */
	const char *all[ARGUMENTS_MOST_WORDS];
	size_t count;
	bool sloppy;
};

static enum error keep_list(struct lists *lists, const char *list, struct failure *why)
{
	if (lists->count == ARGUMENTS_MOST_WORDS)
		return failed(why, E_USAGE, "too many -o");
	lists->all[lists->count++] = list;
	return OK;
}

static enum error take(struct mounthelper *h, struct arguments *a, struct lists *lists, int letter,
    const char *value, struct failure *why)
{
	switch (letter) {
	case 's':
		lists->sloppy = true;
		return OK;
	case 'f':
		h->fake = true;
		return OK;
	case 'v':
		h->verbose = true;
		return OK;
	case 'n': /* no mtab: there is none */
	case 't': /* the type, which brought us here */
		return OK;
	case 'N':
		h->namespace = value;
		return OK;
	case 'o':
		return keep_list(lists, value, why);
	case 1:
		return arguments_word(a, value, why);
	default:
		return failed(why, E_USAGE,
		    "it is mount.pop3fs SOURCE DIRECTORY [-sfnv] [-N NAMESPACE] [-o OPTIONS]");
	}
}

static enum error read_list(struct options *o, const char *list, bool sloppy, struct failure *why)
{
	if (wants_remount(list))
		return failed(why, E_USAGE,
		    "a pop3fs cannot be remounted: umount it, and mount it with other options");
	return arguments_list(o, list, sloppy ? is_noise_or_unknown : is_noise, why);
}

enum error mounthelper_parse(struct mounthelper *h, struct arguments *a, struct options *o,
    int argc, char *const *argv, struct failure *why)
{
	struct lists lists = {.count = 0};
	enum error e = OK;
	int letter;

	*h = (struct mounthelper){.fake = false};
	a->count = 0;
	opterr = 0;
	optind = 0; /* anew */
	while (!e && (letter = getopt(argc, argv, FLAGS)) != -1)
		e = take(h, a, &lists, letter, optarg, why);
	while (!e && optind < argc) /* behind "--" */
		e = arguments_word(a, argv[optind++], why);
	for (size_t i = 0; i < lists.count && !e; i++)
		e = read_list(o, lists.all[i], lists.sloppy, why);
	return e;
}
