/* Real mounts (see mounted.c): the verbs, asked by children of the test. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "alloc.h"
#include "deeds.h"
#include "ioctls.h"

static struct world w;

static int setup(void **state)
{
	world_start(&w, four, COUNT(four), NULL);
	return 0;
}

static void let_others_in(struct fs_plan *p)
{
	p->fuse_options = "allow_other";
	p->default_permissions = true;
	p->umask = 022;
}

static int setup_for_others(void **state)
{
	world_start(&w, four, COUNT(four), let_others_in);
	return 0;
}

static int teardown(void **state)
{
	world_finish(&w);
	return 0;
}

/* ---- deeds ---- */

static int ask(const struct world *x, unsigned long command, void *argument)
{
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);

	return fd >= 0 && ioctl(fd, command, argument) >= 0 ? 0 : errno;
}

/* What a commit is to be answered. */
struct brought {
	bool leaving;
	unsigned deleted, waiting, dropped;
	enum verb_proof proof;
	int number;
	const char *words;
};

static int commit(struct world *x, const void *with)
{
	const struct brought *want = with;
	struct verb_commit got = {.leaving = want->leaving};
	int number = ask(x, VERB_COMMIT, &got);

	if (number)
		return number;
	return got.deleted == want->deleted && got.waiting == want->waiting &&
		       got.dropped == want->dropped && got.proof == want->proof &&
		       got.failure.number == want->number &&
		       strcmp(got.failure.words, want->words) == 0
		   ? 0
		   : WRONG;
}

static void note(int number)
{
}

static int commit_interruptibly(struct world *x, const void *with)
{
	struct sigaction a = {.sa_handler = note}; /* without SA_RESTART */

	sigaction(SIGUSR1, &a, NULL);
	return commit(x, with);
}

static int stay(struct world *x, const void *with)
{
	struct verb_stay got;
	int number = ask(x, VERB_STAY, &got);

	return number ? number : got.left ? 0 : WRONG;
}

static int refresh(struct world *x, const void *words)
{
	struct verb_refresh got;
	int number = ask(x, VERB_REFRESH, &got);

	if (number)
		return number;
	return strcmp(got.failure.words, words) == 0 ? got.failure.number : WRONG;
}

struct wish {
	const char *name;
	unsigned done, refused;
	const char *words;
};

static int undelete(struct world *x, const void *with)
{
	const struct wish *wish = with;
	struct verb_undelete got = {.done = 0};
	int number;

	strcpy(got.name, wish->name);
	number = ask(x, VERB_UNDELETE, &got);
	if (number)
		return number;
	return got.done == wish->done && got.refused == wish->refused &&
		       strcmp(got.failure.words, wish->words) == 0
		   ? 0
		   : WRONG;
}

static int ask_for_other_things(struct world *x, const void *with)
{
	static const struct {
		unsigned long command;
		const char *where;
	} cases[] = {
	    {TIOCGWINSZ, ""},
	    {0x5401, ""}, /* TCGETS */
	    {_IOR('P', 0xf0, char), ""},
	    {_IOWR('P', 0xff, struct verb_commit), ""},
	    {VERB_IDENTITY, ".pop3fs"},
	    {VERB_IDENTITY, "b-cached"},
	};
	char room[4096];

	for (size_t i = 0; i < COUNT(cases); i++) {
		int fd = open(world_path(x, cases[i].where), O_RDONLY);

		if (fd < 0 || ioctl(fd, cases[i].command, room) >= 0 || errno != ENOTTY)
			return WRONG + (int)i;
		close(fd);
	}
	return 0;
}

static int identify(struct world *x, const void *with)
{
	struct verb_identity got;
	int number = ask(x, VERB_IDENTITY, &got);

	return number                                                       ? number
	       : got.pid == getppid() && got.commit_ms == x->plan.commit_ms ? 0
									    : WRONG;
}

