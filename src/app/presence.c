#include "presence.h"

#include <string.h>

void presence_begin(struct presence *p)
{
	*p = (struct presence){.found = false};
	mountinfo_open(&p->table);
}

void presence_end(struct presence *p)
{
	mountinfo_close(&p->table);
}

/* The last one at this place is on top of the others. */
void presence_of(struct presence *p, const char *mountpoint)
{
	struct mountinfo_row row;

	mountinfo_rewind(&p->table);
	while (mountinfo_next(&p->table, &row)) {
		if (!row.ours || strcmp(row.target, mountpoint) != 0)
			continue;
		p->major = row.major;
		p->minor = row.minor;
		p->found = true;
	}
}

int presence_fd(const struct presence *p)
{
	return p->table.file ? fileno(p->table.file) : -1;
}

bool presence_lasts(struct presence *p)
{
	struct mountinfo_row row;

	if (!p->found)
		return true;
	mountinfo_rewind(&p->table);
	while (mountinfo_next(&p->table, &row))
		if (row.major == p->major && row.minor == p->minor)
			return true;
	return false;
}
