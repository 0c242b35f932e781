/* What the lines of a POP3 server say. Each function takes one line without its line end and says
 * what it saw; nothing is kept. RFC 1939 (LIST, UIDL, STAT), 2449 (CAPA, codes), 3206, 6856. */
#ifndef POP3FS_REPLY_H
#define POP3FS_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

enum reply_sign {
	REPLY_OK,       /* "+OK" */
	REPLY_ERR,      /* "-ERR" */
	REPLY_CONTINUE, /* "+ ", only within AUTH (RFC 5034, 4) */
	REPLY_NEITHER,  /* the line is out of step */
};

/* Response codes: RFC 2449, 8; RFC 3206; RFC 6856, 6. */
enum reply_code {
	CODE_NONE,
	CODE_IN_USE,
	CODE_LOGIN_DELAY,
	CODE_SYS_TEMP,
	CODE_SYS_PERM,
	CODE_AUTH,
	CODE_UTF8,
	CODE_OTHER, /* a code, but one we do not know */
};

struct reply_status {
	enum reply_sign sign;
	enum reply_code code;
	struct slice text; /* behind sign and code, trimmed; the server's own octets */
};

/* Case does not matter; "+OK" and "-ERR" must be followed by white space or the end of the line. */
struct reply_status reply_status(struct slice line);

/* What CAPA announces. All zero: nothing. RFC 2449, 6; 2595, 4; 5034, 3; 6856, 2. */
struct capabilities {
	bool known; /* CAPA was answered "+OK" */
	bool top, uidl, user, stls, resp_codes, auth_resp_code, pipelining, utf8, utf8_user, apop;
	bool expire;              /* EXPIRE was announced ... */
	int64_t expire_days;      /* ... with these days; -1 is NEVER */
	bool login_delay;         /* LOGIN-DELAY was announced ... */
	int64_t login_delay_s;    /* ... with these seconds */
	char implementation[128]; /* IMPLEMENTATION's text, escaped (log.h); "" if none */
	char sasl[512]; /* the mechanisms in capitals, a space before and behind each; "" if none */
	char others[256]; /* words that no field stands for, written like sasl's */
};

/* Adds what one line of CAPA's answer says. A line that makes no sense is passed over; the larger
 * of two numbers counts for LOGIN-DELAY, the smaller for EXPIRE. */
void capabilities_line(struct capabilities *c, struct slice line);

/* Whether a SASL mechanism (in capitals) was announced. */
bool capabilities_sasl(const struct capabilities *c, const char *mechanism);

/* Whether a word (in capitals) was announced that no field stands for: X-GOOGLE-RICO. */
bool capabilities_other(const struct capabilities *c, const char *word);

#define REPLY_HIGHEST_NUMBER UINT32_MAX          /* of a message; more is no message number */
#define REPLY_LARGEST_SIZE   (UINT64_C(1) << 48) /* octets; more is no size */

/* One line of LIST: "number octets", more tokens ignored, any run of blanks between, one repeated
 * "+OK" before it passed over. false: a bad line; nothing is set. Number 0 is bad. */
bool reply_list(struct slice line, uint32_t *number, uint64_t *octets);

/* One line of UIDL: "number uidl". The UIDL is the rest after one run of blanks, trimmed at its
 * end; it may be empty (the line then is the number alone) and may hold any octet. */
bool reply_uidl(struct slice line, uint32_t *number, struct slice *uidl);

/* The text of STAT's "+OK": "count octets". The octets are no use to anybody: some servers let them
 * wrap, others count what they do not list. */
bool reply_stat(struct slice text, uint64_t *count);

#endif
