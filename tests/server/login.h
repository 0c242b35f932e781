/* USER and PASS (RFC 1939, 7), AUTH (RFC 5034). */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "session.h"

void login_user(struct session *s, struct slice arguments, struct reply *r);
void login_pass(struct session *s, struct slice arguments, struct reply *r);
void login_auth(struct session *s, struct slice arguments, struct reply *r);

#endif
