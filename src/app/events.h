/* pop3fs events [--json] MOUNTPOINT: prints a line whenever something happens (happenings.h), until
 * the mount is gone. */
#ifndef POP3FS_EVENTS_H
#define POP3FS_EVENTS_H

/* argv[0] is "events". The exit status: 0 once it is unmounted, else 1. */
int events_command(int argc, char **argv);

#endif
