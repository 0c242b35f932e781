#include "authorities.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "slice.h"

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* To a neighbour, whose own turn comes: half of all are, and to follow each link of a system's 300
 * cost 2.7 ms of the mount. */
static bool stays_here(const char *path)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target));

	return len > 0 && target[0] != '.' && !memchr(target, '/', (size_t)len);
}

/* c_rehash(1) makes links, and update-ca-certificates(8) links to links. */
static void follow_links(
    const char *directory, void (*place)(void *with, const char *path), void *with)
{
	CLEANUP(closedirp) DIR *d = opendir(directory);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		CLEANUP(freep) char *path = NULL;
		CLEANUP(freep) char *target = NULL;

		if (entry->d_type == DT_REG || entry->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", directory, entry->d_name);
		target = stays_here(path) ? NULL : realpath(path, NULL);
		if (target)
			place(with, target);
	}
}

static void visit(const char *directory, void (*place)(void *with, const char *path), void *with)
{
	struct stat st;

	if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode))
		return;
	place(with, directory);
	follow_links(directory, place, with);
}

void authorities_each(const char *ca, void (*place)(void *with, const char *path), void *with)
{
	const char *variable = getenv(X509_get_default_cert_dir_env());
	struct slice rest = slice_of(variable ? variable : X509_get_default_cert_dir()), word;

	if (ca) {
		visit(ca, place, with);
		return;
	}
	while ((word = slice_token(&rest, ":")).len > 0) {
		CLEANUP(freep) char *directory = xstrndup(word.at, word.len);

		visit(directory, place, with);
	}
}
