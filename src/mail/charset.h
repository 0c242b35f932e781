/* The charsets of mail, by the names that mail gives them, as iconv(3) is asked for them. A list,
 * for the names come from anybody: what iconv would load for others, or make of a "/", is not tried
 * out. */
#ifndef POP3FS_CHARSET_H
#define POP3FS_CHARSET_H

#include <stddef.h>

#include "slice.h"

/* iconv's name for a charset that is not UTF-8 itself; NULL: it is, or it is unknown. Where mail
 * calls a charset by the name of a part of it, it is the whole one: windows-1252 for ISO-8859-1,
 * GB18030 for GB2312. */
const char *charset_find(struct slice name);

/* All rows, for tests: the index-th name, NULL behind the last. */
const char *charset_at(size_t index);

#endif
