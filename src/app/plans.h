/* What options and account mean to the floors below. The plans point into what they are made from.
 */
#ifndef POP3FS_PLANS_H
#define POP3FS_PLANS_H

#include "account.h"
#include "fs.h"
#include "options.h"
#include "room.h"
#include "sandbox.h"
#include "session.h"

/* The first secret, and who can be asked for another, are left to the caller, too. */
struct session_plan plan_session(const struct options *o, const struct account *a);

struct room_plan plan_room(const struct options *o);

/* `directory` is the cache's. */
struct sandbox_plan plan_sandbox(
    const struct options *o, const struct account *a, const char *directory);

/* What calls back, sandbox and started are left to the caller. */
struct fs_plan plan_fs(
    struct options *o, const struct account *a, const char *mountpoint, const char *database);

#endif
