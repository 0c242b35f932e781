#include "quirks.h"

#include <stdbool.h>
#include <stddef.h>

struct row {
	const char *greeting;       /* it begins with this, or ... */
	const char *implementation; /* IMPLEMENTATION begins with this, or ... */
	const char *word;           /* CAPA holds this word */
	unsigned quirks;
};

/* The source of each row stands above it. Case does not matter.
 *
 * Not here, since nothing would change: what comes in one packet with PASS is lost on Courier,
 * mailfront, qmail, solid-pop3d and perdition (nobody is sent anything there); popa3d, solid-pop3d
 * and qmail know no CAPA (so nothing is announced, and nothing sent but what RFC 1939 has);
 * E-MailRelay breaks off when many large RETRs are queued (it does not announce PIPELINING). */
static const struct row rows[] = {
    /* Its users' transcripts show greeting, EXPIRE 0 and the word; what was read and then followed
     * by QUIT is not listed again, unless the user name is "recent:...": support.google.com/mail,
     * "Read Gmail messages on other email clients using POP". */
    {"Gpop ready for requests", NULL, "X-GOOGLE-RICO", QUIRK_EATS_READ},

    /* github.com/zone-eu/wildduck, pull request 950 (January 2026) mends it; the versions before
     * announce PIPELINING, put a reply into the middle of the mail before it, and may hide their
     * number. */
    {"WDPop ready for requests", "WildDuck", NULL, QUIRK_NO_PIPELINING},

    /* The npm package n3 takes what one read brings for one command: its POP3Server.onData. */
    {NULL, "N3 node.js POP3 server", NULL, QUIRK_NO_PIPELINING},

    /* 3.15, tried (tests/mount/test_servers.py): the first RETR behind "TOP n 0" ends with the
     * header if "From " begins a line of the body; behind "TOP n 1" it is whole. */
    {NULL, "GNU Mailutils", NULL, QUIRK_TOP_NEEDS_A_LINE},
};

static bool is_its(const struct row *r, struct slice greeting, const struct capabilities *c)
{
	return (r->greeting && slice_starts_word(greeting, r->greeting)) ||
	       (r->implementation &&
		   slice_starts_word(slice_of(c->implementation), r->implementation)) ||
	       (r->word && capabilities_other(c, r->word));
}

unsigned quirks_of(struct slice greeting, const struct capabilities *c)
{
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is_its(&rows[i], greeting, c))
			found |= rows[i].quirks;
	return found;
}
