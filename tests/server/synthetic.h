/* Made-up messages that cost no memory: each follows from its number, the bodies from one shared
 * pattern. The same number and sizes always give the same octets. */
#ifndef SERVER_SYNTHETIC_H
#define SERVER_SYNTHETIC_H

#include "error.h"
#include "out.h"

struct synthetic {
	uint32_t count;
	uint64_t smallest, largest; /* octets of a message */
	char *pattern;
};

/* Reads COUNT:SIZE or COUNT:MIN-MAX. */
enum error synthetic_init(struct synthetic *s, const char *words, struct failure *why);
void synthetic_finish(struct synthetic *s);

/* Octets of message `number` (from 0), CRLFs and all. */
uint64_t synthetic_octets(const struct synthetic *s, uint32_t number);

/* Its name, which no other message has: 8 octets, "m0000042". */
#define SYNTHETIC_NAME 9
void synthetic_name(uint32_t number, char name[SYNTHETIC_NAME]);

/* Something that looks like a hash of its octets. */
uint64_t synthetic_hash(uint32_t number);

/* Queues the header and at most `lines` lines of the body (UINT64_MAX: all). No line begins with
 * a dot, the last one has its CRLF. The pattern is lent: *s must outlive the queue. */
void synthetic_send(const struct synthetic *s, uint32_t number, uint64_t lines, struct out *o);

#endif
