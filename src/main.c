/* pop3fs shows a POP3 maildrop as a directory: a message is a file, rm deletes on the server.
 *
 * This file is the story, from top to bottom. The rest of the program is a house of five floors;
 * includes point strictly downward. A header says what its file is for; here is where to look:
 *
 * app/   options     the one table of them            values      what stands behind a "="
 *        invocation  how we were called               arguments   argv: options and words
 *        words       a command without a shell
 *        settings    what configuration files say     config      as sections and keys
 *        given       which option, and where          help        what --help prints
 *        account     SOURCE: who, where, what TLS     paths       "~/", relative paths
 *        cache       where the database is            mountpoint  is it fit?
 *        companion   the process that runs commands   run         one of them, to its end
 *        hook        on_new, when mail has come       favours     what it does when asked
 *        sandbox     what the daemon gives up, by:    landlock    files, ports
 *        syscalls    all but those in a table
 *        credentials the password, or a token         terminal    asked for, not shown
 *        inquiry     asked for again                  netrc       what stands in ~/.netrc
 *        daemon      the fork, the pipe back          outcome     exit status, last words
 *        plans       options for the floors below     threads     store, session: begin, end
 *        commands    pop3fs VERB MOUNTPOINT           umount      the one that helps umount(8)
 *        asking      a child asks the daemon          verdict     what a commit's answer means
 *        mounthelper mount(8) runs us                 service     what systemd is told
 *        handover    the account, from one daemon to the next
 *        mounted     which mount is meant             mountinfo   what is mounted
 *        verify      is the cache still right?        events      what happens, as it does
 *        fetch       pop3fs fetch MOUNTPOINT          progress    how far it has come, in a line
 *        mounts      pop3fs list                      report      a status, for people and programs
 *        json        strings for programs            presence    is the mount still seen here?
 *
 * fs/    fs          this floor's promise             loop        poll {FUSE, events, signals}
 *        mount       libfuse's session                ops         the table of operations
 *        dir         lookup, listing                  file        open, read, release
 *        deleting    unlink, and back                 first       what a mount begins with
 *        tree        inode numbers, attributes        status      .pop3fs/status
 *        waiting     requests that are parked         snapshots   what status said, and when
 *        events      what other threads say           refresh     when to list again
 *        notify      the thread that tells the kernel inside      what these files share
 *        headers     .pop3fs/headers                  xattrs      extended attributes
 *        push        pages ahead of a reader          names       with their suffixes
 *        ioctls      the verbs' numbers and structs   verbs       and how they are answered
 *        happenings  what happened, in lines          telling     to whoever listens
 *        verifying   the verb VERIFY                  usage       what was opened, for the store
 *        fetches     sets of messages to be fetched   filling     for the verb fetch
 *        mirror      all of them, kept                openless    ... and read without an open
 *        editions    bodies that came anew since
 *
 * mail/  jobs        all that threads say to each other
 *        session     the thread that talks            orders      what is asked of it
 *        talk        one connection                   opening     from its name to the login
 *        line        opened, lost, left
 *        errand      what is done there:              survey      list the maildrop
 *        ahead       a mirror's first message, with the listing
 *        fetching    bring bodies                     prefetch    what to bring next
 *        committing  delete                           comparing   only what was unlinked
 *        proving     was it deleted?                  heading     bring headers
 *        gather      a body in chunks                 learn       what a header teaches
 *        keeping     where a body that comes goes     checking    are they what they were?
 *        room        which bodies stay                shelf       those outside the database
 *        pins        which bodies are in use
 *        header date RFC 5322                         name        a UIDL as a file name
 *        encoded     RFC 2047                         charset     what iconv calls it
 *        lf          bodies with LF line ends
 *        storer      the thread that writes           store       the database's handle
 *        schema      its tables                       query       SQL in words
 *        newbase     ... in a new file                journal     deletions on their way
 *        bodies      chunk rows                       lock        one daemon an account
 *        reader      the other threads' handle
 *        draft       a listing in the making          listing     one that is made
 *        merge twins what is listed, what is known    publish     and what follows from both
 *        counters    UIDLs that begin anew            nameless    messages without one
 *        newcomers   those a mirror does not show yet hidden      what was unlinked
 *        hold        too much is gone to be believed  learning    the headers of a listing
 *        chores      what a task makes it do          settle      which message is which row
 *        load stored rows as messages                 maildrop    the model: less unlinked
 *        wants       who waits for which message     pace        how much to ask for at a time
 *        pipelining  may more than one be out?        believing   which bodies are believed
 *        facts       what earlier mounts learnt of the server
 *        backoff     when to log in again             quirks      servers known for something
 *        troubled    messages that cannot be had      postponing  ... for now
 *        secrets     asked for before a login
 *
 * pop3/  wire (octets to lines), reply, client (commands out, answers in order), login: no I/O;
 *        for login: sendable (can they go out?), remembered (what CAPA said last time), recall
 *        (and how one goes by it), mechanism (which way in), attempt (by this one), refusal (what
 *        it means); for attempt: apop, md5, auth (AUTH's lines), sasl (what is in them; gnu: GNU
 *        SASL's part of it), oauth, base64; blot (what a server quotes)
 * net/   connection (from a name to a line) by: dial (to a socket), link (that, TLS or not), tls;
 *        for dial: lookup (to addresses), proxy (how one is written), socks (what it is told),
 *        tunnel (the socket to it); for tls: pin, untrusted (what a certificate lacks), own (a
 *        client's), quiet (a socket for OpenSSL), authorities (where it looks for certificates
 *        later)
 * base/  error alloc slice buf log clock queue secret process; ids (arrays in their order);
 *        passing (packets and descriptors); point (where tests kill it)
 *
 * This thread becomes the fs thread; store, session and notify have theirs. Of the processes one is
 * the command, which waits and ends; one the daemon; one the companion. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alloc.h"
#include "cache.h"
#include "commands.h"
#include "companion.h"
#include "credentials.h"
#include "daemon.h"
#include "fs.h"
#include "handover.h"
#include "invocation.h"
#include "lock.h"
#include "log.h"
#include "mount.h"
#include "mountpoint.h"
#include "outcome.h"
#include "plans.h"
#include "presence.h"
#include "process.h"
#include "sandbox.h"
#include "service.h"
#include "threads.h"
#include "umount.h"

#define MS_IN_SECOND 1000
#define ON_NEW_MS    300000 /* on_new may take so long, */
#define MOUNT_MS     30000  /* and fusermount3, to mount */
#define GRACE_MS     5000   /* beyond commit_timeout, to come to an end */
#define SAY_AGAIN_MS 600000 /* the same sentence, while a server keeps failing */

