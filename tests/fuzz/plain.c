/* A fuzz target without a fuzzer, for any compiler: gives it every file of the directories named,
 * and everything that each of them begins with. Says so in TAP, a file a line. */
#include <dirent.h>
#include <string.h>

#include "alloc.h"
#include "buf.h"
#include "fuzz.h"

#define READ_ROOM 4096

static void read_all(struct buf *to, const char *path)
{
	FILE *file = fopen(path, "re");
	size_t octets;

	must(file != NULL);
	while ((octets = fread(buf_room(to, READ_ROOM), 1, READ_ROOM, file)) > 0)
		buf_added(to, octets);
	must(!ferror(file));
	fclose(file);
}

/* In memory that ends where they do, so that a sanitizer sees whoever reads on. */
static void give(const char *octets, size_t len)
{
	uint8_t *copy = xmalloc(len > 0 ? len : 1);

	if (len > 0)
		memcpy(copy, octets, len);
	must(LLVMFuzzerTestOneInput(copy, len) == 0);
	free(copy);
}

static void give_file(const char *path)
{
	CLEANUP(buf_finish) struct buf octets = {0};

	read_all(&octets, path);
	for (size_t len = 0; len <= octets.len; len++)
		give(buf_at(&octets), len);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	int given = 0;

	for (int i = 1; i < argc; i++) {
		struct dirent **entries;
		int count = scandir(argv[i], &entries, is_file, alphasort);

		must(count > 0);
		for (int k = 0; k < count; k++) {
			CLEANUP(freep) char *path = xasprintf("%s/%s", argv[i], entries[k]->d_name);

			give_file(path);
			printf("ok %d - %s\n", ++given, entries[k]->d_name);
			fflush(stdout);
			free(entries[k]);
		}
		free(entries);
	}
	printf("1..%d\n", given);
	return 0;
}
