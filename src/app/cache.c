#include "cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "buf.h"
#include "name.h"
#include "paths.h"
#include "process.h"

#define LONGEST_NAME                                                                               \
	219 /* leaves room for ".db-wal", ".lock", ".damaged-SECONDS" in 255 octets                \
	     */
#define ROOTS "/var/cache/pop3fs"

static const char *absolute_variable(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] == '/' ? value : NULL;
}

/* malloc'd; NULL: there is no home directory. */
static char *directory(const char *given)
{
	CLEANUP(freep) char *home = NULL;
	const char *systemds = absolute_variable("CACHE_DIRECTORY");
	const char *xdg = absolute_variable("XDG_CACHE_HOME");

	if (given)
		return xstrdup(given);
	if (systemds)
		return xstrndup(systemds, strcspn(systemds, ":"));
	if (geteuid() == 0)
		return xstrdup(ROOTS);
	if (xdg)
		return xasprintf("%s/pop3fs", xdg);
	home = path_home();
	return home ? xasprintf("%s/.cache/pop3fs", home) : NULL;
}

static enum error check(const char *path, struct failure *why)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return failed(
		    why, E_SYSTEM, "cannot use the cache directory %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return failed(
		    why, E_CONFIG, "cannot keep messages in %s: it is no directory", path);
	if (st.st_uid != geteuid())
		return failed(why, E_CONFIG,
		    "the cache directory %s is somebody else's: give another as cache_dir=", path);
	if (st.st_mode & 022)
		return failed(why, E_CONFIG,
		    "others may write into the cache directory %s: chmod 700 %s", path, path);
	return OK;
}

/* Whoever owns a directory on the way, or may write to it, can put another in the place of the
 * cache. */
static enum error check_way(const char *path, struct failure *why)
{
	CLEANUP(freep) char *part = xstrdup(path);
	struct stat st;
	char *slash;

	while ((slash = strrchr(part, '/')) && slash[1]) {
		slash[slash == part] = '\0';
		if (stat(part, &st) != 0)
			return failed(
			    why, E_SYSTEM, "cannot look at %s: %s", part, strerror(errno));
		if (!process_is_trusted(st.st_uid))
			return failed(why, E_CONFIG,
			    "the cache directory %s is below somebody else's directory, %s: give "
			    "another as cache_dir=",
			    path, part);
		if (st.st_mode & 02 && !(st.st_mode & S_ISVTX))
			return failed(why, E_CONFIG,
			    "the cache directory %s is below %s, which all may write to: give "
			    "another as cache_dir=",
			    path, part);
	}
	return OK;
}

/* A link on the way may be somebody else's, and lead elsewhere tomorrow: where it leads now is
 * looked at, and used. */
static enum error find_real(char **out, const char *path, struct failure *why)
{
	*out = realpath(path, NULL);
	if (!*out)
		return failed(
		    why, E_SYSTEM, "cannot use the cache directory %s: %s", path, strerror(errno));
	return OK;
}

/* The "@" of a user stays: the last one splits, as in SOURCE. */
static void add_escaped(struct buf *to, const char *text)
{
	for (size_t i = 0; text[i]; i++) {
		unsigned char octet = (unsigned char)text[i];
		bool front = to->len == 0 && (octet == '.' || octet == '-');

		if (octet <= 0x20 || octet >= 0x7f || strchr("/%~:", octet) || front)
			buf_printf(to, "%%%02X", octet);
		else
			buf_add(to, &text[i], 1);
	}
}

char *cache_name(const struct account *a)
{
	CLEANUP(buf_finish) struct buf name = {.len = 0};
	char shorter[NAME_LONGEST + 1];

	add_escaped(&name, a->user);
	buf_add_text(&name, "@");
	add_escaped(&name, a->host);
	buf_printf(&name, ":%s", a->port);
	if (name.len <= LONGEST_NAME)
		return xstrdup(buf_text(&name));
	/* a prefix, "~" and a hash: no other name has a "~" */
	name_encode(shorter, buf_slice(&name), 1);
	return xstrdup(shorter);
}

enum error cache_find(
    struct cache *c, const char *given, const struct account *a, struct failure *why)
{
	CLEANUP(freep) char *path = directory(given), *real = NULL;
	CLEANUP(freep) char *name = cache_name(a);
	enum error e;

	if (!path)
		return failed(why, E_CONFIG,
		    "there is no home directory to keep messages in: give cache_dir=");
	e = path_make_directory(path, why);
	if (!e)
		e = find_real(&real, path, why);
	if (!e)
		e = check(real, why);
	if (!e)
		e = check_way(real, why);
	if (e)
		return e;
	c->database = xasprintf("%s/%s.db", real, name);
	c->lock = xasprintf("%s/%s.lock", real, name);
	c->directory = take(&real);
	return OK;
}

void cache_finish(struct cache *c)
{
	free(c->directory);
	free(c->database);
	free(c->lock);
	*c = (struct cache){NULL, NULL, NULL};
}
