#include "plans.h"

#include <unistd.h>

#define MS_IN_SECOND   1000
#define SECONDS_IN_DAY 86400

#define CACHE_PART                                                                                 \
	4 /* of the room that there is for bodies, at most, is for those fetched ahead             \
	   */

/* contract: a second session at least a minute later */
#define HOLD_MS 60000

/* Octets of a maildrop that a mirror takes. */
static uint64_t mirrored(const struct options *o)
{
	if (o->prefetch != OPTION_PREFETCH_ALL)
		return 0;
	return o->cache_size ? o->cache_size : UINT64_MAX;
}

struct session_plan plan_session(const struct options *o, const struct account *a)
{
	return (struct session_plan){
	    .host = a->host,
	    .port = a->port,
	    .user = a->user,
	    .tls = a->tls,
	    .auth = (enum mechanism)o->auth,
	    .ca = o->ca,
	    .cert = o->cert,
	    .key = o->key,
	    .pin = o->pin,
	    .tls_min = (enum tls_version)o->tls_min,
	    .proxy = o->proxy,
	    .timeout_ms = o->timeout * MS_IN_SECOND,
	    .idle_ms = o->idle * MS_IN_SECOND,
	    .retry_ms = o->retry * MS_IN_SECOND,
	    .commit_ms = o->commit_timeout * MS_IN_SECOND,
	    .hold_ms = HOLD_MS,
	    .headers = o->headers,
	    .pipelining = (enum session_pipelining)o->pipelining,
	    .mirror = mirrored(o),
	    .read_only = o->read_only,
	};
}

struct room_plan plan_room(const struct options *o)
{
	return (struct room_plan){
	    .bounded = true,
	    .cache_size = o->cache_size,
	    .cache_min_free = o->cache_min_free,
	    .keep_vanished_s = (int64_t)o->keep_vanished * SECONDS_IN_DAY,
	    .nocache = o->nocache,
	    .memory = o->memory,
	};
}

struct sandbox_plan plan_sandbox(
    const struct options *o, const struct account *a, const char *directory)
{
	return (struct sandbox_plan){
	    .off = o->sandbox == OPTION_SANDBOX_OFF,
	    .cache = directory,
	    .tls = a->tls != SESSION_TLS_OFF,
	    .ca = o->ca,
	    .port = o->proxy ? o->proxy->port : a->port,
	    .audit = o->debug,
	};
}

/* A mirror fetches all, and these first. */
#define MIRROR_AHEAD (UINT64_C(64) << 20)

/* What is fetched ahead shall not push out what has not been read yet. */
static uint64_t ahead(const struct options *o)
{
	uint64_t most = o->prefetch == OPTION_PREFETCH_ALL ? MIRROR_AHEAD : o->prefetch;

	if (o->cache_size && most > o->cache_size / CACHE_PART)
		most = o->cache_size / CACHE_PART;
	if (o->nocache && most > o->memory / CACHE_PART)
		most = o->memory / CACHE_PART;
	return most;
}

/* Pages are the kernel's to take back. What is ahead holds two of the largest (prefetch.h): one is
 * there before the reader comes to it. */
#define MOST_PUSHED (UINT64_C(32) << 20)

static uint64_t pushed(const struct options *o)
{
	return ahead(o) < MOST_PUSHED ? ahead(o) : MOST_PUSHED;
}

/* Whether a message's mode keeps everybody from writing who gets into the mount. */
static bool modes_bind(const struct options *o)
{
	return geteuid() != 0 && !options_let_others_in(o);
}

struct fs_plan plan_fs(
    struct options *o, const struct account *a, const char *mountpoint, const char *database)
{
	return (struct fs_plan){
	    .mountpoint = mountpoint,
	    .source = a->source,
	    .account = a->words,
	    .store = database,
	    .fuse_options = buf_text(&o->kernel),
	    .uid = o->uid,
	    .gid = o->gid,
	    .umask = o->umask,
	    .xattr = o->xattr,
	    .suffix = o->suffix ? o->suffix : "",
	    .lf = o->eol == OPTION_EOL_LF,
	    .mtime_seen = o->mtime == OPTION_MTIME_SEEN,
	    .read_only = o->read_only,
	    .max_delete = o->max_delete,
	    .offline = o->offline,
	    .hangup = o->foreground,
	    .default_permissions = o->default_permissions,
	    .commit_ms = o->commit_timeout * MS_IN_SECOND,
	    .refresh_s = o->refresh,
	    .prefetch = ahead(o),
	    .pushed = pushed(o),
	    .openless = o->default_permissions && (o->read_only || modes_bind(o)),
	    .mirror = o->prefetch == OPTION_PREFETCH_ALL,
	    .cache_size = o->cache_size,
	    .nocache = o->nocache,
	};
}
