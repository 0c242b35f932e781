#include "lf.h"

#include <string.h>

#include "alloc.h"
#include "jobs.h"

/* A piece of a body with the octet before it and the one behind it. */
struct piece {
	char *octets;
	size_t first, end; /* of the piece itself, in octets */
	size_t len;
};

/* Octets of piece `index` as it is stored. */
static uint64_t stored_length(uint64_t size, uint32_t index)
{
	uint64_t rest = size - (uint64_t)index * CHUNK_OCTETS;

	return rest < CHUNK_OCTETS ? rest : CHUNK_OCTETS;
}

static bool read_piece(struct reader *r, int64_t id, uint64_t size, uint32_t index, struct piece *p)
{
	uint64_t at = (uint64_t)index * CHUNK_OCTETS;
	ssize_t got;

	p->first = index > 0;
	p->end = p->first + (size_t)stored_length(size, index);
	got = reader_body(r, id, at - p->first, p->octets, p->end + 1);
	p->len = got < 0 ? 0 : (size_t)got;
	return p->len >= p->end;
}

/* The piece's octets with LF from `skip` on. A CRLF is a LF where its CR was, be its own LF in the
 * next piece. Returns how many came. */
static size_t convert(const struct piece *p, uint64_t skip, char *to, size_t room)
{
	size_t done = 0;

	for (size_t i = p->first; i < p->end && done < room; i++) {
		char octet = p->octets[i];

		if (octet == '\n' && i > 0 && p->octets[i - 1] == '\r')
			continue;
		if (octet == '\r' && i + 1 < p->len && p->octets[i + 1] == '\n')
			octet = '\n';
		if (skip > 0)
			skip--;
		else
			to[done++] = octet;
	}
	return done;
}

static struct lf_place *begin_anew(
    struct lf_places *places, int64_t id, const struct reader_row *row)
{
	struct lf_place *place = &places->all[places->next++ % LF_PLACES];

	*place = (struct lf_place){.id = id};
	memcpy(place->sha256, row->sha256, sizeof(place->sha256));
	return place;
}

/* The last place in the body that is not behind the offset: the reader's own, if he goes on. */
static struct lf_place *find_place(
    struct lf_places *places, int64_t id, const struct reader_row *row, uint64_t offset)
{
	struct lf_place *best = NULL;

	for (size_t i = 0; i < LF_PLACES; i++) {
		struct lf_place *place = &places->all[i];

		if (place->id == id && place->at <= offset && (!best || place->at > best->at) &&
		    memcmp(place->sha256, row->sha256, sizeof(place->sha256)) == 0)
			best = place;
	}
	return best ? best : begin_anew(places, id, row);
}

/* Moves the place to the piece that has `offset`, which is within the body. */
static bool find_piece(
    struct reader *r, struct lf_place *place, int64_t id, uint64_t size, uint64_t offset)
{
	uint32_t lines;

	while ((uint64_t)place->index * CHUNK_OCTETS < size &&
	       reader_piece_lines(r, id, place->index, &lines)) {
		uint64_t length = stored_length(size, place->index);

		if (lines > length)
			return false;
		if (offset - place->at < length - lines)
			return true;
		place->at += length - lines;
		place->index++;
	}
	return false;
}

static ssize_t read_part(
    struct reader *r, struct lf_places *places, int64_t id, uint64_t offset, char *to, size_t len)
{
	CLEANUP(freep) char *octets = NULL;
	struct lf_place *place;
	struct reader_row row;
	size_t done = 0;

	if (!reader_message(r, id, &row) || !row.cached || row.lines > row.size)
		return -1;
	if (offset >= row.size - row.lines)
		return 0;
	if (len > row.size - row.lines - offset)
		len = (size_t)(row.size - row.lines - offset);
	place = find_place(places, id, &row, offset);
	octets = xmalloc(CHUNK_OCTETS + 2);
	while (done < len) {
		struct piece p = {.octets = octets};
		size_t some;

		if (!find_piece(r, place, id, row.size, offset + done) ||
		    !read_piece(r, id, row.size, place->index, &p))
			return -1;
		some = convert(&p, offset + done - place->at, to + done, len - done);
		if (some == 0)
			return -1; /* the lines were counted wrong */
		done += some;
	}
	return (ssize_t)done;
}

ssize_t lf_body(
    struct reader *r, struct lf_places *places, int64_t id, uint64_t offset, void *to, size_t len)
{
	ssize_t got;

	reader_begin(r);
	got = read_part(r, places, id, offset, to, len);
	reader_end(r);
	if (got < 0)
		*places = (struct lf_places){.next = 0};
	return got;
}
