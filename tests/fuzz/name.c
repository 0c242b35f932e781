/* name.h: a UIDL's name is one for a file, and no other UIDL's. */
#include <limits.h>
#include <string.h>

#include "alloc.h"
#include "name.h"
#include "fuzz.h"

static void is_for_a_file(struct slice name)
{
	must(name.len > 0 && name.len <= NAME_LONGEST);
	must(name.at[0] != '.' && name.at[0] != '-');
	for (size_t i = 0; i < name.len; i++)
		must(name.at[i] > ' ' && name.at[i] < 0x7F && name.at[i] != '/' &&
		     name.at[i] != ':');
}

/* There and back: the UIDL, unless the name is a shortened one, which says so. */
static void round_trip(struct slice uidl, unsigned ordinal)
{
	CLEANUP(buf_finish) struct buf back = {0};
	char room[NAME_LONGEST + 1], again[NAME_LONGEST + 1];
	struct slice name = slice_make(room, name_encode(room, uidl, ordinal));
	unsigned number = 0;
	bool whole;

	must(room[name.len] == '\0');
	is_for_a_file(name);
	whole = name_decode(name, &back, &number);
	must(whole != name_is_short(name));
	must(whole ? slice_equal(buf_slice(&back), uidl) && number == ordinal : back.len == 0);
	must(name_encode(again, uidl, ordinal) == name.len);
	must(memcmp(again, room, name.len) == 0);
}

/* Whatever somebody looks up: it has no second name. */
static void looked_up(struct slice name)
{
	CLEANUP(buf_finish) struct buf uidl = {0};
	char room[NAME_LONGEST + 1];
	unsigned ordinal;

	if (!name_decode(name, &uidl, &ordinal)) {
		must(uidl.len == 0);
		return;
	}
	must(!name_is_short(name));
	must(ordinal >= 1);
	must(slice_equal(slice_make(room, name_encode(room, buf_slice(&uidl), ordinal)), name));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	static const unsigned ordinals[] = {1, 2, 10, UINT_MAX};
	struct slice text = fuzz_slice(octets, len);

	for (size_t i = 0; i < sizeof(ordinals) / sizeof(ordinals[0]); i++)
		round_trip(text, ordinals[i]);
	looked_up(text);
	must(!name_is_counter(text) || (text.len > 0 && text.at[0] >= '0' && text.at[0] <= '9'));
	return 0;
}
