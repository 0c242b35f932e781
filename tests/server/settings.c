#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "slice.h"

#define DEFAULT_CERT_DAYS 3650

enum kind { FLAG, TEXT, NUMBER, SEVERAL };

struct row {
	const char *name;
	enum kind kind;
	size_t field;
	const char *operand, *help;
};

#define FIELD(name) offsetof(struct settings, name)

static const struct row rows[] = {
    {"dir", TEXT, FIELD(dir), "DIR", "serve DIR's files, in order of name"},
    {"synthetic", TEXT, FIELD(synthetic), "COUNT:SIZE",
	"serve COUNT made-up messages of SIZE (or MIN-MAX) octets"},
    {"raw", FLAG, FIELD(raw), NULL, "send the files' octets as they stand (but dot-stuffed)"},
    {"keep", FLAG, FIELD(keep), NULL, "answer DELE and QUIT, but remove nothing"},
    {"uidl", TEXT, FIELD(uidl), "FORMAT",
	"%f file name without extension, %n number, %x hash of the octets, %% percent"},
    {"uidl-file", TEXT, FIELD(uidl_file), "FILE",
	"a UIDL a line, octets as \\xNN; read again at each login"},
    {"listen", SEVERAL, FIELD(listen), "ADDRESS:PORT", "plain listener; port 0 is any"},
    {"tls-listen", SEVERAL, FIELD(tls_listen), "ADDRESS:PORT", "listener with implicit TLS"},
    {"stls", FLAG, FIELD(stls), NULL, "offer STLS on the plain listeners"},
    {"cert", TEXT, FIELD(cert), "FILE", "certificate chain, PEM; absent: one is made"},
    {"key", TEXT, FIELD(key), "FILE", "its private key, PEM"},
    {"write-ca", TEXT, FIELD(write_ca), "FILE", "where the made certificate's issuer goes"},
    {"cert-name", SEVERAL, FIELD(cert_names), "NAME",
	"name or address in the made certificate (localhost, 127.0.0.1, ::1)"},
    {"cert-days", NUMBER, FIELD(cert_days), "DAYS",
	"days the made certificate is good for; negative: expired"},
    {"client-ca", TEXT, FIELD(client_ca), "FILE", "ask clients for a certificate of this CA"},
    {"client-must", FLAG, FIELD(client_must), NULL, "refuse clients without one"},
    {"tls-min", TEXT, FIELD(tls_min), "1.1|1.2|1.3", "oldest TLS version"},
    {"tls-max", TEXT, FIELD(tls_max), "1.1|1.2|1.3", "newest TLS version"},
    {"user", TEXT, FIELD(user), "NAME", "the only user (any)"},
    {"password", TEXT, FIELD(password), "SECRET", "the password (secret)"},
    {"sasl", TEXT, FIELD(sasl), "NAMES", "mechanisms of AUTH, separated by commas (PLAIN)"},
    {"one-session", FLAG, FIELD(one_session), NULL, "refuse a second login with [IN-USE]"},
    {"capa", SEVERAL, FIELD(capa), "LINE", "a line of CAPA; replaces the default list"},
    {"capa-auth", SEVERAL, FIELD(capa_auth), "LINE", "a line of CAPA after login, if different"},
    {"no-capa", FLAG, FIELD(no_capa), NULL, "CAPA is an unknown command"},
    {"log", TEXT, FIELD(log), "FILE", "append one line per event (secrets as they came)"},
    {"script", TEXT, FIELD(script), "FILE", "fault rules, one a line; SIGHUP reads it again"},
    {"fault", SEVERAL, FIELD(faults), "RULE", "one fault rule"},
    {"dribble", FLAG, FIELD(dribble), NULL, "send every octet in a write of its own"},
    {"chunk", NUMBER, FIELD(chunk), "OCTETS", "send in writes of that many octets"},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void print_help(void)
{
	puts("usage: pop3-server (--dir DIR | --synthetic COUNT:SIZE) [option...]\n\n"
	     "A scripted POP3 server for tests: see tests/server/README.md.\n");
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
		    rows[i].operand ? rows[i].operand : "");
		printf("  %-27s %s\n", left, rows[i].help);
	}
	puts("\nSIGHUP reads the script again, SIGUSR1 closes all connections, SIGUSR2 closes or\n"
	     "reopens the listeners, SIGTERM ends the server.");
	exit(EXIT_SUCCESS);
}

static bool complain(const char *words, const char *about)
{
	fprintf(stderr, "pop3-server: %s%s\n", words, about);
	return false;
}

static void add(struct texts *t, const char *text)
{
	t->at = xreallocarray(t->at, t->count + 1, sizeof(*t->at));
	t->at[t->count++] = text;
}

static bool assign(struct settings *s, const struct row *row, const char *text)
{
	void *field = (char *)s + row->field;
	char *end;

	switch (row->kind) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case TEXT:
		*(const char **)field = text;
		return true;
	case NUMBER:
		*(int64_t *)field = strtoll(text, &end, 10);
		return (*text && !*end) || complain("not a number: ", text);
	case SEVERAL:
		add(field, text);
		return true;
	}
	return false;
}

static const struct row *find_row(struct slice name)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (slice_is(name, rows[i].name))
			return &rows[i];
	return NULL;
}

/* One option, as --name VALUE or --name=VALUE. *at moves past what was used. */
static bool read_option(struct settings *s, char **argv, int argc, int *at)
{
	const char *word = argv[(*at)++], *equals = strchr(word, '='), *text = NULL;
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct row *row = len > 2 ? find_row(slice_make(word + 2, len - 2)) : NULL;

	if (strncmp(word, "--", 2) != 0 || row == NULL)
		return complain("unknown option ", word);
	if (row->kind == FLAG)
		return equals ? complain("takes no value: ", word) : assign(s, row, "");
	if (equals)
		text = equals + 1;
	else if (*at < argc)
		text = argv[(*at)++];
	return text ? assign(s, row, text) : complain("wants a value: ", word);
}

bool settings_read(struct settings *s, int argc, char **argv)
{
	*s = (struct settings){.uidl = "%f", .password = "secret", .cert_days = DEFAULT_CERT_DAYS};
	for (int at = 1; at < argc;) {
		if (strcmp(argv[at], "--help") == 0)
			print_help();
		if (!read_option(s, argv, argc, &at))
			return false;
	}
	if ((s->dir == NULL) == (s->synthetic == NULL))
		return complain("give one of --dir and --synthetic", "");
	if ((s->cert == NULL) != (s->key == NULL))
		return complain("--cert and --key go together", "");
	if (s->chunk < 0)
		return complain("--chunk wants a positive number", "");
	if (s->listen.count + s->tls_listen.count == 0)
		add(&s->listen, "127.0.0.1:0");
	if (s->cert_names.count == 0) {
		add(&s->cert_names, "localhost");
		add(&s->cert_names, "127.0.0.1");
		add(&s->cert_names, "::1");
	}
	return true;
}

void settings_finish(struct settings *s)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (rows[i].kind == SEVERAL)
			free(((struct texts *)((char *)s + rows[i].field))->at);
}
