/* pop3-server: a POP3 server for tests, benchmarks and demonstrations, which also does wrong what
 * servers do wrong, by a script. The story: read the command line, open the maildrop, read the
 * script, serve until SIGTERM.
 *
 *     settings.c   the command line, one table
 *     loop.c       listeners, connections and signals under one epoll
 *     conn.c       one connection's octets, in and out, with or without TLS
 *     out.c        what is queued to be sent, and marks at which something happens
 *     answer.c     a command's way to its reply, changed by the rules that apply
 *     session.c    what commands do: greeting to QUIT
 *     login.c      USER, PASS and AUTH; sasl.c: the mechanisms, gnu.c: those of GNU SASL
 *     maildrop.c   a directory's messages, or synthetic.c's; snapshots of it
 *     octets.c     files read, escapes undone, lines ended and dots doubled
 *     script.c     the fault script, read; fault.c: which rules apply; verb.c: to what
 *     tls.c        TLS settings; cert.c: a CA and a certificate made on the spot
 *     record.c     the diary that tests read
 */
#include <stdlib.h>

#include "log.h"
#include "loop.h"
#include "record.h"
#include "tls.h"

static enum error serve(const struct settings *settings, struct failure *why)
{
	struct service service = {.settings = settings};
	SSL_CTX *tls = NULL;
	enum error error = maildrop_open(&service.drop, settings, why);

	if (error)
		return error;
	if (settings->log)
		error = record_open(settings->log, why);
	if (!error && (service.script = script_load(settings, why)) == NULL)
		error = why->code;
	if (!error && (settings->stls || settings->tls_listen.count > 0))
		error = tls_create(&tls, settings, why);
	if (!error)
		error = loop_run(&service, tls, why);
	SSL_CTX_free(tls);
	if (service.script)
		script_free(service.script);
	maildrop_close(service.drop);
	return error;
}

int main(int argc, char **argv)
{
	struct settings settings;
	struct failure why = {0};
	int status = EXIT_SUCCESS;

	if (!settings_read(&settings, argc, argv))
		return EXIT_FAILURE;
	if (serve(&settings, &why)) {
		log_error("%s", why.words);
		status = EXIT_FAILURE;
	}
	settings_finish(&settings);
	return status;
}
