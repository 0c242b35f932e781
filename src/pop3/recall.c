#include "recall.h"

void recall_init(struct recall *r, enum remembered_line line, int64_t given)
{
	*r = (struct recall){.line = line, .given = given, .left = given};
}

bool recall_begin(struct recall *r, struct capabilities *announced)
{
	r->in_use = remembered_take(announced, r->line, r->given);
	r->left = 0;
	return r->in_use;
}

void recall_drop(struct recall *r)
{
	r->in_use = false;
}

void recall_choose(struct recall *r, const struct capabilities *announced)
{
	r->before = remembered_before(announced);
}

/* Nothing, where the server announced something before, is the worst that there may be to know
 * (line_eats_what_was_read asks for EXPIRE). */
void recall_compare(struct recall *r, struct capabilities *announced, bool heard)
{
	if (heard && !r->in_use)
		r->left = remembered_make(r->line, r->before, remembered_behind(announced));
	else if (heard && remembered_agrees(r->given, announced))
		r->left = r->given;
	else if (!heard && r->in_use)
		announced->expire = true;
}
