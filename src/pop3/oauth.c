#include "oauth.h"

#include <string.h>

#include "alloc.h"

#define BLANKS " \t\r\n"

/* A comma and an equals sign part the fields before: RFC 5801, 4. */
static void add_name(struct buf *out, struct slice user)
{
	for (size_t i = 0; i < user.len; i++) {
		if (user.at[i] == ',')
			buf_add_text(out, "=2C");
		else if (user.at[i] == '=')
			buf_add_text(out, "=3D");
		else
			buf_add(out, user.at + i, 1);
	}
}

void oauth_add_bearer(struct buf *out, const struct oauth *o)
{
	buf_add_text(out, "n,a=");
	add_name(out, o->user);
	buf_add_text(out, ",\1host=");
	buf_add_slice(out, o->host);
	buf_add_text(out, "\1port=");
	buf_add_slice(out, o->port);
	buf_add_text(out, "\1auth=Bearer ");
	buf_add_slice(out, o->token);
	buf_add_text(out, "\1\1");
}

void oauth_add_xoauth2(struct buf *out, const struct oauth *o)
{
	buf_add_text(out, "user=");
	buf_add_slice(out, o->user);
	buf_add_text(out, "\1auth=Bearer ");
	buf_add_slice(out, o->token);
	buf_add_text(out, "\1\1");
}

bool oauth_is_token(struct slice token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.at[i] <= ' ' || token.at[i] >= 0x7f)
			return false;
	}
	return token.len > 0;
}

/* ---- JSON, as little of it as refusals have: one flat object ---- */

static bool sees(struct slice *rest, char c)
{
	while (rest->len > 0 && memchr(BLANKS, rest->at[0], strlen(BLANKS)))
		*rest = slice_make(rest->at + 1, rest->len - 1);
	if (rest->len == 0 || rest->at[0] != c)
		return false;
	*rest = slice_make(rest->at + 1, rest->len - 1);
	return true;
}

/* The escapes are shown as the characters that they mostly stand for. */
static bool add_string(struct buf *out, struct slice *rest)
{
	if (!sees(rest, '"'))
		return false;
	while (rest->len > 0) {
		char c = rest->at[0];

		*rest = slice_make(rest->at + 1, rest->len - 1);
		if (c == '"')
			return true;
		if (c == '\\' && rest->len > 0 && rest->at[0] != 'u') {
			c = rest->at[0];
			*rest = slice_make(rest->at + 1, rest->len - 1);
		}
		buf_add(out, &c, 1);
	}
	return false;
}

/* A number, true, false, null. */
static bool add_word(struct buf *out, struct slice *rest)
{
	size_t len = 0;

	while (
	    len < rest->len && !memchr(",}{[]\"" BLANKS, rest->at[len], strlen(",}{[]\"" BLANKS)))
		len++;
	buf_add(out, rest->at, len);
	*rest = slice_make(rest->at + len, rest->len - len);
	return len > 0;
}

static bool add_object(struct buf *out, struct slice rest)
{
	if (!sees(&rest, '{'))
		return false;
	do {
		if (out->len > 0)
			buf_add_text(out, ", ");
		if (!add_string(out, &rest) || !sees(&rest, ':'))
			return false;
		buf_add_text(out, " ");
		if (!add_string(out, &rest) && !add_word(out, &rest))
			return false;
	} while (sees(&rest, ','));
	return sees(&rest, '}') && slice_trim(rest).len == 0;
}

void oauth_add_refusal(struct buf *out, struct slice json)
{
	CLEANUP(buf_finish) struct buf words = {0};

	if (add_object(&words, json))
		buf_add_slice(out, buf_slice(&words));
	else
		buf_add_slice(out, json);
}
