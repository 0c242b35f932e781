#include "secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"

/* Whole pages of its own, since mlock and madvise know nothing smaller. */
struct secret {
	size_t room; /* octets mapped, this struct included */
	size_t len;
	char octets[];
};

struct secret *secret_create(struct slice octets)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (sizeof(struct secret) + octets.len + page) / page * page;
	struct secret *s =
	    mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED) { /* as any small allocation that fails: alloc.h */
		log_last_words("out of memory");
		abort();
	}
	(void)mlock(s, room);
	(void)madvise(s, room, MADV_DONTDUMP);
	s->room = room;
	s->len = octets.len;
	if (octets.len)
		memcpy(s->octets, octets.at, octets.len);
	return s;
}

void secret_free(struct secret *s)
{
	size_t room;

	if (!s)
		return;
	room = s->room;
	wipe(s, room);
	munmap(s, room);
}

struct slice secret_octets(const struct secret *s)
{
	return s ? slice_make(s->octets, s->len) : slice_make("", 0);
}
