/* Drafts of listings in words, for the tests of what is made of them. */
#ifndef POP3FS_TEST_SPOKEN_H
#define POP3FS_TEST_SPOKEN_H

#include "draft.h"

#define SPOKEN_MOST 32 /* rows */

/* The draft that a server's "UIDL:SIZE:HEADER ..." makes, numbered from 1 on: UIDL "?" where there
 * is none, HEADER one letter that stands for a header, "-" where TOP fails. headers[i] is that of
 * number i + 1. */
struct draft *spoken_draft(const char *says, char headers[SPOKEN_MOST]);

/* What TOP brings: the letter is the header's text and the octets of its digest, and it was
 * received at 1000 + the letter. */
struct learnt *spoken_header(char header);

/* Brings the headers of all rows but the known ones, unless they were brought before. */
void spoken_bring(struct draft *d, const char headers[SPOKEN_MOST]);

#endif