/* The same as the file says. */
static int read_status(struct world *x, const void *with)
{
	struct verb_status got;
	char want[VERB_TEXT] = "";
	int number = ask(x, VERB_STATUS, &got);
	int fd = open(world_path(x, ".pop3fs/status"), O_RDONLY);
	ssize_t len = read(fd, want, sizeof(want) - 1);

	if (number || len <= 0)
		return number ? number : WRONG;
	return got.len == (size_t)len && memcmp(got.text, want, sizeof(want)) == 0 ? 0 : WRONG + 1;
}

static int be_a_stranger(struct world *x, const void *with)
{
	int fd = open(x->mountpoint, O_RDONLY | O_DIRECTORY);
	struct verb_commit nothing = {.leaving = 0};
	struct verb_undelete all = {.name = ""};
	struct verb_refresh listing;
	struct verb_identity who;

	if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
		return WRONG;
	if (ioctl(fd, VERB_COMMIT, &nothing) >= 0 || errno != EPERM)
		return WRONG + 1;
	if (ioctl(fd, VERB_UNDELETE, &all) >= 0 || errno != EPERM)
		return WRONG + 2;
	if (ioctl(fd, VERB_IDENTITY, &who) < 0)
		return WRONG + 3;
	return ioctl(fd, VERB_REFRESH, &listing) == 0 ? 0 : WRONG + 4;
}

/* ---- the session's and the store's part ---- */

static void await_commit(bool final)
{
	struct job *j = world_job(&w, JOB_COMMIT);

	assert_int_equal(j->final, final);
	job_free(j);
}

static void answer_commit(const struct brought *b, bool final)
{
	struct event *e = world_event(EVENT_COMMITTED, 0, b->number ? E_REFUSED : OK);

	e->final = final;
	e->commit = (struct commit_result){b->deleted, b->waiting, b->dropped,
	    b->proof == VERB_PROVED, b->proof == VERB_PROVED_LATER};
	if (b->number)
		failed(&e->failure, E_REFUSED, "%s", b->words);
	world_put(&w, e);
}

static void await_refresh(int64_t number, bool insists)
{
	struct job *j = world_job(&w, JOB_REFRESH);

	assert_true(j->waited_for);
	assert_int_equal(j->insists, insists);
	assert_int_equal(j->number, number);
	job_free(j);
}

static void answer_refresh(int64_t number, enum error code)
{
	struct event *e = world_event(code ? EVENT_NOT_LISTED : EVENT_REFRESHED, 0, code);

	e->number = number;
	world_put(&w, e);
}

static void remove_one(const char *name, int64_t id)
{
	struct child c = child_start(&w, remove_it, name);

	answer_unlink(&w, id, OK);
	assert_int_equal(child_end(&c), 0);
}

static void undeleted(struct task *t, enum error code)
{
	struct event *e = world_event(EVENT_UNDELETED, t->id, code);

	e->cookie = t->cookie;
	task_free(t);
	world_put(&w, e);
}

static void answer_undelete(int64_t id, enum error code)
{
	struct task *t = world_task(&w, TASK_UNDELETE);

	assert_int_equal(t->id, id);
	undeleted(t, code);
}

/* The child's request is parked: it was sent, and a later one is answered. */
static void await_parked(const struct child *c, const char *names)
{
	child_await(c, SYS_ioctl);
	assert_int_equal(child_do(&w, list, names), 0);
}

/* ---- commit ---- */

static void all_who_wait_for_a_commit_are_told_what_it_brought(void **state)
{
	static const struct brought cases[] = {
	    {.deleted = 3, .proof = VERB_PROVED, .words = ""},
	    {.deleted = 1, .waiting = 2, .dropped = 1, .number = EIO, .words = "QUIT: -ERR no"},
	    {.deleted = 1, .proof = VERB_PROVED_LATER, .words = ""},
	    {.words = ""},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct child one = child_start(&w, commit, &cases[i]), two;

		await_commit(false);
		two = child_start(&w, commit, &cases[i]);
		await_parked(&two, ALL_FOUR);
		assert_true(world_idle(&w)); /* it has joined the first */
		answer_commit(&cases[i], false);
		assert_int_equal(child_end(&one), 0);
		assert_int_equal(child_end(&two), 0);
	}
}

