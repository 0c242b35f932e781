/* The tree as the kernel sees it: what an inode number stands for, and the attributes of each kind
 * of node. Pure: no I/O, no state. There is no inode table; a number says all, in this mount and in
 * the next:
 *
 *     1                       the root (FUSE's law)
 *     id << 3 | VIEW_MESSAGE  a message; numbers up to 5 are for other views of it
 *     id << 3 | VIEW_HEADER   its header, as .pop3fs/headers shows it
 *     id << 3 | VIEW_MAILDIR  the message with LF line ends, as .pop3fs/maildir/cur shows it
 *     id << 3 | VIEW_DELETED  the same as .pop3fs/deleted shows it
 *     row << 3 | VIEW_FIXED   .pop3fs and what always stands below it, a row of the table in tree.c
 *     serial << 3 | VIEW_SNAPSHOT  one rendering of a file like status (snapshots.h)
 */
#ifndef POP3FS_TREE_H
#define POP3FS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "listing.h"
#include "reader.h"
#include "slice.h"

#define TREE_ROOT 1u

enum view {
	VIEW_MESSAGE = 0,
	VIEW_HEADER = 1,
	VIEW_MAILDIR = 2,
	VIEW_DELETED = 3,
	VIEW_FIXED = 6,
	VIEW_SNAPSHOT = 7,
};

enum node_kind {
	NODE_NONE, /* no number of ours */
	NODE_ROOT,
	NODE_MESSAGE,  /* id: the store's row */
	NODE_HEADER,   /* id: the store's row */
	NODE_MAILDIR,  /* id: the store's row */
	NODE_DELETED,  /* id: the store's row */
	NODE_FIXED,    /* id: the row of the table */
	NODE_SNAPSHOT, /* id: its serial */
};

struct node {
	enum node_kind kind;
	int64_t id;
};

struct node tree_node(uint64_t ino);
uint64_t tree_ino(int64_t id, enum view view);
/* The number that the kernel gets of a message has an edition (editions.h) above its own one; all
 * others have 0. tree_node passes over it; what people see is the number without. */
uint64_t tree_ino_of(int64_t id, enum view view, uint32_t edition);
uint32_t tree_edition(uint64_t ino);
enum view tree_view(uint64_t ino); /* of a message */

/* Whether a directory shows all messages that there are, and by which view. */
bool tree_shows(uint64_t ino, enum view *view);
/* The directory that a directory is in; the root is in itself. */
uint64_t tree_parent(uint64_t ino);

/* What always stands below .pop3fs, and .pop3fs itself. */
enum fixed_kind {
	FIXED_DIRECTORY,
	FIXED_HEADERS, /* a directory, of the messages' headers */
	FIXED_MAILDIR, /* a directory, of the messages as in a Maildir */
	FIXED_DELETED, /* a directory, of the messages that wait for a commit */
	FIXED_STATUS,  /* a file, rendered anew at each lookup */
};

struct fixed {
	const char *name;
	uint64_t parent; /* inode number */
	enum fixed_kind kind;
};

/* A row by its number (a node's id), by name, and the first below `parent` whose number is above
 * `after` (0: from the start; the row's number goes to *number). NULL: there is none. */
const struct fixed *tree_fixed(int64_t number);
const struct fixed *tree_fixed_named(uint64_t parent, struct slice name, int64_t *number);
const struct fixed *tree_fixed_after(uint64_t parent, int64_t after, int64_t *number);

/* Whose the files are, and what of a message is shown. umask is taken off 0777 (directories) and
 * 0444 (files): 077 is usual. */
struct owner {
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool lf;         /* line ends of messages are LF, else CRLF as the server sends them */
	bool mtime_seen; /* mtime is when a message was first seen, else when it was received */
};

/* Whether a message has LF line ends in this view. */
bool tree_has_lf(const struct owner *who, enum view view);

bool tree_is_directory(const struct fixed *row);

/* Each fills all of *st. Times are seconds since 1970, sizes octets. `unlinked`: only open
 * handles still reach it under this view. */
void tree_directory(struct stat *st, const struct owner *who, uint64_t ino, unsigned below,
    struct timespec changed);
void tree_message(struct stat *st, const struct owner *who, const struct message *m, enum view view,
    bool unlinked);
/* A message that has left the listing, while somebody holds it open. */
void tree_row(struct stat *st, const struct owner *who, uint64_t ino, const struct reader_row *row);
void tree_file(
    struct stat *st, const struct owner *who, uint64_t ino, uint64_t size, int64_t changed);

#endif
