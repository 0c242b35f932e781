/* Calls of a program fail as a test wants it: the inside of the library that LD_PRELOAD brings into
 * pop3fs and the session driver (and into no other program). The plan, and what has come of it, is
 * a file that $POP3FS_FAULTS names and that tests/faults/faults.py maps, too: all processes of a
 * mount share it, a fork inherits it, and the test may change the plan while they run.
 *
 * The place of a call is a hash of the code addresses that led to it, the same in each run. */
#ifndef POP3FS_SHIM_H
#define POP3FS_SHIM_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_ALLOC,  /* memory, of any library */
	FAULT_MAP,    /* mmap, mlock */
	FAULT_OPEN,   /* whatever gives a descriptor */
	FAULT_SOCKET, /* reads, writes and settings of a socket */
	FAULT_POLL,
	FAULT_READ,    /* of a file */
	FAULT_WRITE,   /* to a file, or its putting on disk, or its length */
	FAULT_PATH,    /* names, modes and locks of files */
	FAULT_PROCESS, /* forks and threads */
	FAULT_RANDOM,
	FAULT_SQLITE, /* calls of SQLite, as they would fail for a reason of its own */
	FAULT_FUSE,   /* what is said to the kernel: reads, writes of /dev/fuse */
	FAULT_PIPE,   /* reads and writes of pipes */
	FAULT_KINDS,
};

#define FAULT_HALF   0     /* half of what was asked for is done */
#define FAULT_STALL  -1    /* the call waits until the plan is another, and then is made */
#define FAULT_STORY  1536  /* octets */
#define FAULT_PLACES 16384 /* a power of 2 */

/* The file. faults.py knows it by heart. */
struct fault_page {
	/* the plan */
	uint64_t kind;      /* the calls that are meant; FAULT_NONE: no fault */
	uint64_t place;     /* only those from there; 0: from anywhere */
	uint64_t first;     /* the number of the first that fails, from 1 */
	uint64_t times;     /* so many fail; 0: all from then on */
	int64_t number;     /* errno, or SQLite's code; or: */
	uint64_t others;    /* only calls of other threads than the first one are meant */
	int64_t clock;      /* seconds that the wall clock is wrong */
	uint64_t recording; /* the kind whose places are written down */
	uint64_t depth;     /* code addresses that make a place */
	/* what has come of it */
	uint64_t passed; /* calls that were meant */
	uint64_t failed; /* those of them that were made to fail */
	uint64_t pid;    /* in which the first did */
	uint64_t calls[FAULT_KINDS];
	char story[FAULT_STORY]; /* the first one's name, and where it came from: MODULE+OFFSET */
	struct {
		uint64_t place, calls;
	} places[FAULT_PLACES];
};

/* A call of this name is about to be made: true if it is to fail instead. */
bool fault_due(enum fault_kind kind, const char *name);

/* The plan; only after fault_due was true, or for its clock. NULL: this is another program. */
struct fault_page *fault_plan(void);

/* What a descriptor is: FAULT_READ for a regular file, _SOCKET, _FUSE, _PIPE, or _NONE. */
enum fault_kind fault_kind_of(int fd);

#endif
