/* What was given, and where: on the command line, or in a configuration file. */
#include "alloc.h"
#include "option.h"

static bool has_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	}
	return false;
}

static bool contradict(const struct option *a, const struct option *b)
{
	return option_is_flag(a) && option_is_flag(b) && a->field == b->field;
}

/* Given twice, or together with the flag that says the contrary. */
static enum error only_once(const struct options *o, const struct option *row, struct failure *why)
{
	const struct option *other;

	if (option_given(o, row))
		return failed(why, E_USAGE, "%s is given twice", row->name);
	for (size_t i = 0; (other = option_at(i)); i++) {
		if (o->given[i] && contradict(other, row))
			return failed(why, E_USAGE, "%s and %s contradict each other", other->name,
			    row->name);
	}
	return OK;
}

/* Keeps what was written, but no secret: it would stand in memory that is not locked. */
static void remember(struct options *o, const struct option *row, const char *value)
{
	if (option_is_path(row))
		value = *(char **)((char *)o + row->field);
	if (value && !option_is_secret(row))
		o->origins[option_index(row)].text = xstrdup(value);
	o->given[option_index(row)] = true;
}

enum error option_set(
    struct options *o, const struct option *row, const char *value, struct failure *why)
{
	enum error e;

	if (row->value && (value ? !*value : !row->optional))
		return failed(
		    why, E_USAGE, "%s needs a value: %s=%s", row->name, row->name, row->value);
	if (!row->value && value)
		return failed(why, E_USAGE, "%s takes no value", row->name);
	if (value && has_control(value))
		return failed(why, E_USAGE, "%s has a control character in its value", row->name);
	e = only_once(o, row, why);
	if (!e)
		e = option_parse(o, row, value, why);
	if (!e)
		remember(o, row, value);
	return e;
}

enum error option_set_from(struct options *o, const struct option *row, const char *value,
    const char *where, struct failure *why)
{
	enum error e = option_set(o, row, value, why);

	if (!e)
		o->origins[option_index(row)].where = xstrdup(where);
	return e;
}

static bool excludes(const struct option *a, const struct option *b)
{
	return a == b || contradict(a, b) || (a->group && a->group == b->group);
}

struct options_settled options_settled(const struct options *o)
{
	struct options_settled s = {{false}};
	const struct option *row, *other;

	for (size_t i = 0; (row = option_at(i)); i++)
		for (size_t k = 0; (other = option_at(k)); k++)
			if (o->given[i] && excludes(row, other))
				s.rows[k] = true;
	return s;
}

bool option_is_settled(const struct options_settled *s, const struct option *row)
{
	return s->rows[option_index(row)];
}

bool option_given(const struct options *o, const struct option *row)
{
	return o->given[option_index(row)];
}

const struct option_origin *option_origin(const struct options *o, const struct option *row)
{
	return &o->origins[option_index(row)];
}