struct pop3fs {
	struct invocation asked;
	struct cache cache;
	struct credentials credentials;
	struct companion *companion;
	struct secret *password;
	struct daemon daemon;
	int lock;
	struct threads threads;
	struct fs *fs;
	struct presence presence;
	bool ready;  /* the mount has answered */
	bool ending; /* it is gone, or goes */
};

/* ---- in the command ---- */

/* A token is asked for at each login; offline, even the first may not be to be had. */
static enum error first_secret(struct pop3fs *p, struct failure *why)
{
	if (credentials_is_token(&p->credentials) && p->asked.options.offline)
		return OK;
	if (credentials_can_ask_again(&p->credentials))
		return inquiry_wait(companion_inquiry(p->companion), &p->password, why);
	return credentials_ask(&p->password, &p->credentials, -1, why);
}

/* All that can be done while there is a terminal, and before the server hears of us. */
static enum error prepare(struct pop3fs *p, struct failure *why)
{
	struct invocation *asked = &p->asked;
	CLEANUP(buf_finish) struct buf mount = {.len = 0};
	const struct proxy *proxy = asked->options.proxy;
	struct fs_plan fs;
	enum error e = cache_find(&p->cache, asked->options.cache_dir, &asked->account, why);

	if (!e)
		e = mountpoint_leaves(asked->mountpoint, p->cache.directory, why);
	if (e)
		return e;
	fs = plan_fs(&asked->options, &asked->account, asked->mountpoint, p->cache.database);
	mount_options(&mount, &fs);
	if (asked->account.tls == SESSION_TLS_OFF)
		log_warning("tls=off: anybody on the line to %s can read the password and the mail",
		    asked->account.host);
	credentials_choose(&p->credentials, &asked->options, &asked->account);
	e = companion_start(&p->companion,
	    &(struct companion_plan){
		.credentials = &p->credentials,
		.source = asked->account.source,
		.mountpoint = asked->mountpoint,
		.mount_options = buf_text(&mount),
		.mount_ms = MOUNT_MS,
		.host = proxy ? proxy->host : asked->account.host,
		.port = proxy ? proxy->port : asked->account.port,
		.on_new = {asked->options.on_new, ON_NEW_MS, asked->mountpoint},
	    },
	    why);
	if (!e)
		e = first_secret(p, why);
	return e;
}