static void what_was_removed_since_is_in_the_next_commit(void **state)
{
	static const struct brought first = {.deleted = 1, .words = ""};
	static const struct brought second = {.deleted = 2, .words = ""};
	struct child one = child_start(&w, commit, &first), two;

	await_commit(false);
	remove_one("a-short", SHORT);
	two = child_start(&w, commit, &second);
	await_parked(&two, "b-cached d-long c-fixed ");
	answer_commit(&first, false);
	assert_int_equal(child_end(&one), 0);
	await_commit(false);
	answer_commit(&second, false);
	assert_int_equal(child_end(&two), 0);
}

static void an_interrupt_ends_the_wait_and_not_the_commit(void **state)
{
	static const struct brought b = {.deleted = 1, .words = ""};
	struct child one = child_start(&w, commit_interruptibly, &b), two;

	await_commit(false);
	two = child_start(&w, commit_interruptibly, &b);
	await_parked(&two, ALL_FOUR);
	kill(one.pid, SIGUSR1);
	assert_int_equal(child_end(&one), EINTR);
	assert_true(world_idle(&w));
	answer_commit(&b, false);
	assert_int_equal(child_end(&two), 0);
}

static void the_final_commit_answers_whoever_still_waits(void **state)
{
	static const struct brought b = {.deleted = 5, .words = ""};
	struct child c = child_start(&w, commit, &b);

	await_commit(false);
	kill(getpid(), SIGTERM);
	await_commit(true);
	answer_commit(&b, true);
	world_join(&w);
	assert_int_equal(w.result.deleted, 5);
	assert_int_equal(child_end(&c), 0);
}

static void one_that_is_not_final_ends_nothing(void **state)
{
	static const struct brought b = {.deleted = 5, .words = ""};
	static const struct brought last = {.deleted = 1, .words = ""};
	struct child c = child_start(&w, commit, &b);

	await_commit(false);
	answer_commit(&b, false);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	await_commit(true);
	answer_commit(&last, true);
	world_join(&w);
	assert_int_equal(w.result.deleted, 1);
}

static void what_an_umount_committed_is_not_tried_again(void **state)
{
	static const struct brought b = {
	    .leaving = true, .waiting = 2, .number = EIO, .words = "QUIT: -ERR no"};
	struct child c = child_start(&w, commit, &b);

	await_commit(false);
	answer_commit(&b, false);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	world_join(&w);
	assert_true(world_idle(&w));
	assert_int_equal(w.result.waiting, 2);
	assert_int_equal(w.code, E_REFUSED);
	assert_string_equal(w.why.words, b.words);
}

static void nothing_is_removed_between_an_umounts_commit_and_the_unmount(void **state)
{
	static const struct brought b = {.leaving = true, .words = ""};
	static const struct brought last = {.deleted = 1, .words = ""};
	static const struct wish back = {.name = "a-short",
	    .refused = 1,
	    .words = "it is being unmounted: nothing can be taken back now"};
	struct child c;

	remove_one("a-short", SHORT);
	c = child_start(&w, commit, &b);
	await_commit(false);
	assert_int_equal(child_do(&w, remove_it, "d-long"), EROFS);
	assert_int_equal(child_do(&w, undelete, &back), 0);
	answer_commit(&b, false);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, remove_it, "d-long"), EROFS);
	assert_int_equal(child_do(&w, undelete, &back), 0);
	assert_true(world_idle(&w));
	assert_int_equal(child_do(&w, stay, NULL), 0); /* it was busy */
	remove_one("d-long", LONG);
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	await_commit(true);
	answer_commit(&last, true);
	world_join(&w);
	assert_int_equal(w.result.deleted, 1);
}

