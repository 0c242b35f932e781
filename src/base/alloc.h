/* Memory. A small allocation that fails ends the process: the journal is in the database and the
 * mail on the server, so ending is safe, and going on half-built is not. */
#ifndef POP3FS_ALLOC_H
#define POP3FS_ALLOC_H

#include <stddef.h>

/* Like their namesakes without x, but never NULL. The caller frees with free(). */
void *xmalloc(size_t octets);
void *xzalloc(size_t octets);
void *xrealloc(void *old, size_t octets);
void *xreallocarray(void *old, size_t count, size_t octets);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
void *xmemdup(const void *from, size_t octets);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define xnew(type) ((type *)xzalloc(sizeof(type)))

/* Overwrites a secret in a way that the compiler may not leave out. */
void wipe(void *secret, size_t octets);

/* What a scope opens, the scope closes: CLEANUP(store_closep) struct store *s = ...;
 * take(&s) hands the pointer on and leaves NULL behind. */
#define CLEANUP(function) __attribute__((cleanup(function)))
#define take(pointer)                                                                              \
	(__extension__({                                                                           \
		__typeof__(*(pointer)) taken_ = *(pointer);                                        \
		*(pointer) = NULL;                                                                 \
		taken_;                                                                            \
	}))

/* For CLEANUP on malloc'd memory and on descriptors (closes when >= 0). */
void freep(void *pointer);
void closep(int *fd);

#endif
