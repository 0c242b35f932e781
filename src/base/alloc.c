#include "alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static void *must(void *memory)
{
	if (memory)
		return memory;
	log_last_words("out of memory");
	abort();
}

void *xmalloc(size_t octets)
{
	return must(malloc(octets ? octets : 1));
}

void *xzalloc(size_t octets)
{
	return must(calloc(1, octets ? octets : 1));
}

void *xrealloc(void *old, size_t octets)
{
	return must(realloc(old, octets ? octets : 1));
}

void *xreallocarray(void *old, size_t count, size_t octets)
{
	return must(reallocarray(old, count ? count : 1, octets));
}

char *xstrdup(const char *text)
{
	return must(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
	return must(strndup(text, len));
}

void *xmemdup(const void *from, size_t octets)
{
	void *copy = xmalloc(octets);

	if (octets)
		memcpy(copy, from, octets);
	return copy;
}

char *xasprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return must(text);
}

void wipe(void *secret, size_t octets)
{
	if (octets)
		explicit_bzero(secret, octets);
}

void freep(void *pointer)
{
	free(*(void **)pointer);
}

void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
