#include "verdict.h"

#include <inttypes.h>
#include <string.h>

enum error verdict(const struct verb_commit *answer, struct failure *why)
{
	const struct verb_failure *f = &answer->failure;
	int len = (int)strnlen(f->words, sizeof(f->words));

	if (answer->waiting)
		return failed(why, E_REFUSED, "%" PRIu64 " %s in the journal: %.*s",
		    answer->waiting, answer->waiting == 1 ? "deletion waits" : "deletions wait",
		    len ? len : 100, len ? f->words : "the server did not do them");
	if (answer->dropped)
		return failed(why, E_REFUSED, "%" PRIu64 " %s given up, the %s shown again",
		    answer->dropped, answer->dropped == 1 ? "deletion was" : "deletions were",
		    answer->dropped == 1 ? "message is" : "messages are");
	if (f->number)
		return failed(why, E_REFUSED, "%.*s", len, f->words);
	return OK;
}