static void an_umount_that_is_broken_off_lets_files_be_removed_again(void **state)
{
	static const struct brought b = {.leaving = true, .words = ""};
	struct child c = child_start(&w, commit_interruptibly, &b);

	await_commit(false);
	assert_int_equal(child_do(&w, remove_it, "d-long"), EROFS);
	kill(c.pid, SIGUSR1);
	assert_int_equal(child_end(&c), EINTR);
	remove_one("d-long", LONG);
	answer_commit(&b, false);
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	await_commit(true);
	answer_commit(&b, true);
	world_join(&w);
}

static void what_is_committed_in_between_holds_for_the_unmount(void **state)
{
	static const struct brought b = {
	    .leaving = true, .waiting = 2, .number = EIO, .words = "QUIT: -ERR no"};
	static const struct brought better = {.deleted = 2, .words = ""};
	struct child c = child_start(&w, commit, &b);

	await_commit(false);
	answer_commit(&b, false);
	assert_int_equal(child_end(&c), 0);
	c = child_start(&w, commit, &better);
	await_commit(false);
	answer_commit(&better, false);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(umount2(w.mountpoint, 0), 0);
	world_join(&w);
	assert_true(world_idle(&w));
	assert_int_equal(w.code, OK);
	assert_int_equal(w.result.waiting, 0);
}

/* ---- refresh ---- */

static void a_refresh_is_answered_by_its_own_listing(void **state)
{
	struct child one = child_start(&w, refresh, ""), two;

	await_refresh(1, true);
	two = child_start(&w, refresh, "the server refused the login");
	await_refresh(2, true);
	answer_refresh(1, OK);
	assert_int_equal(child_end(&one), 0);
	answer_refresh(1, E_LOCKED); /* says nothing about the second */
	answer_refresh(2, E_LOGIN);
	assert_int_equal(child_end(&two), EACCES);
}

static void one_listing_answers_all_before_it(void **state)
{
	struct child c[3];

	for (int i = 0; i < 3; i++) {
		c[i] = child_start(&w, refresh, "");
		await_refresh(i + 1, true);
	}
	answer_refresh(3, OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(child_end(&c[i]), 0);
}

/* ---- undelete ---- */

static void what_is_taken_back_is_there_again(void **state)
{
	static const struct wish one = {.name = "a-short", .done = 1, .words = ""};
	static const struct wish all = {.name = "", .done = 2, .words = ""};
	struct child c;

	remove_one("a-short", SHORT);
	remove_one("b-cached", CACHED);
	remove_one("d-long", LONG);
	c = child_start(&w, undelete, &one);
	answer_undelete(SHORT, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, list, "a-short c-fixed "), 0);
	c = child_start(&w, undelete, &all);
	answer_undelete(CACHED, OK);
	answer_undelete(LONG, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, look, NULL), 0);
}

static void what_cannot_be_taken_back_is_said(void **state)
{
	static const struct wish wishes[] = {
	    {.name = "a-short", .refused = 1, .words = "a-short is not deleted"},
	    {.name = "nobody",
		.refused = 1,
		.words = "no deletion of nobody waits: it cannot be taken back"},
	    {.name = "", .words = ""},
	};
	static const struct wish half = {
	    .name = "", .done = 1, .refused = 1, .words = "not permitted"};
	struct child c;

	for (size_t i = 0; i < COUNT(wishes); i++)
		assert_int_equal(child_do(&w, undelete, &wishes[i]), 0);
	assert_true(world_idle(&w));
	remove_one("a-short", SHORT);
	remove_one("d-long", LONG);
	c = child_start(&w, undelete, &half);
	answer_undelete(SHORT, E_FORBIDDEN);
	answer_undelete(LONG, OK);
	assert_int_equal(child_end(&c), 0);
	assert_int_equal(child_do(&w, list, "b-cached d-long c-fixed "), 0);
}

