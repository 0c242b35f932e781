/* What systemd is told of a service of Type=notify: sd_notify(3), which is one datagram. Without
 * $NOTIFY_SOCKET nothing is said, and where nobody listens nothing is lost. */
#ifndef POP3FS_SERVICE_H
#define POP3FS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether systemd has started this process, as such a service. */
bool service_is(void);

/* The mount answers. */
void service_ready(void);

/* It is coming to its end, which may take so long. */
void service_stopping(int64_t ms);

#endif
