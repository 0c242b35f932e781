/* A socket that is connected to a SOCKS5 proxy becomes one that is connected to the server behind
 * it, without ever waiting. For dial.c alone: what is said is in socks.h. */
#ifndef POP3FS_TUNNEL_H
#define POP3FS_TUNNEL_H

#include <poll.h>

#include "dial.h"
#include "proxy.h"

struct tunnel;

/* Owns fd (non-blocking) until it is handed over. Never NULL. */
struct tunnel *tunnel_create(int fd, const struct proxy *proxy, const char *host, const char *port);
void tunnel_free(struct tunnel *t); /* NULL is fine */

struct pollfd tunnel_poll(const struct tunnel *t);

/* As dial_step. DIAL_FAILED: what socks.h says, or E_CLOSED. */
enum dial_result tunnel_step(struct tunnel *t, int *fd, struct failure *why);

#endif
