#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <poll.h>
#include <stdlib.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <cmocka.h>

#include "presence.h"

static bool has_changed(const struct presence *p)
{
	struct pollfd fd = {presence_fd(p), POLLPRI, 0};

	return poll(&fd, 1, 0) == 1 && (fd.revents & POLLPRI);
}

/* A table as the kernel writes it stands in for the real one. */
static void set_table(struct presence *p, const char *text)
{
	mountinfo_close(&p->table);
	p->table = (struct mountinfo){.file = fmemopen((void *)(uintptr_t)text, strlen(text), "r")};
	assert_non_null(p->table.file);
}

#define OTHERS "9 27 8:1 / / rw - ext4 /dev/sda1 rw\n"
#define HERE   "43 27 0:40 / /mnt rw - fuse.pop3fs a@b rw,user_id=7\n"
#define COPY   "44 27 0:40 / /copy rw - fuse.pop3fs a@b rw,user_id=7\n"
#define NEXT   "45 27 0:41 / /mnt rw - fuse.pop3fs a@b rw,user_id=7\n"

static void it_lasts_as_long_as_its_number_is_in_the_table(void **state)
{
	static const struct {
		const char *then;
		bool lasts;
	} cases[] = {
	    {OTHERS HERE, true}, {OTHERS HERE COPY, true},
	    {OTHERS COPY, true},                   /* moved, or bound elsewhere */
	    {HERE NEXT, true},                     /* covered by another */
	    {OTHERS, false}, {OTHERS NEXT, false}, /* mounted again there, by another daemon */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct presence p;

		presence_begin(&p);
		set_table(&p, OTHERS HERE);
		presence_of(&p, "/mnt");
		assert_true(presence_lasts(&p));
		set_table(&p, cases[i].then);
		assert_int_equal(presence_lasts(&p), cases[i].lasts);
		presence_end(&p);
	}
}

static void what_was_never_seen_does_not_end(void **state)
{
	struct presence p;

	presence_begin(&p);
	set_table(&p, OTHERS COPY);
	presence_of(&p, "/mnt");
	set_table(&p, OTHERS);
	assert_true(presence_lasts(&p));
	presence_end(&p);
	assert_int_equal(presence_fd(&p), -1);
	presence_of(&p, "/mnt");
	assert_true(presence_lasts(&p));
}

static void a_change_is_to_be_polled_for_and_read_again(void **state)
{
	char place[] = "/tmp/pop3fs-presence-XXXXXX";
	struct presence p;
	bool done;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		skip(); /* only root can mount something */
	assert_non_null(mkdtemp(place));
	presence_begin(&p);
	done = mount("none", place, "tmpfs", 0, NULL) == 0;
	if (done) {
		assert_true(has_changed(&p));
		assert_false(has_changed(&p));
		presence_of(&p, "/");
		assert_int_equal(umount2(place, MNT_DETACH), 0);
		assert_true(has_changed(&p));
	}
	presence_end(&p);
	rmdir(place);
	if (!done)
		skip();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_lasts_as_long_as_its_number_is_in_the_table),
	    cmocka_unit_test(what_was_never_seen_does_not_end),
	    cmocka_unit_test(a_change_is_to_be_polled_for_and_read_again),
	};

	return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
