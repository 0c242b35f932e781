/* What the command line asked for. Texts point into argv and live as long as the program. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An option that may be given several times. */
struct texts {
	const char **at;
	size_t count;
};

struct settings {
	const char *dir, *synthetic;
	bool raw, keep;
	const char *uidl, *uidl_file;

	struct texts listen, tls_listen;
	bool stls;
	const char *cert, *key, *write_ca, *client_ca, *tls_min, *tls_max;
	struct texts cert_names;
	int64_t cert_days;
	bool client_must;

	const char *user, *password, *sasl;
	bool one_session, no_capa;
	struct texts capa, capa_auth;

	const char *log, *script;
	struct texts faults;
	bool dribble;
	int64_t chunk;
};

/* Reads the command line into *s, defaults included. Says what is wrong on stderr and returns
 * false; --help prints the table and ends the program. */
bool settings_read(struct settings *s, int argc, char **argv);
void settings_finish(struct settings *s);

#endif
