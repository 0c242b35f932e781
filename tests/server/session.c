#include "login.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "octets.h"

#define BLANKS       " \t"
#define LISTING_LINE 24 /* octets of a line of LIST or UIDL, about */

void session_init(struct session *s, struct service *service, bool secure, bool can_stls)
{
	*s = (struct session){.service = service, .secure = secure, .can_stls = can_stls};
}

void session_leave(struct session *s)
{
	if (s->logged_in)
		s->service->open_sessions--;
	s->logged_in = false;
}

void session_finish(struct session *s)
{
	session_leave(s);
	snapshot_free(s->mail);
	free(s->fate);
	buf_finish(&s->user);
	sasl_finish(&s->sasl);
}

void session_greet(struct reply *r)
{
	out_text(r->out, "+OK ready\r\n");
}

void reply_end_lines(struct reply *r)
{
	out_text(r->out, ".\r\n");
	r->many_lines = true;
}

/* Before and after login. */

static void add_texts(const struct texts *lines, struct reply *r)
{
	for (size_t i = 0; i < lines->count; i++) {
		out_text(r->out, lines->at[i]);
		out_text(r->out, "\r\n");
	}
}

static void do_capa(struct session *s, struct slice arguments, struct reply *r)
{
	const struct settings *settings = s->service->settings;
	struct buf sasl = {0};

	if (settings->no_capa) {
		out_text(r->out, "-ERR unknown command\r\n");
		return;
	}
	out_text(r->out, "+OK\r\n");
	if (s->logged_in && settings->capa_auth.count) {
		add_texts(&settings->capa_auth, r);
	} else if (settings->capa.count) {
		add_texts(&settings->capa, r);
	} else {
		sasl_names(&sasl, settings, " ", "");
		out_printf(r->out,
		    "TOP\r\nUIDL\r\nUSER\r\nSASL%s\r\nRESP-CODES\r\nPIPELINING\r\n%s",
		    buf_text(&sasl), s->can_stls && !s->secure ? "STLS\r\n" : "");
		buf_finish(&sasl);
	}
	reply_end_lines(r);
}

static void do_stls(struct session *s, struct slice arguments, struct reply *r)
{
	if (!s->can_stls || s->secure) {
		out_text(r->out, "-ERR no TLS here\r\n");
		return;
	}
	out_text(r->out, "+OK begin\r\n");
	r->then = START_TLS;
}

static void do_noop(struct session *s, struct slice arguments, struct reply *r)
{
	out_text(r->out, "+OK\r\n");
}

static void do_quit(struct session *s, struct slice arguments, struct reply *r)
{
	const struct action *first = fired_find(r->fired, ACTION_DELETE_FIRST);
	int64_t left = first ? first->number : INT64_MAX;

	if (fired_find(r->fired, ACTION_NO_DELETE))
		left = 0;
	for (size_t i = 0; s->logged_in && i < snapshot_count(s->mail) && left > 0; i++) {
		if (s->fate[i] != DELETED)
			continue;
		snapshot_remove(s->mail, i);
		left--;
	}
	session_leave(s);
	out_text(r->out, "+OK bye\r\n");
	r->then = HANG_UP;
}

/* With the maildrop. */

static void count_mail(const struct session *s, size_t *count, uint64_t *octets)
{
	*count = 0;
	*octets = 0;
	for (size_t i = 0; i < snapshot_count(s->mail); i++) {
		if (s->fate[i] != STAYS)
			continue;
		++*count;
		*octets += snapshot_octets(s->mail, i);
	}
}

static void do_stat(struct session *s, struct slice arguments, struct reply *r)
{
	uint64_t octets;
	size_t count;

	count_mail(s, &count, &octets);
	out_printf(r->out, "+OK %zu %" PRIu64 "\r\n", count, octets);
}

/* Takes a message number off *rest. false: it names no message here, and that was said. */
static bool find_message(struct session *s, struct slice *rest, size_t *index, struct reply *r)
{
	uint64_t number;

	if (!slice_number(slice_token(rest, BLANKS), SIZE_MAX, &number) || number == 0 ||
	    number > snapshot_count(s->mail) || s->fate[number - 1] != STAYS) {
		out_text(r->out, "-ERR no such message\r\n");
		return false;
	}
	*index = (size_t)number - 1;
	if (fired_find(r->fired, ACTION_VANISH)) {
		s->fate[*index] = GONE;
		snapshot_remove(s->mail, *index);
		out_text(r->out, "-ERR the message is gone\r\n");
		return false;
	}
	return true;
}

/* Faster than printf: a million lines are listed at a time. */
static void add_number(struct buf *to, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buf_add(to, digits + at, sizeof(digits) - at);
}

static void add_listing_line(
    const struct session *s, size_t index, bool uidl, const struct fired *fired, struct buf *to)
{
	add_number(to, index + 1);
	buf_add(to, " ", 1);
	if (uidl)
		snapshot_uidl(s->mail, index, to);
	else if (fired->count > 0)
		add_number(to, fired_listed(fired, index + 1, snapshot_octets(s->mail, index)));
	else
		add_number(to, snapshot_octets(s->mail, index));
	buf_add(to, "\r\n", 2);
}

