/* Listeners, connections and signals under one epoll. */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include <openssl/ssl.h>

#include "session.h"

/* Opens the listeners, prints "listening plain|tls ADDRESS PORT" for each, and serves until
 * SIGTERM or SIGINT. `tls` may be NULL when nothing in the settings needs it. */
enum error loop_run(struct service *service, SSL_CTX *tls, struct failure *why);

#endif