static int wait_for_daemon(struct pop3fs *p)
{
	CLEANUP(freep) char *doing = xasprintf("pop3fs: listing %s", p->asked.account.words);
	int status;

	secret_free(take(&p->password));
	companion_free(take(&p->companion)); /* the daemon has an end of its own */
	status = daemon_wait(&p->daemon, doing);
	if (status == STATUS_DONE && p->asked.helper.verbose)
		printf("pop3fs: %s mounted on %s.\n", p->asked.account.source, p->asked.mountpoint);
	return status;
}

/* ---- in the daemon ---- */

static void ready(void *with)
{
	struct pop3fs *p = with;

	p->ready = true;
	if (!p->ending)
		lock_say(p->lock, LOCK_MOUNTED, p->asked.mountpoint);
	if (!p->asked.options.foreground)
		companion_background(p->companion);
	daemon_ready(&p->daemon);
	service_ready();
}

static void fresh(void *with, uint64_t count)
{
	struct pop3fs *p = with;

	companion_fresh(p->companion, count);
}

static enum error make_mount(void *with, int *fd, struct failure *why)
{
	struct pop3fs *p = with;

	return companion_mount(p->companion, fd, why);
}

static void detach(void *with)
{
	struct pop3fs *p = with;

	service_stopping(p->asked.options.commit_timeout * MS_IN_SECOND + GRACE_MS);
	companion_unmount(p->companion);
}

static bool lasts(void *with)
{
	struct pop3fs *p = with;

	return presence_lasts(&p->presence);
}

static void ending(void *with)
{
	struct pop3fs *p = with;

	p->ending = true;
	lock_say(p->lock, LOCK_ENDING, p->asked.mountpoint);
}

static void notice(void *with, const char *words)
{
	struct pop3fs *p = with;

	daemon_notice(&p->daemon, words);
}

static void progress(void *with, const char *words)
{
	struct pop3fs *p = with;

	daemon_progress(&p->daemon, words);
}

static struct session_plan with_secret(struct pop3fs *p, struct session_plan plan)
{
	plan.password = p->password;
	plan.is_token = credentials_is_token(&p->credentials);
	if (credentials_can_ask_again(&p->credentials))
		plan.asker = inquiry_asker(companion_inquiry(p->companion));
	return plan;
}

/* umount(8) asks mountinfo, but for root's mounts only what is not in its own table. */
static void record(struct pop3fs *p)
{
	CLEANUP(freep) char *words = NULL;

	if (companion_record(p->companion) || !umount_has_helper())
		return;
	words = xasprintf("umount %s will not wait for deletions, since /run/mount/utab cannot be "
			  "written; pop3fs umount %s does",
	    p->asked.mountpoint, p->asked.mountpoint);
	notice(p, words);
}

static struct fs_plan with_callbacks(struct pop3fs *p, struct fs_plan plan)
{
	plan.mount = make_mount;
	plan.detach = detach;
	plan.ending = ending;
	plan.lasts = lasts;
	plan.notice = notice;
	plan.progress = progress;
	plan.fresh = p->asked.options.on_new ? fresh : NULL;
	plan.with = p;
	return plan;
}

