/* What a person writes behind an option's "=", as a value. Every failure is E_USAGE and names the
 * option. */
#ifndef POP3FS_VALUES_H
#define POP3FS_VALUES_H

#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* Bounds, both included, in the value's own unit. */
struct range {
	uint64_t least, most;
};

/* "90", "90s", "5m", "2h", "1d": seconds. */
enum error value_time(
    int64_t *seconds, const char *name, const char *text, struct range r, struct failure *why);

/* "4096", "64K", "64M", "1G": octets, K being 1024. */
enum error value_size(
    uint64_t *octets, const char *name, const char *text, struct range r, struct failure *why);

/* "10000". */
enum error value_count(
    uint64_t *count, const char *name, const char *text, struct range r, struct failure *why);

/* "077": the nine bits of a mode. */
enum error value_octal(mode_t *bits, const char *name, const char *text, struct failure *why);

/* The end of a file's name, of so many octets: *suffix is malloc'd. */
enum error value_suffix(
    char **suffix, const char *name, const char *text, struct range r, struct failure *why);

/* A number, or a name from passwd or group. */
enum error value_user(uid_t *uid, const char *name, const char *text, struct failure *why);
enum error value_group(gid_t *gid, const char *name, const char *text, struct failure *why);

/* One of `words` (ended by NULL); *index is its place there. */
enum error value_choice(unsigned *index, const char *name, const char *text,
    const char *const *words, struct failure *why);

#endif
