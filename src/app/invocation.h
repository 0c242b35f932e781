/* How pop3fs was called to mount something: by its own name or by mount(8), with which options, for
 * which account and mountpoint. */
#ifndef POP3FS_INVOCATION_H
#define POP3FS_INVOCATION_H

#include <stdio.h>

#include "account.h"
#include "mounthelper.h"
#include "settings.h"

struct invocation {
	struct options options;
	struct settings settings;  /* of the configuration files */
	struct mounthelper helper; /* as mount(8) wants it */
	struct account account;
	char *mountpoint; /* absolute; NULL: none is needed */
};

/* Reads the command line and the configuration files, and looks at the mountpoint, in the mount
 * namespace that mount(8) names: it is entered. Nothing more than options is read where
 * invocation_tell will do. *i must be all zero; whether it fails or not, the caller finishes it.
 * E_USAGE, E_CONFIG, E_SYSTEM, and mountpoint_check's errors. */
enum error invocation_read(struct invocation *i, int argc, char **argv, struct failure *why);

/* -h, -V, --print_config: tells that, and nothing is to be mounted. false: nothing was asked. */
bool invocation_tell(const struct invocation *i, FILE *to);

void invocation_finish(struct invocation *i);

#endif
