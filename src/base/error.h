/* What can go wrong, in one list: a code for callers, an errno for FUSE, words for people.
 * Low floors return a code and fill a struct failure; the loop of the thread logs it, once. */
#ifndef POP3FS_ERROR_H
#define POP3FS_ERROR_H

#include <stddef.h>

#define ERRORS(X)                                                                                  \
	X(E_TIMEOUT, ETIMEDOUT, "no progress in time")                                             \
	X(E_NOROUTE, EHOSTUNREACH, "the server cannot be reached")                                 \
	X(E_NONAME, EHOSTUNREACH, "the server's name was not found")                               \
	X(E_CONNECT, ECONNREFUSED, "the server refused the connection")                            \
	X(E_OFFLINE, ENETDOWN, "offline")                                                          \
	X(E_TLS, EPROTO, "no trustworthy TLS connection")                                          \
	X(E_LOGIN, EACCES, "the server refused the login")                                         \
	X(E_SECRET, EACCES, "the password could not be had")                                       \
	X(E_LOCKED, EBUSY, "another session holds the maildrop")                                   \
	X(E_LATER, EAGAIN, "the server asks to try again later")                                   \
	X(E_VANISHED, ESTALE, "the message is gone from the server")                               \
	X(E_CLOSED, EIO, "the server closed the connection")                                       \
	X(E_PROTOCOL, EIO, "the server broke the protocol")                                        \
	X(E_REFUSED, EIO, "the server refused the command")                                        \
	X(E_INTERRUPT, EINTR, "interrupted")                                                       \
	X(E_FULL, ENOSPC, "the disk is full")                                                      \
	X(E_QUOTA, EDQUOT, "max_delete is reached")                                                \
	X(E_FORBIDDEN, EPERM, "not permitted")                                                     \
	X(E_READONLY, EROFS, "mounted read-only")                                                  \
	X(E_ENDING, ENODEV, "pop3fs is ending")                                                    \
	X(E_STORE, EIO, "the cache database failed")                                               \
	X(E_SHRUNK, EAGAIN, "most of the maildrop is missing")                                     \
	X(E_HELD, EBUSY, "another pop3fs serves this account")                                     \
	X(E_USAGE, EINVAL, "wrong usage")                                                          \
	X(E_CONFIG, EINVAL, "wrong configuration")                                                 \
	X(E_SYSTEM, EIO, "the system refused")                                                     \
	X(E_MOUNT, EIO, "cannot mount")

enum error {
	OK = 0,
#define CODE(code, number, words) code,
	ERRORS(CODE)
#undef CODE
};

/* One failure: its code and one sentence for people, without a full stop or a newline.
 * The sentence may hold the server's own octets; whoever prints it escapes them. */
struct failure {
	enum error code;
	char words[480];
};

/* Fills *why (which may be NULL) and returns the code, so that a failure is one `return`. */
enum error failed(struct failure *why, enum error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The errno that FUSE callers see for a code; 0 for OK. */
int error_errno(enum error code);

/* The plain words for a code, never NULL. */
const char *error_words(enum error code);

/* The code's own name ("E_LOGIN"), for logs and tests. */
const char *error_name(enum error code);

#endif
