/* The secret, where the one at hand will not do for the next login: a token, which is asked for at
 * each; or one that was refused, when a person asks to try again. The session polls for the answer
 * as it does for the network's, so that jobs are taken and a commit's time is kept meanwhile. */
#include <inttypes.h>

#include "alloc.h"
#include "clock.h"
#include "errand.h"

bool secrets_wanted(const struct session *s)
{
	if (!s->plan->asker.ask)
		return false;
	return s->secret_again || secret_octets(s->plan->password).len == 0;
}

void secrets_ask(struct session *s)
{
	s->plan->asker.ask(s->plan->asker.with);
	s->line = LINE_ASKING;
	s->asking_until = clock_in(s->plan->timeout_ms);
}

void secrets_use(struct session *s, struct secret *secret)
{
	secret_free(s->own_secret);
	s->own_secret = secret;
	s->own_plan.password = secret;
	s->secret_again = false;
}

void secrets_finish(struct session *s)
{
	secret_free(take(&s->own_secret));
}

void secrets_look(struct session *s)
{
	struct secret *secret = NULL;
	struct failure why;

	if (s->line != LINE_ASKING)
		return;
	if (s->plan->asker.answer(s->plan->asker.with, &secret, &why)) {
		if (why.code) {
			line_over(s, &why);
		} else {
			secrets_use(s, secret);
			line_connect(s);
		}
	} else if (clock_ms() >= s->asking_until) {
		failed(&why, E_SECRET, "the %s has not been had within %" PRId64 " s",
		    s->plan->is_token ? "token" : "password", s->plan->timeout_ms / 1000);
		line_over(s, &why);
	}
}

size_t secrets_poll(const struct session *s, struct pollfd *fd, int64_t *wake)
{
	if (s->line != LINE_ASKING)
		return 0;
	*fd = (struct pollfd){.fd = s->plan->asker.fd, .events = POLLIN};
	*wake = clock_sooner(*wake, s->asking_until);
	return 1;
}

void secrets_line_closed(struct session *s)
{
	if (!s->plan->is_token)
		return;
	secret_free(take(&s->own_secret));
	s->own_plan.password = NULL;
}

void secrets_refused(struct session *s)
{
	s->secret_refused = true;
}

void secrets_person_asks(struct session *s)
{
	s->secret_again = s->secret_again || s->secret_refused;
}

void secrets_accepted(struct session *s)
{
	s->secret_refused = false;
}
