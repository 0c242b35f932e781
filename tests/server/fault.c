#include "fault.h"

#include <stdio.h>
#include <stdlib.h>

#include "alloc.h"

void fault_memory_finish(struct fault_memory *memory)
{
	free(memory->matched);
	*memory = (struct fault_memory){0};
}

/* "3-7" takes numbers from 3 to 7, anything else its very word. */
static bool argument_matches(const char *wanted, struct slice got)
{
	struct slice rest = slice_of(wanted), first = slice_token(&rest, "-");
	uint64_t low, high, number;

	if (slice_is_word(got, wanted))
		return true;
	return rest.len > 0 && slice_number(first, UINT64_MAX, &low) &&
	       slice_number(slice_token(&rest, "-"), UINT64_MAX, &high) &&
	       slice_number(got, UINT64_MAX, &number) && number >= low && number <= high;
}

static const struct action *find(const struct rule *rule, enum action_kind kind)
{
	for (size_t i = 0; i < rule->action_count; i++)
		if (rule->actions[i].kind == kind)
			return &rule->actions[i];
	return NULL;
}

static bool about_sizes(const struct rule *rule)
{
	return find(rule, ACTION_LISTED) || find(rule, ACTION_LIST_ADD);
}

static bool matches(
    const struct rule *rule, unsigned connection, enum verb verb, struct slice argument)
{
	bool command = verb >= VERB_CAPA;

	if (rule->verb != verb && !(rule->verb == VERB_ANY && command))
		return false;
	if (connection < rule->connection_from || connection > rule->connection_to)
		return false;
	return rule->argument == NULL || about_sizes(rule) ||
	       argument_matches(rule->argument, argument);
}

/* Counts a match and says whether this is one of those that the rule is for. */
static bool counts(struct rule *rule, int64_t *here)
{
	++*here;
	++rule->matched;
	if (rule->nth && *here != rule->nth)
		return false;
	if (*here < rule->from)
		return false;
	if (rule->total && rule->matched != rule->total)
		return false;
	if (rule->times && rule->fired >= rule->times)
		return false;
	++rule->fired;
	return true;
}

void fault_fire(struct script *script, struct fault_memory *memory, unsigned connection,
    enum verb verb, struct slice argument, struct fired *fired)
{
	fired->count = 0;
	if (script->count == 0)
		return;
	if (memory->generation != script->generation) {
		fault_memory_finish(memory);
		memory->generation = script->generation;
		memory->matched = xzalloc(script->count * sizeof(*memory->matched));
	}
	for (size_t i = 0; i < script->count && fired->count < MOST_FIRED; i++) {
		struct rule *rule = &script->rules[i];

		if (matches(rule, connection, verb, argument) && counts(rule, &memory->matched[i]))
			fired->rules[fired->count++] = rule;
	}
}

const struct action *fired_find(const struct fired *fired, enum action_kind kind)
{
	const struct action *found = NULL;

	for (size_t i = 0; i < fired->count && found == NULL; i++)
		found = find(fired->rules[i], kind);
	return found;
}

uint64_t fired_listed(const struct fired *fired, size_t number, uint64_t octets)
{
	char text[24];
	struct slice name = slice_make(text, (size_t)snprintf(text, sizeof(text), "%zu", number));

	for (size_t i = 0; i < fired->count; i++) {
		const struct rule *rule = fired->rules[i];
		const struct action *listed = find(rule, ACTION_LISTED);
		const struct action *add = find(rule, ACTION_LIST_ADD);

		if (rule->argument && !argument_matches(rule->argument, name))
			continue;
		if (listed)
			octets = (uint64_t)listed->number;
		if (add)
			octets += (uint64_t)add->number;
	}
	return octets;
}
