#include "names.h"

#include <assert.h>
#include <string.h>

static struct slice tail_of(enum view view, const char *suffix)
{
	return slice_of(view == VIEW_MAILDIR ? NAMES_MAILDIR : suffix);
}

struct slice names_shown(char to[NAMES_ROOM], enum view view, const char *suffix, struct slice name)
{
	struct slice tail = tail_of(view, suffix);

	assert(name.len + tail.len < NAMES_ROOM);
	memcpy(to, name.at, name.len);
	if (tail.len > 0)
		memcpy(to + name.len, tail.at, tail.len);
	to[name.len + tail.len] = '\0';
	return slice_make(to, name.len + tail.len);
}

bool names_bare(struct slice *shown, enum view view, const char *suffix)
{
	struct slice tail = tail_of(view, suffix);
	size_t bare;

	if (shown->len <= tail.len)
		return false;
	bare = shown->len - tail.len;
	if (!slice_equal(slice_make(shown->at + bare, tail.len), tail))
		return false;
	shown->len = bare;
	return true;
}