/* Nothing is mounted before the server has said what there is; offline, an earlier mount knows. */
static enum error begin(struct pop3fs *p, struct failure *why)
{
	struct invocation *asked = &p->asked;
	struct room_plan room = plan_room(&asked->options);
	struct session_plan session =
	    with_secret(p, plan_session(&asked->options, &asked->account));
	struct fs_plan fs = with_callbacks(
	    p, plan_fs(&asked->options, &asked->account, asked->mountpoint, p->cache.database));
	struct sandbox_plan sandbox =
	    plan_sandbox(&asked->options, &asked->account, p->cache.directory);
	struct handover account = {
	    .lock = p->cache.lock,
	    .mountpoint = asked->mountpoint,
	    .wait_ms = fs.commit_ms,
	    .notice = notice,
	    .with = p,
	};
	enum error e = handover_take(&p->lock, &account, why);

	process_started(getpid(), &fs.started);
	session.lookup = companion_lookup(p->companion);
	p->threads.elsewhere = companion_place(p->companion);
	presence_begin(&p->presence);
	fs.mounts = presence_fd(&p->presence);
	if (!e)
		e = session_trust(&session, why);
	if (!e)
		fs.sandbox = sandbox_enter(&sandbox);
	if (!e)
		e = threads_start(&p->threads, p->cache.database, &room, &session, why);
	secret_free(take(&p->password)); /* the session has its own */
	if (!e)
		e = fs_create(&p->fs, &fs, &p->threads.queues, why);
	if (!e)
		e = fs_first_listing(p->fs, why);
	if (!e)
		e = fs_mount(p->fs, why);
	presence_of(&p->presence, asked->mountpoint);
	if (!e)
		record(p);
	return e;
}

static void end(struct pop3fs *p)
{
	fs_free(take(&p->fs));
	threads_end(&p->threads);
	presence_end(&p->presence);
	companion_dismiss(take(&p->companion)); /* the mount is gone when we are */
	closep(&p->lock);
	p->lock = -1;
}

static int serve(struct pop3fs *p)
{
	struct commit_result result = {0};
	struct failure why = {.code = OK};
	enum error e = begin(p, &why);

	if (!e)
		e = fs_run(p->fs, ready, p, &result, &why);
	end(p);
	log_told();
	if (p->ready)
		return outcome_say(&result, &why);
	if (!e)
		e = failed(&why, E_INTERRUPT, "ended before the mount answered");
	daemon_fail(&p->daemon, &why);
	return outcome_status(e);
}

/* ---- both ---- */

static void finish(struct pop3fs *p)
{
	companion_free(p->companion);
	secret_free(p->password);
	credentials_finish(&p->credentials);
	cache_finish(&p->cache);
	invocation_finish(&p->asked);
}

static int failed_early(const struct failure *why)
{
	log_error("%s", why->words);
	return outcome_status(why->code);
}

int main(int argc, char **argv)
{
	CLEANUP(finish) struct pop3fs p = {.lock = -1};
	struct failure why = {.code = OK};

	if (argc > 0 && umount_is_helper(argv[0]))
		return umount_helper(argc, argv);
	if (argc > 1 && command_is(argv[1]))
		return command_run(argc - 1, argv + 1);
	daemon_prepare();
	if (invocation_read(&p.asked, argc, argv, &why))
		return failed_early(&why);
	if (invocation_tell(&p.asked, stdout) || p.asked.helper.fake)
		return outcome_printed(STATUS_DONE, STATUS_SYSTEM);
	log_debug_on(p.asked.options.debug);
	log_sparingly(SAY_AGAIN_MS);
	if (prepare(&p, &why) || daemon_fork(&p.daemon, p.asked.options.foreground, &why))
		return failed_early(&why);
	if (daemon_is_parent(&p.daemon))
		return wait_for_daemon(&p);
	return serve(&p);
}
