#include "sendable.h"

#include <string.h>

/* User and password together, so that PLAIN's base64 stays below CLIENT_LONGEST_STEP. */
#define LONGEST_CREDENTIALS 8192

bool sendable_is_token(const struct login_plan *plan)
{
	return plan->is_token || mechanism_takes_token(plan->auth);
}

static enum error check_secret(const struct login_plan *plan, struct failure *why)
{
	struct slice secret = secret_octets(plan->secret);
	const char *what = sendable_is_token(plan) ? "token" : "password";

	if (plan->auth == MECHANISM_EXTERNAL)
		return OK;
	if (secret.len == 0)
		return failed(why, E_CONFIG, "the %s is empty", what);
	if (slice_has_control(secret))
		return failed(
		    why, E_CONFIG, "the %s holds a control character (a line end, perhaps)", what);
	if (strlen(plan->user) + secret.len > LONGEST_CREDENTIALS)
		return failed(why, E_CONFIG, "user name and %s have more than %d octets", what,
		    LONGEST_CREDENTIALS);
	return OK;
}

enum error sendable_check(const struct login_plan *plan, struct failure *why)
{
	struct slice user = slice_of(plan->user);

	if (user.len == 0)
		return failed(why, E_CONFIG, "no user name to log in with");
	if (slice_has_control(user))
		return failed(why, E_CONFIG, "the user name holds a control character");
	return check_secret(plan, why);
}
