#include "tree.h"

#include <string.h>

#define VIEW_BITS      3
#define EDITION_SHIFT  44 /* ids have 39 bits: a chunk's key is id << 24 */
#define VIEW_MASK      7u
#define BLOCK_OCTETS   512u /* st_blocks counts these, whatever st_blksize says */
#define BEST_OCTETS    4096 /* st_blksize: a page; cp and cat read in 128 KiB anyway */
#define FILE_MODE      0444u
#define DIRECTORY_MODE 0777u

enum fixed_number {
	ROW_NONE,
	ROW_POP3FS,
	ROW_STATUS,
	ROW_DELETED,
	ROW_HEADERS,
	ROW_MAILDIR,
	ROW_CUR,
	ROW_NEW,
	ROW_TMP,
	ROWS
};

#define ROW_INO(number) ((uint64_t)(number) << VIEW_BITS | VIEW_FIXED)

/* .pop3fs and its fixed entries. A row's number is its inode number for ever: add at the end. */
static const struct fixed rows[ROWS] = {
    [ROW_POP3FS] = {".pop3fs", TREE_ROOT, FIXED_DIRECTORY},
    [ROW_STATUS] = {"status", ROW_INO(ROW_POP3FS), FIXED_STATUS},
    [ROW_DELETED] = {"deleted", ROW_INO(ROW_POP3FS), FIXED_DELETED},
    [ROW_HEADERS] = {"headers", ROW_INO(ROW_POP3FS), FIXED_HEADERS},
    [ROW_MAILDIR] = {"maildir", ROW_INO(ROW_POP3FS), FIXED_DIRECTORY},
    [ROW_CUR] = {"cur", ROW_INO(ROW_MAILDIR), FIXED_MAILDIR},
    [ROW_NEW] = {"new", ROW_INO(ROW_MAILDIR), FIXED_DIRECTORY},
    [ROW_TMP] = {"tmp", ROW_INO(ROW_MAILDIR), FIXED_DIRECTORY},
};

/* The kinds of nodes that are views of a message. */
static const enum node_kind views[VIEW_MASK + 1] = {
    [VIEW_MESSAGE] = NODE_MESSAGE,
    [VIEW_HEADER] = NODE_HEADER,
    [VIEW_MAILDIR] = NODE_MAILDIR,
    [VIEW_DELETED] = NODE_DELETED,
    [VIEW_SNAPSHOT] = NODE_SNAPSHOT,
};

struct node tree_node(uint64_t ino)
{
	struct node n = {NODE_NONE, 0};

	ino &= (UINT64_C(1) << EDITION_SHIFT) - 1;
	n.id = (int64_t)(ino >> VIEW_BITS);
	if (ino == TREE_ROOT)
		n.kind = NODE_ROOT;
	else if (n.id == 0)
		n.kind = NODE_NONE;
	else if ((ino & VIEW_MASK) != VIEW_FIXED)
		n.kind = views[ino & VIEW_MASK];
	else if (n.id < ROWS)
		n.kind = NODE_FIXED;
	return n;
}

uint64_t tree_ino(int64_t id, enum view view)
{
	return (uint64_t)id << VIEW_BITS | (unsigned)view;
}

uint64_t tree_ino_of(int64_t id, enum view view, uint32_t edition)
{
	return tree_ino(id, view) | (uint64_t)edition << EDITION_SHIFT;
}

uint32_t tree_edition(uint64_t ino)
{
	return (uint32_t)(ino >> EDITION_SHIFT);
}

enum view tree_view(uint64_t ino)
{
	return (enum view)(ino & VIEW_MASK);
}

bool tree_shows(uint64_t ino, enum view *view)
{
	struct node n = tree_node(ino);

	*view = VIEW_MESSAGE;
	if (n.kind != NODE_FIXED)
		return n.kind == NODE_ROOT;
	*view = rows[n.id].kind == FIXED_HEADERS ? VIEW_HEADER : VIEW_MAILDIR;
	return rows[n.id].kind == FIXED_HEADERS || rows[n.id].kind == FIXED_MAILDIR;
}

