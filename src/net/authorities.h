/* Where OpenSSL looks for the certificates of authorities when it verifies: in directories it looks
 * each time, by a hash, while files it has read before. */
#ifndef POP3FS_AUTHORITIES_H
#define POP3FS_AUTHORITIES_H

/* Calls place(with, path) for each such directory, of `ca` (tls.h; NULL: the system's), and for
 * each file elsewhere that a link in one leads to. */
void authorities_each(const char *ca, void (*place)(void *with, const char *path), void *with);

#endif