/* The commit's listing is in the queue, and its intention settled, when it is asked for. */
static void what_a_commit_was_quicker_with_is_not_called_back(void **state)
{
	static const struct wish late = {.name = "a-short",
	    .refused = 1,
	    .words = "a commit was quicker: it is gone from the server"};
	struct child c;
	struct task *asked;

	remove_one("a-short", SHORT);
	c = child_start(&w, undelete, &late);
	asked = world_task(&w, TASK_UNDELETE);
	world_list(&w, (struct letter[]){four[0], {NULL}, four[2], four[3]}, 4);
	undeleted(asked, E_VANISHED);
	assert_int_equal(child_end(&c), 0);
}

/* ---- who, and what else ---- */

static void what_needs_nobody_is_answered_and_what_is_no_verb_refused_at_once(void **state)
{
	assert_int_equal(child_do(&w, ask_for_other_things, NULL), 0);
	assert_int_equal(child_do(&w, identify, NULL), 0);
	assert_int_equal(child_do(&w, read_status, NULL), 0);
	assert_true(world_idle(&w));
}

static void who_may_not_unlink_may_not_commit(void **state)
{
	static const struct brought b = {.words = ""};
	struct child c;

	c = child_start(&w, be_a_stranger, NULL);
	await_refresh(1, false);
	answer_refresh(1, OK);
	assert_int_equal(child_end(&c), 0);
	assert_true(world_idle(&w));
	c = child_start(&w, commit, &b);
	await_commit(false);
	answer_commit(&b, false);
	assert_int_equal(child_end(&c), 0);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void each_hears_of_what_he_took_back(void **state)
{
	static const struct wish first = {.name = "a-short", .done = 1, .words = ""};
	static const struct wish second = {.name = "d-long", .done = 1, .words = ""};
	struct task *of_first, *of_second;
	struct child one, two;

	remove_one("a-short", SHORT);
	remove_one("d-long", LONG);
	one = child_start(&w, undelete, &first);
	of_first = world_task(&w, TASK_UNDELETE);
	two = child_start(&w, undelete, &second);
	of_second = world_task(&w, TASK_UNDELETE);
	undeleted(take(&of_first), OK);
	assert_int_equal(child_end(&one), 0);
	undeleted(take(&of_second), OK);
	assert_int_equal(child_end(&two), 0);
}

static void at_the_end_nobody_waits_for_what_was_to_be_taken_back(void **state)
{
	static const struct wish one = {.name = "a-short", .words = ""};
	struct child c;

	world_start(&w, four, COUNT(four), NULL);
	remove_one("a-short", SHORT);
	c = child_start(&w, undelete, &one);
	task_free(world_task(&w, TASK_UNDELETE));
	world_finish(&w);
	assert_int_not_equal(child_end(&c), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(all_who_wait_for_a_commit_are_told_what_it_brought, setup),
	    TEST(what_was_removed_since_is_in_the_next_commit, setup),
	    TEST(an_interrupt_ends_the_wait_and_not_the_commit, setup),
	    TEST(the_final_commit_answers_whoever_still_waits, setup),
	    TEST(one_that_is_not_final_ends_nothing, setup),
	    TEST(what_an_umount_committed_is_not_tried_again, setup),
	    TEST(nothing_is_removed_between_an_umounts_commit_and_the_unmount, setup),
	    TEST(an_umount_that_is_broken_off_lets_files_be_removed_again, setup),
	    TEST(what_is_committed_in_between_holds_for_the_unmount, setup),
	    TEST(a_refresh_is_answered_by_its_own_listing, setup),
	    TEST(one_listing_answers_all_before_it, setup),
	    TEST(what_is_taken_back_is_there_again, setup),
	    TEST(what_cannot_be_taken_back_is_said, setup),
	    TEST(what_a_commit_was_quicker_with_is_not_called_back, setup),
	    TEST(what_needs_nobody_is_answered_and_what_is_no_verb_refused_at_once, setup),
	    TEST(who_may_not_unlink_may_not_commit, setup_for_others),
	    cmocka_unit_test_setup_teardown(each_hears_of_what_he_took_back, setup, teardown),
	    cmocka_unit_test(at_the_end_nobody_waits_for_what_was_to_be_taken_back),
	};

	if (!world_can_mount())
		return 77;
	return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
