/* pop3fs list [--json] */
#ifndef POP3FS_MOUNTS_H
#define POP3FS_MOUNTS_H

/* As in commands.h. */
int mounts_command(int argc, char **argv);

#endif
