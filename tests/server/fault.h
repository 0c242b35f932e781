/* Which rules of the script apply now. */
#ifndef SERVER_FAULT_H
#define SERVER_FAULT_H

#include "script.h"

#define MOST_FIRED 8 /* rules for one command; more are not looked at */

/* How often each rule matched on one connection. A zeroed one is new. */
struct fault_memory {
	unsigned generation;
	int64_t *matched;
};
void fault_memory_finish(struct fault_memory *memory);

/* The rules that apply to one command. */
struct fired {
	const struct rule *rules[MOST_FIRED];
	size_t count;
};

/* Counts a command (or event) and finds the rules that apply to it. `argument` is its first. */
void fault_fire(struct script *script, struct fault_memory *memory, unsigned connection,
    enum verb verb, struct slice argument, struct fired *fired);

/* The first action of that kind, or NULL. */
const struct action *fired_find(const struct fired *fired, enum action_kind kind);

/* What LIST says for message `number` (from 1): `octets`, or what `listed` and `list-add` make of
 * it. Their rule's argument names the message, not LIST's. */
uint64_t fired_listed(const struct fired *fired, size_t number, uint64_t octets);

#endif
