/* The mail: a directory's files, or synthetic messages. Each login takes a snapshot (RFC 1939, 4),
 * for which the directory is read again; octets are kept in memory while a snapshot or the
 * directory has them. */
#ifndef SERVER_MAILDROP_H
#define SERVER_MAILDROP_H

#include "error.h"
#include "out.h"
#include "settings.h"

struct maildrop;
struct snapshot;

enum error maildrop_open(
    struct maildrop **out, const struct settings *settings, struct failure *why);
void maildrop_close(struct maildrop *drop);

/* What is in the maildrop now. To be freed before the maildrop, and not before what it queued
 * has been sent: octets are lent. */
enum error maildrop_snapshot(struct maildrop *drop, struct snapshot **out, struct failure *why);
void snapshot_free(struct snapshot *s);

/* Messages are numbered from 0 here. */
size_t snapshot_count(const struct snapshot *s);
uint64_t snapshot_octets(const struct snapshot *s, size_t index); /* as LIST says */
void snapshot_uidl(const struct snapshot *s, size_t index, struct buf *to);

/* Queues the header and at most `lines` lines of the body (UINT64_MAX: all), dot-stuffed, the
 * last CRLF there, without the final dot. */
void snapshot_send(const struct snapshot *s, size_t index, uint64_t lines, struct out *o);

/* Takes a message out of the maildrop, for good (unless --keep). */
void snapshot_remove(struct snapshot *s, size_t index);

#endif
