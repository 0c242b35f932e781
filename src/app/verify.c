#include "verify.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "asking.h"
#include "checking.h"
#include "clock.h"
#include "commands.h"
#include "ioctls.h"
#include "log.h"
#include "mounted.h"
#include "progress.h"

#define DONE     0
#define NOT_DONE 1

struct verify {
	struct mounted mount;
	bool refetch;
	uint64_t checked, octets;
	uint64_t damaged, differing, mended, missing;
};

static enum error ask(
    struct verify *v, struct verb_verify *a, const char *name, bool refetch, struct failure *why)
{
	fflush(stdout); /* or the child has it, too */
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->refetch = refetch;
	return asking_ioctl(&v->mount, VERB_VERIFY, a, sizeof(*a), CLOCK_NEVER, why);
}

/* What a server said, or somebody who serves the mount in our place, stays within its line. */
static void say_failure(const struct verb_verify *a)
{
	char shown[VERB_WORDS * 4];
	size_t len = strnlen(a->failure.words, sizeof(a->failure.words));

	if (a->failure.number)
		printf(": %s", log_escape(shown, sizeof(shown), slice_make(a->failure.words, len)));
}

/* What is said next begins its line. */
static void end_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static void say_name(const struct verb_verify *a, const char *what)
{
	char shown[VERB_NAME * 4];
	size_t len = strnlen(a->name, sizeof(a->name));

	end_progress();
	printf("%s: %s", log_escape(shown, sizeof(shown), slice_make(a->name, len)), what);
}

static void say_damage(struct verify *v, const struct verb_verify *a)
{
	say_name(a, "damaged in the cache");
	if (a->fetched && !a->failure.number) {
		printf(", fetched again\n");
		v->mended++;
		return;
	}
	printf(
	    a->fetched || a->failure.number ? ", and could not be fetched again" : ", thrown away");
	say_failure(a);
	putchar('\n');
	v->damaged++;
}

/* What came when it was fetched again settles it: the size that LIST says is no promise. */
static enum error settle(struct verify *v, const struct verb_verify *before, struct failure *why)
{
	struct verb_verify now = {.after = 0};
	enum error e = ask(v, &now, before->name, false, why);

	if (e)
		return e;
	if (now.found == FOUND_DAMAGED || now.found == FOUND_ABSENT) {
		printf(", but it is not in the cache any more\n");
		v->differing++;
	} else if (memcmp(now.sha256, before->sha256, sizeof(now.sha256)) == 0) {
		printf(", and sends what is in the cache\n");
		v->mended++;
	} else {
		printf(", and sent another content: the cache has it now\n");
		v->mended++;
	}
	return OK;
}

static enum error say_difference(struct verify *v, const struct verb_verify *a, struct failure *why)
{
	say_name(a, "");
	printf("%" PRIu64 " octets in the cache, the server lists %" PRIu64, a->size, a->listed);
	if (a->fetched && !a->failure.number)
		return settle(v, a, why);
	if (a->fetched)
		say_failure(a);
	else if (v->refetch)
		printf(": open, and so not fetched again");
	putchar('\n');
	v->differing++;
	return OK;
}

static enum error count(struct verify *v, const struct verb_verify *a, struct failure *why)
{
	enum error e = OK;

	v->checked += a->checked;
	v->octets += a->octets;
	if (a->found == FOUND_DAMAGED)
		say_damage(v, a);
	else if (a->found == FOUND_DIFFERS)
		e = say_difference(v, a, why);
	fflush(stdout); /* before the next is waited for, or a child inherits it */
	return e;
}

/* ---- all, or these ---- */

static void show_progress(const struct verify *v)
{
	CLEANUP(buf_finish) struct buf octets = {.len = 0};

	if (!isatty(STDERR_FILENO))
		return;
	progress_octets(&octets, v->octets);
	fprintf(stderr, "\r\033[K%" PRIu64 " %s, %s ", v->checked,
	    v->checked == 1 ? "message" : "messages", buf_text(&octets));
}