uint64_t tree_parent(uint64_t ino)
{
	struct node n = tree_node(ino);

	return n.kind == NODE_FIXED ? rows[n.id].parent : TREE_ROOT;
}

const struct fixed *tree_fixed(int64_t number)
{
	return number > ROW_NONE && number < ROWS ? &rows[number] : NULL;
}

const struct fixed *tree_fixed_after(uint64_t parent, int64_t after, int64_t *number)
{
	for (int64_t n = after < ROW_NONE ? ROW_POP3FS : after + 1; n < ROWS; n++)
		if (rows[n].parent == parent) {
			*number = n;
			return &rows[n];
		}
	return NULL;
}

const struct fixed *tree_fixed_named(uint64_t parent, struct slice name, int64_t *number)
{
	int64_t n = ROW_NONE;
	const struct fixed *row;

	while ((row = tree_fixed_after(parent, n, &n)))
		if (slice_is(name, row->name)) {
			*number = n;
			return row;
		}
	return NULL;
}

bool tree_is_directory(const struct fixed *row)
{
	return row->kind != FIXED_STATUS;
}

static void fill(struct stat *st, const struct owner *who, uint64_t ino, mode_t mode, uint64_t size)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = mode & ~(who->umask & 07777);
	st->st_nlink = 1;
	st->st_uid = who->uid;
	st->st_gid = who->gid;
	st->st_size = (off_t)size;
	st->st_blksize = BEST_OCTETS;
	st->st_blocks = (blkcnt_t)(size / BLOCK_OCTETS + (size % BLOCK_OCTETS != 0));
}

/* atime is mtime: reading a message changes nothing that a second rsync could see. */
static void set_times(struct stat *st, int64_t modified, int64_t changed)
{
	st->st_atim.tv_sec = st->st_mtim.tv_sec = modified;
	st->st_ctim.tv_sec = changed;
}

static int64_t modified(const struct owner *who, int64_t received, int64_t seen)
{
	return who->mtime_seen ? seen : received;
}

void tree_directory(
    struct stat *st, const struct owner *who, uint64_t ino, unsigned below, struct timespec changed)
{
	fill(st, who, ino, S_IFDIR | DIRECTORY_MODE, 0);
	st->st_nlink = 2 + below;
	st->st_atim = st->st_mtim = st->st_ctim = changed;
}

bool tree_has_lf(const struct owner *who, enum view view)
{
	return view == VIEW_MAILDIR || (who->lf && view != VIEW_HEADER);
}

/* Until a body is known its size is LIST's, with whatever line ends; a header that is not known yet
 * is no longer than its message. One with more lines than octets is damaged, or just being replaced
 * by another thread: the kernel would have nothing to do with a size below 0, so that nobody could
 * open it and find out. */
static uint64_t size_of(
    const struct owner *who, enum view view, uint64_t size, uint64_t lines, uint32_t header)
{
	if (view == VIEW_HEADER && header > 0)
		return header;
	return tree_has_lf(who, view) && lines <= size ? size - lines : size;
}

void tree_message(struct stat *st, const struct owner *who, const struct message *m, enum view view,
    bool unlinked)
{
	bool known = message_flags(m) & MESSAGE_TRUE_SIZE;
	uint64_t lines = known ? atomic_load(&m->lines) : 0;
	uint64_t size = size_of(who, view, message_size(m), lines, atomic_load(&m->header));

	fill(st, who, tree_ino(m->id, view), S_IFREG | FILE_MODE, size);
	st->st_nlink = unlinked ? 0 : 1;
	set_times(st, modified(who, m->received, m->seen), m->seen);
}

void tree_row(struct stat *st, const struct owner *who, uint64_t ino, const struct reader_row *row)
{
	uint64_t lines = row->true_size ? row->lines : 0;

	fill(st, who, ino, S_IFREG | FILE_MODE,
	    size_of(who, tree_view(ino), row->size, lines, row->header));
	st->st_nlink = 0;
	set_times(st, modified(who, row->received, row->seen), row->seen);
}

void tree_file(
    struct stat *st, const struct owner *who, uint64_t ino, uint64_t size, int64_t changed)
{
	fill(st, who, ino, S_IFREG | FILE_MODE, size);
	set_times(st, changed, changed);
}