static void list(struct session *s, struct slice arguments, bool uidl, struct reply *r)
{
	struct buf lines = {0};
	size_t index, messages;
	uint64_t octets;

	if (arguments.len > 0) {
		if (!find_message(s, &arguments, &index, r))
			return;
		buf_add_text(&lines, "+OK ");
		add_listing_line(s, index, uidl, r->fired, &lines);
	} else {
		count_mail(s, &messages, &octets);
		buf_room(&lines, (messages + 2) * LISTING_LINE);
		buf_printf(&lines, "+OK %zu messages (%" PRIu64 " octets)\r\n", messages, octets);
		for (size_t i = 0; i < snapshot_count(s->mail); i++)
			if (s->fate[i] == STAYS)
				add_listing_line(s, i, uidl, r->fired, &lines);
		r->many_lines = true;
	}
	out_own(r->out, &lines);
	if (r->many_lines)
		reply_end_lines(r);
}

static void do_list(struct session *s, struct slice arguments, struct reply *r)
{
	list(s, arguments, false, r);
}

static void do_uidl(struct session *s, struct slice arguments, struct reply *r)
{
	list(s, arguments, true, r);
}

static void send_message(struct session *s, size_t index, uint64_t lines, struct reply *r)
{
	const struct action *other = fired_find(r->fired, ACTION_BODY);

	if (other) {
		struct buf wire = {0};
		uint64_t octets;

		octets_to_wire(buf_slice(&other->text), false, &wire, &octets);
		out_printf(r->out, "+OK %" PRIu64 " octets\r\n", octets);
		out_own(r->out, &wire);
	} else {
		out_printf(r->out, "+OK %" PRIu64 " octets\r\n", snapshot_octets(s->mail, index));
		snapshot_send(s->mail, index, lines, r->out);
	}
	reply_end_lines(r);
}

static void do_retr(struct session *s, struct slice arguments, struct reply *r)
{
	size_t index;

	if (find_message(s, &arguments, &index, r))
		send_message(s, index, UINT64_MAX, r);
}

static void do_top(struct session *s, struct slice arguments, struct reply *r)
{
	uint64_t lines;
	size_t index;

	if (!find_message(s, &arguments, &index, r))
		return;
	if (slice_number(slice_trim(arguments), UINT64_MAX - 1, &lines))
		send_message(s, index, lines, r);
	else
		out_text(r->out, "-ERR TOP wants a number of lines\r\n");
}

static void do_dele(struct session *s, struct slice arguments, struct reply *r)
{
	size_t index;

	if (!find_message(s, &arguments, &index, r))
		return;
	if (fired_find(r->fired, ACTION_DELETE_NOW)) {
		s->fate[index] = GONE;
		snapshot_remove(s->mail, index);
	} else if (!fired_find(r->fired, ACTION_NO_DELETE)) {
		s->fate[index] = DELETED;
	}
	out_text(r->out, "+OK deleted\r\n");
}

static void do_rset(struct session *s, struct slice arguments, struct reply *r)
{
	for (size_t i = 0; i < snapshot_count(s->mail); i++)
		if (s->fate[i] == DELETED)
			s->fate[i] = STAYS;
	out_text(r->out, "+OK\r\n");
}

enum when { BEFORE_LOGIN = 1, AFTER_LOGIN = 2, ALWAYS = 3 };

static const struct {
	enum when when;
	void (*run)(struct session *s, struct slice arguments, struct reply *r);
} commands[] = {
    [VERB_CAPA] = {ALWAYS, do_capa},
    [VERB_STLS] = {BEFORE_LOGIN, do_stls},
    [VERB_USER] = {BEFORE_LOGIN, login_user},
    [VERB_PASS] = {BEFORE_LOGIN, login_pass},
    [VERB_AUTH] = {BEFORE_LOGIN, login_auth},
    [VERB_STAT] = {AFTER_LOGIN, do_stat},
    [VERB_LIST] = {AFTER_LOGIN, do_list},
    [VERB_UIDL] = {AFTER_LOGIN, do_uidl},
    [VERB_TOP] = {AFTER_LOGIN, do_top},
    [VERB_RETR] = {AFTER_LOGIN, do_retr},
    [VERB_DELE] = {AFTER_LOGIN, do_dele},
    [VERB_NOOP] = {AFTER_LOGIN, do_noop},
    [VERB_RSET] = {AFTER_LOGIN, do_rset},
    [VERB_QUIT] = {ALWAYS, do_quit},
};

void session_command(struct session *s, enum verb verb, struct slice arguments, struct reply *r)
{
	size_t known = sizeof(commands) / sizeof(commands[0]);

	if (verb >= known || commands[verb].run == NULL)
		out_text(r->out, "-ERR unknown command\r\n");
	else if (commands[verb].when & (s->logged_in ? AFTER_LOGIN : BEFORE_LOGIN))
		commands[verb].run(s, arguments, r);
	else
		out_text(r->out, "-ERR not now\r\n");
}