static enum error check_all(struct verify *v, struct failure *why)
{
	struct verb_verify a = {.after = 0};
	enum error e;

	do {
		int64_t after = a.after;

		a = (struct verb_verify){.after = after};
		e = ask(v, &a, "", v->refetch, why);
		if (e || (a.failure.number && a.found == FOUND_NOTHING))
			break;
		e = count(v, &a, why);
		show_progress(v);
	} while (!e && a.after);
	end_progress();
	if (!e && a.failure.number && a.found == FOUND_NOTHING)
		e = failed(why, E_STORE, "%.*s",
		    (int)strnlen(a.failure.words, sizeof(a.failure.words)), a.failure.words);
	return e;
}

static enum error check_one(struct verify *v, const char *name, struct failure *why)
{
	struct verb_verify a = {.after = 0};
	const char *slash = strrchr(name, '/');
	enum error e;

	name = slash ? slash + 1 : name;
	if (strlen(name) >= sizeof(a.name)) {
		printf("%s: no message has a name as long as this\n", name);
		v->missing++;
		return OK;
	}
	e = ask(v, &a, name, v->refetch, why);
	if (!e && a.found == FOUND_ABSENT && a.failure.number) {
		printf("%s: there is no such message\n", name);
		v->missing++;
	} else if (!e && a.found == FOUND_ABSENT) {
		printf("%s: not in the cache\n", name);
	} else if (!e) {
		e = count(v, &a, why);
	}
	return e;
}

/* ---- the command ---- */

static enum error refresh(struct verify *v, struct failure *why)
{
	struct verb_refresh a = {.failure = {.number = 0}};
	enum error e = asking_ioctl(&v->mount, VERB_REFRESH, &a, sizeof(a), CLOCK_NEVER, why);

	if (!e && a.failure.number)
		e = failed(why, E_OFFLINE, "%.*s",
		    (int)strnlen(a.failure.words, sizeof(a.failure.words)), a.failure.words);
	return e;
}

static int sum_up(const struct verify *v, bool listed)
{
	printf("%" PRIu64 " %s as %s should be", v->checked,
	    v->checked == 1 ? "message" : "messages", v->checked == 1 ? "it" : "they");
	if (v->mended)
		printf(", %" PRIu64 " settled", v->mended);
	if (v->damaged)
		printf(", %" PRIu64 " damaged", v->damaged);
	if (v->differing)
		printf(", %" PRIu64 " not as the server lists them", v->differing);
	putchar('\n');
	return v->damaged || v->differing || v->missing || !listed ? NOT_DONE : DONE;
}

/* Without the server the hashes are looked at all the same, and nothing is fetched. */
static int verify(struct verify *v, char *const *names)
{
	struct failure why;
	enum error e = refresh(v, &why);
	bool listed = e == OK;

	if (e && e != E_OFFLINE) {
		log_error("%s", why.words);
		return NOT_DONE;
	}
	if (!listed) {
		log_error("the server cannot be compared with: %s", why.words);
		v->refetch = false;
	}
	if (!*names)
		e = check_all(v, &why);
	for (e = *names ? OK : e; !e && *names; names++)
		e = check_one(v, *names, &why);
	if (!e)
		return sum_up(v, listed);
	log_error("%s", why.words);
	return NOT_DONE;
}

int verify_command(int argc, char **argv)
{
	static const struct option words[] = {{"refetch", no_argument, NULL, 'r'}, {0}};
	struct verify v = {.refetch = false};
	struct failure why;
	int letter, result;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "r", words, NULL)) == 'r')
		v.refetch = true;
	if (letter != -1 || optind == argc) {
		command_misused("verify");
		return NOT_DONE;
	}
	if (mounted_find(&v.mount, argv[optind], &why)) {
		log_error("%s", why.words);
		return NOT_DONE;
	}
	result = verify(&v, argv + optind + 1);
	mounted_finish(&v.mount);
	return result;
}
