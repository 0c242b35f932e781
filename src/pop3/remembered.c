#include "remembered.h"

#include <stdio.h>

#include "mechanism.h"

/* Below are the ways in, a MECHANISM_BIT each. */
#define UTF8       (INT64_C(1) << 32)
#define PIPELINING (INT64_C(1) << 33)
#define TOP        (INT64_C(1) << 34)
#define UIDL       (INT64_C(1) << 35)
#define LINE_SHIFT 40

#define WAYS_IN   (UTF8 - 1)
#define ABILITIES (PIPELINING | TOP | UIDL)

_Static_assert(MECHANISMS <= 32, "they have 32 bits");

static int64_t sasl_mechanisms(const struct capabilities *c)
{
	int64_t bits = 0;

	for (enum mechanism m = MECHANISM_APOP + 1; m < MECHANISMS; m++)
		bits |= capabilities_sasl(c, mechanism_name(m)) ? MECHANISM_BIT(m) : 0;
	return bits;
}

int64_t remembered_before(const struct capabilities *c)
{
	int64_t user =
	    mechanism_is_announced(c, MECHANISM_USER) ? MECHANISM_BIT(MECHANISM_USER) : 0;

	return sasl_mechanisms(c) | user | (c->utf8 ? UTF8 : 0);
}

int64_t remembered_behind(const struct capabilities *c)
{
	return sasl_mechanisms(c) | (c->pipelining ? PIPELINING : 0) | (c->top ? TOP : 0) |
	       (c->uidl ? UIDL : 0);
}

/* A server that offers more behind the login than before it would seem to have changed each time.
 */
int64_t remembered_make(enum remembered_line line, int64_t before, int64_t behind)
{
	if ((before & WAYS_IN) == 0 || behind & WAYS_IN & ~before)
		return 0;
	return (int64_t)line << LINE_SHIFT | (before & (WAYS_IN | UTF8)) | (behind & ABILITIES);
}

static void add_sasl(struct capabilities *c, const char *mechanism)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "SASL %s", mechanism);

	capabilities_line(c, slice_make(line, (size_t)len));
}

bool remembered_take(struct capabilities *out, enum remembered_line line, int64_t number)
{
	struct capabilities c = {.known = true};

	if (number >> LINE_SHIFT != (int64_t)line || (number & WAYS_IN) == 0)
		return false;
	c.user = number & MECHANISM_BIT(MECHANISM_USER);
	c.utf8 = number & UTF8;
	c.pipelining = number & PIPELINING;
	c.top = number & TOP;
	c.uidl = number & UIDL;
	for (enum mechanism m = MECHANISM_APOP + 1; m < MECHANISMS; m++)
		if (number & MECHANISM_BIT(m))
			add_sasl(&c, mechanism_name(m));
	*out = c;
	return true;
}

bool remembered_agrees(int64_t number, const struct capabilities *behind)
{
	int64_t now = remembered_behind(behind);

	return (now & ABILITIES) == (number & ABILITIES) && (now & WAYS_IN & ~number) == 0;
}
