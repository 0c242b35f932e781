/* Where limit 2 stores: the project's own database, opened by its own store.c, written by a thread
 * beside the one that receives. What pop3fs does besides (hashes, headers, a journal, sweeping,
 * checks) is left out: this is the least that a chunk row and a message row cost. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "slice.h"

struct sink;

/* Makes the database anew and starts the thread. */
enum error sink_open(struct sink **out, const char *path, struct failure *why);

/* A message that was listed, stored by its row alone. `number` counts from 1. */
void sink_listed(struct sink *s, uint32_t number, struct slice uidl, uint64_t octets);

/* The message whose text comes now, in any pieces; sink_message_end stores its row. Waits while too
 * much is on its way to the thread. */
void sink_message(struct sink *s, uint32_t number, struct slice uidl, uint64_t octets);
void sink_text(struct sink *s, struct slice text);
void sink_message_end(struct sink *s);

/* Waits until all is on disk, as a mount's end does, and frees. The first failure there was. */
enum error sink_close(struct sink *s, struct failure *why);

#endif
