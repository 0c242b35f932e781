/* pop3fs verify [-r] MOUNTPOINT [NAME...]: is what the cache holds still what came, and is it what
 * the server has? */
#ifndef POP3FS_VERIFY_H
#define POP3FS_VERIFY_H

/* argv[0] is "verify". The exit status: 0 if all is well (in the end), else 1. */
int verify_command(int argc, char **argv);

#endif
