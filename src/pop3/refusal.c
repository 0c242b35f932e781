#include "refusal.h"

static enum error meaning(enum reply_code code, enum error otherwise)
{
	if (code == CODE_IN_USE)
		return E_LOCKED;
	if (code == CODE_LOGIN_DELAY || code == CODE_SYS_TEMP)
		return E_LATER;
	return code == CODE_SYS_PERM ? E_REFUSED : otherwise;
}

void refusal_tell(
    const struct reply_status *status, enum error otherwise, const char *words, struct failure *why)
{
	enum error e = meaning(status->code, otherwise);

	if (e == E_LOCKED || e == E_LATER)
		words = error_words(e);
	failed(why, e, "%s%s%.*s", words, status->text.len ? ": " : "", SLICE_ARGS(status->text));
}
