#include "invocation.h"

#include <stdlib.h>

#include "arguments.h"
#include "commands.h"
#include "mountpoint.h"
#include "process.h"

/* Whose maildrop it is: SOURCE itself, or the configuration under that name. */
static enum error read_account(struct invocation *i, const char *source, struct failure *why)
{
	struct options *o = &i->options;
	struct failure reason;
	enum error e = settings_read(&i->settings, o, source, why);

	if (e)
		return e;
	e = account_parse(&i->account, i->settings.source, o->tls, &reason);
	if (!e)
		e = account_auth(&i->account, o, &reason);
	if (e && i->settings.where)
		return failed(why, E_CONFIG, "%s: %s", i->settings.where, reason.words);
	if (e)
		return failed(why, e, "%s", reason.words);
	account_name(&i->account, source);
	return options_check(o, why);
}

enum error invocation_read(struct invocation *i, int argc, char **argv, struct failure *why)
{
	struct arguments a;
	enum error e;

	options_init(&i->options);
	if (argc > 0 && mounthelper_is(argv[0]))
		e = mounthelper_parse(&i->helper, &a, &i->options, argc, argv, why);
	else
		e = arguments_parse(&a, &i->options, argc, argv, why);
	if (e || i->options.help || i->options.version)
		return e;
	if (i->options.print_config && a.count != 1)
		return failed(why, E_USAGE, "it is pop3fs --print_config [OPTIONS] SOURCE");
	if (!i->options.print_config && a.count != 2)
		return failed(why, E_USAGE,
		    "it is pop3fs [OPTIONS] SOURCE MOUNTPOINT: pop3fs --help lists all");
	e = read_account(i, a.words[0], why);
	if (!e && i->helper.namespace)
		e = process_enter_mounts(i->helper.namespace, why);
	if (!e && !i->options.print_config)
		e = mountpoint_check(&i->mountpoint, a.words[1], why);
	return e;
}

/* What to call the account in a configuration: as it is there, or else by its server. */
static const char *section_name(const struct invocation *i)
{
	if (i->settings.where)
		return i->account.source;
	return command_is(i->account.host) ? "account" : i->account.host;
}

bool invocation_tell(const struct invocation *i, FILE *to)
{
	const struct options *o = &i->options;

	if (o->help)
		options_help(to);
	else if (o->version)
		fprintf(to, "pop3fs %s\n", POP3FS_VERSION);
	else if (o->print_config)
		settings_print(&i->settings, o, section_name(i), to);
	return o->help || o->version || o->print_config;
}

void invocation_finish(struct invocation *i)
{
	account_finish(&i->account);
	options_finish(&i->options);
	settings_finish(&i->settings);
	free(i->mountpoint);
}
