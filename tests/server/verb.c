#include "verb.h"

static const struct {
	const char *word;
	enum verb verb;
	bool command;
} verbs[] = {
#define EVENT(name)   {#name, VERB_##name, false},
#define COMMAND(name) {#name, VERB_##name, true},
    EVENTS(EVENT) COMMANDS(COMMAND){"RESPONSE", VERB_RESPONSE, false},
    {"UNKNOWN", VERB_UNKNOWN, false},
    {"ANY", VERB_ANY, false},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

enum verb verb_of_command(struct slice word)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (verbs[i].command && slice_is_word(word, verbs[i].word))
			return verbs[i].verb;
	return VERB_UNKNOWN;
}

bool verb_of_rule(struct slice word, enum verb *out)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (!slice_is_word(word, verbs[i].word))
			continue;
		*out = verbs[i].verb;
		return true;
	}
	return false;
}
