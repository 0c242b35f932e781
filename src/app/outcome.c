#include "outcome.h"

#include <stdio.h>

#include "log.h"
#include "service.h"

int outcome_status(enum error code)
{
	switch (code) {
	case OK:
		return STATUS_DONE;
	case E_USAGE:
		return STATUS_USAGE;
	case E_CONFIG:
	case E_SYSTEM:
	case E_SECRET:
	case E_STORE:
	case E_FULL:
		return STATUS_SYSTEM;
	case E_LOGIN:
		return service_is() ? STATUS_REFUSED : STATUS_NOT_MOUNTED;
	default:
		return STATUS_NOT_MOUNTED;
	}
}

int outcome_say(const struct commit_result *r, const struct failure *why)
{
	if (r->deleted)
		log_deed("deleted %zu %s on the server", r->deleted,
		    r->deleted == 1 ? "message" : "messages");
	if (r->dropped)
		log_warning("gave up %zu %s, shown again", r->dropped,
		    r->dropped == 1 ? "deletion" : "deletions");
	if (r->waiting)
		log_warning("%zu %s in the journal: %s", r->waiting,
		    r->waiting == 1 ? "deletion waits" : "deletions wait",
		    why->code ? why->words : "the next mount goes on with them");
	else if (why->code)
		log_error("%s", why->words);
	return r->waiting ? STATUS_WAITING : STATUS_DONE;
}

int outcome_printed(int status, int lost)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	log_error("not all could be written to standard output");
	return status ? status : lost;
}
