/* Which bodies are in use, and which are just leaving the cache. The fs thread opens and closes
 * them, the store thread throws them out, and neither waits for the other: this is the one place,
 * besides the queues, where both look. Every function may be called by any thread.
 *
 * A body leaves only while nobody holds it. From then on until the fs thread has heard of it
 * (EVENT_EVICTED) it cannot be held: what that thread still believes of the body is old. */
#ifndef POP3FS_PINS_H
#define POP3FS_PINS_H

#include <stdbool.h>
#include <stdint.h>

struct pins;

struct pins *pins_create(void);
void pins_free(struct pins *p); /* NULL is fine */

/* In all of these `p` may be NULL: then nothing is ever held, and everything may leave. */

/* One more holder. false: it is leaving; ask again after pins_left. */
bool pins_hold(struct pins *p, int64_t id);

/* One holder less. true: that was the last, and the store was kept from throwing something out
 * since it was last told (pins_wanted): tell it that there is something to have. */
bool pins_let_go(struct pins *p, int64_t id);

/* The store wants the body to leave. false: somebody holds it. Each true is ended by one pins_left.
 */
bool pins_leave(struct pins *p, int64_t id);
void pins_left(struct pins *p, int64_t id);

bool pins_are_held(struct pins *p, int64_t id);

/* In the mode without open (fs/openless.h) nobody says what is in use: nothing leaves any more but
 * what is spared, one by one. pins_hold_all is false, and changes nothing, while something is just
 * leaving. pins_let_all_go takes it back. */
bool pins_hold_all(struct pins *p);
void pins_let_all_go(struct pins *p);
bool pins_hold_all_now(struct pins *p);

/* Nobody can use this body any more: it may leave. Beyond PINS_SPARED of them it stays. */
void pins_spare(struct pins *p, int64_t id);
/* It is used again. false: it is just leaving. */
bool pins_keep(struct pins *p, int64_t id);
#define PINS_SPARED 65536

/* Bodies in use stood in the way: pins_let_go shall say when one is let go. */
void pins_wanted(struct pins *p);

#endif
