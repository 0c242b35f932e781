/* Asks the person at the terminal, without showing what is typed. termios(3). */
#ifndef POP3FS_TERMINAL_H
#define POP3FS_TERMINAL_H

#include "buf.h"
#include "error.h"

/* Writes the prompt (escaped) to /dev/tty and adds the line that is typed to *line, which the
 * caller wipes. Waits for it; a signal that ends programs gives the terminal back its echo, and
 * then ends this one. E_SECRET: there is no terminal, or its end was typed. */
enum error terminal_ask(struct buf *line, const char *prompt, struct failure *why);

#endif
