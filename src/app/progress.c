#include "progress.h"

#include <inttypes.h>

#define BAR         16 /* columns */
#define MS          1000
#define LEAST_MS    500          /* before this a rate is a guess */
#define LONGEST_WAY (100 * 3600) /* seconds left, beyond which nothing is said */

static const struct unit {
	uint64_t octets;
	const char *word;
} units[] = {{1000000000, "GB"}, {1000000, "MB"}, {1000, "kB"}};

static const struct unit *unit_of(uint64_t octets)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (octets >= units[i].octets)
			return &units[i];
	return NULL;
}

static double in_units(uint64_t octets, const struct unit *u)
{
	return (double)octets / (double)u->octets;
}

void progress_octets(struct buf *line, uint64_t octets)
{
	const struct unit *u = unit_of(octets);

	if (u)
		buf_printf(line, "%.1f %s", in_units(octets, u), u->word);
	else
		buf_printf(line, "%" PRIu64 " octets", octets);
}

/* By octets, where it is known how many there are: messages are of all sizes. */
static unsigned bar_of(const struct progress *p)
{
	double part = p->all_octets ? (double)p->octets / (double)p->all_octets
				    : (double)p->messages / (double)p->all_messages;

	return part < 1 ? (unsigned)(part * BAR) : BAR;
}

static void add_bar(struct buf *line, const struct progress *p)
{
	unsigned full = p->all_messages ? bar_of(p) : BAR;

	buf_add_text(line, "[");
	for (unsigned i = 0; i < BAR; i++)
		buf_add_text(line, i < full ? "#" : " ");
	buf_add_text(line, "] ");
}

static void add_sums(struct buf *line, const struct progress *p)
{
	const struct unit *u = unit_of(p->all_octets);

	buf_printf(line, "%" PRIu64 " of %" PRIu64, p->messages, p->all_messages);
	if (u)
		buf_printf(line, ", %.1f of %.1f %s", in_units(p->octets, u),
		    in_units(p->all_octets, u), u->word);
}

static void add_speed(struct buf *line, const struct progress *p)
{
	uint64_t rate = (uint64_t)((double)p->octets * MS / (double)p->ms);
	uint64_t left;

	if (rate == 0)
		return;
	buf_add_text(line, ", ");
	progress_octets(line, rate);
	buf_add_text(line, "/s");
	left = (p->all_octets > p->octets ? p->all_octets - p->octets : 0) / rate;
	if (left < LONGEST_WAY)
		buf_printf(line, ", %" PRIu64 ":%02" PRIu64 " left", left / 60, left % 60);
}

void progress_line(struct buf *line, const struct progress *p)
{
	add_bar(line, p);
	add_sums(line, p);
	if (p->ms >= LEAST_MS)
		add_speed(line, p);
}
