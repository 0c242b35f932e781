/* The two strings that carry a bearer token, and the JSON that refuses one. RFC 7628, 3; XOAUTH2 is
 * Google's and has no RFC. */
#ifndef POP3FS_OAUTH_H
#define POP3FS_OAUTH_H

#include "buf.h"

struct oauth {
	struct slice user, token, host, port;
};

void oauth_add_bearer(struct buf *out, const struct oauth *o);  /* OAUTHBEARER */
void oauth_add_xoauth2(struct buf *out, const struct oauth *o); /* XOAUTH2 */

/* Whether a token can be one: printable ASCII without a blank (RFC 6750, 2.1). */
bool oauth_is_token(struct slice token);

/* Adds what a refusal says: "status invalid_token, scope mail", the strings and numbers of its JSON
 * object; what cannot be understood is added as it came. RFC 7628, 3.2.2. */
void oauth_add_refusal(struct buf *out, struct slice json);

#endif
