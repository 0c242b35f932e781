/* Packets over a SOCK_SEQPACKET socket, with a descriptor or without: unix(7), SCM_RIGHTS. */
#ifndef POP3FS_PASSING_H
#define POP3FS_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Two ends of such a socket, close-on-exec. false: errno. */
bool passing_pair(int ends[2]);

/* Sends the octets, which are not none, and a copy of fd (-1: none). Without `wait` it fails
 * (EAGAIN) where the other side has not read what came before. false: errno. */
bool passing_send(int to, const void *octets, size_t len, int fd, bool wait);

/* How many octets the next packet had; what is beyond `room` is dropped. *fd: the descriptor that
 * came with it, close-on-exec and the caller's; -1: none. 0: the other side has closed. -1: errno.
 */
ssize_t passing_receive(int from, void *octets, size_t room, int *fd, bool wait);

#endif
