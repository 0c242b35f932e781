#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "bodies.h"
#include "checking.h"
#include "storage.h"

static const uint64_t sizes[] = {0, 1, 4000, CHUNK_OCTETS, CHUNK_OCTETS + 1, 40 * CHUNK_OCTETS + 7};
#define COUNT     (sizeof(sizes) / sizeof(sizes[0]))
#define MOST_FILE (1 << 20)

/* A body of that size, listed so; its id. */
static int64_t store(struct storage *t, const char *uidl, uint64_t size)
{
	CLEANUP(freep) char *data = xmalloc(size + 1), *sql = NULL;
	int64_t id = storage_message(t, uidl);
	struct body b = {.size = size};
	unsigned len = sizeof(b.sha256);

	memset(data, 'x', size);
	for (uint64_t at = 0; at < size; at += CHUNK_OCTETS) {
		size_t part = size - at < CHUNK_OCTETS ? (size_t)(size - at) : CHUNK_OCTETS;

		assert_int_equal(
		    bodies_add(t->store, id, b.chunks++, slice_make(data + at, part), 0, NULL), OK);
	}
	EVP_Digest(data, size, b.sha256, &len, EVP_sha256(), NULL);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	sql = xasprintf("UPDATE message SET listed = size WHERE id = %lld", (long long)id);
	storage_run(t, sql);
	return id;
}

static void store_all(struct storage *t, int64_t *ids)
{
	for (size_t i = 0; i < COUNT; i++)
		ids[i] = store(t, (char[]){(char)('a' + i), 0}, sizes[i]);
}

/* Steps up to an answer: how many. */
static size_t answer(struct storage *t, struct checking *c)
{
	bool done = false;
	size_t steps = 0;

	for (; !done; steps++)
		assert_int_equal(checking_step(t->store, c, &done, NULL), OK);
	return steps;
}

static void what_is_as_it_came_is_found_so_in_several_steps(void **state)
{
	struct storage *t = *state;
	int64_t ids[COUNT];
	struct checking *c;

	store_all(t, ids);
	c = checking_create(0, false);
	assert_true(answer(t, c) > 1);
	assert_int_equal(c->found, FOUND_NOTHING);
	assert_int_equal(c->id, 0);
	assert_int_equal(c->checked, COUNT);
	checking_free(c);

	c = checking_create(ids[2], true);
	answer(t, c);
	assert_int_equal(c->found, FOUND_NOTHING);
	assert_int_equal(c->id, ids[2]);
	assert_int_equal(c->checked, 1);
	checking_free(c);
}

static void damage_is_found_and_thrown_away(void **state)
{
	static const struct {
		size_t which;
		const char *sql; /* up to where the chunk is named, or the message */
		int chunk;
	} cases[] = {
	    {1, "UPDATE chunk SET data = x'79' WHERE key =", 0},
	    {2, "UPDATE chunk SET data = substr(data, 1, 3999) WHERE key =", 0},
	    {4, "DELETE FROM chunk WHERE key =", 1},
	    {5,
		"UPDATE chunk SET data = CAST(x'78' || substr(data, 2, 17) || x'79' || "
		"substr(data, 20) AS BLOB) "
		"WHERE key =",
		39},
	    {3, "UPDATE message SET sha256 = zeroblob(32) WHERE id << 24 =", 0},
	};
	struct storage *t = *state;
	int64_t ids[COUNT];

	store_all(t, ids);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sql[256];
		struct checking *c = checking_create(0, false);

		snprintf(sql, sizeof(sql), "%s (%lld << 24) + %d", cases[i].sql,
		    (long long)ids[cases[i].which], cases[i].chunk);
		storage_run(t, sql);
		answer(t, c);
		assert_int_equal(c->found, FOUND_DAMAGED);
		assert_int_equal(c->id, ids[cases[i].which]);
		assert_string_equal(c->name, ((char[]){(char)('a' + cases[i].which), 0}));
		checking_free(c);
		snprintf(sql, sizeof(sql),
		    "SELECT chunks IS NULL AND size = %llu FROM message WHERE id = %lld",
		    (unsigned long long)sizes[cases[i].which], (long long)ids[cases[i].which]);
		assert_int_equal(storage_number(t, sql), 1);
	}
	assert_int_equal(storage_number(t, "SELECT count(*) FROM chunk"), 0);
}

/* Of the one message's 4000 octets in the file, the first is another now. */
static void spoil_the_file(const char *path)
{
	CLEANUP(freep) char *octets = xmalloc(MOST_FILE);
	FILE *f = fopen(path, "r+b");
	size_t len;
	char *at;

	assert_non_null(f);
	len = fread(octets, 1, MOST_FILE, f);
	at = memmem(octets, len, "xxxxxxxxxxxxxxxx", 16);
	assert_non_null(at);
	assert_int_equal(fseek(f, at - octets, SEEK_SET), 0);
	fputc('y', f);
	fclose(f);
}

static void damage_on_the_disk_is_found_though_memory_is_right(void **state)
{
	struct storage *t = *state;
	int64_t id = store(t, "a", 4000);
	struct checking *c = checking_create(0, false);

	store_checkpoint(t->store);
	answer(t, c);
	assert_int_equal(c->found, FOUND_NOTHING);
	checking_free(c);

	spoil_the_file(t->path);
	c = checking_create(0, false);
	answer(t, c);
	assert_int_equal(c->found, FOUND_DAMAGED);
	assert_int_equal(c->id, id);
	checking_free(c);
}

static void another_size_in_list_is_told_and_no_more(void **state)
{
	struct storage *t = *state;
	int64_t ids[COUNT];
	struct checking *c;

	store_all(t, ids);
	storage_run(t, "UPDATE message SET listed = 17 WHERE uidl = CAST('c' AS BLOB)");
	storage_run(
	    t, "UPDATE message SET listed = 17, vanished = 5 WHERE uidl = CAST('b' AS BLOB)");
	c = checking_create(0, false);
	answer(t, c);
	assert_int_equal(c->found, FOUND_DIFFERS);
	assert_int_equal(c->id, ids[2]);
	assert_int_equal(c->listed, 17);
	assert_int_equal(c->size, 4000);
	checking_free(c);
	c = checking_create(ids[2], false);
	answer(t, c);
	assert_int_equal(c->found, FOUND_NOTHING);
	assert_int_equal(c->checked, COUNT - 3);
	checking_free(c);
}

static void a_body_that_comes_anew_meanwhile_is_looked_at_anew(void **state)
{
	struct storage *t = *state;
	int64_t id = store(t, "a", 100 * CHUNK_OCTETS);
	struct checking *c = checking_create(0, false);
	struct body b = {.size = 1, .chunks = 1};
	unsigned len = sizeof(b.sha256);
	bool done;

	assert_int_equal(checking_step(t->store, c, &done, NULL), OK);
	assert_false(done);
	assert_int_equal(bodies_add(t->store, id, 0, slice_of("y"), 0, NULL), OK);
	EVP_Digest("y", 1, b.sha256, &len, EVP_sha256(), NULL);
	assert_int_equal(bodies_complete(t->store, id, &b, NULL), OK);
	storage_run(t, "UPDATE message SET listed = 1");
	answer(t, c);
	assert_int_equal(c->found, FOUND_NOTHING);
	assert_int_equal(c->checked, 1);
	checking_free(c);

	c = checking_create(0, false);
	storage_run(t, "UPDATE message SET size = 90 * 131072");
	assert_int_equal(bodies_discard(t->store, id, NULL), OK);
	answer(t, c);
	assert_int_equal(c->checked, 0);
	checking_free(c);
	c = checking_create(id, true);
	answer(t, c);
	assert_int_equal(c->found, FOUND_ABSENT);
	checking_free(c);
}

/* The transaction is undone, and what was found is not looked for again. */
static void damage_is_thrown_away_by_another_try_when_the_disk_was_full(void **state)
{
	struct storage *t = *state;
	struct checking *c = checking_create(0, false);
	int64_t ids[COUNT];

	store_all(t, ids);
	storage_run(t, "UPDATE chunk SET data = x'79' WHERE key & 0xffffff = 0");
	storage_run(t, "BEGIN");
	answer(t, c);
	assert_int_equal(c->found, FOUND_DAMAGED);
	storage_run(t, "ROLLBACK");
	assert_int_equal(
	    storage_number(t, "SELECT count(*) FROM message WHERE chunks IS NOT NULL"), COUNT);
	assert_int_equal(answer(t, c), 1);
	assert_int_equal(
	    storage_number(t, "SELECT count(*) FROM message WHERE chunks IS NOT NULL"), COUNT - 1);
	checking_free(c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		what_is_as_it_came_is_found_so_in_several_steps, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		damage_is_found_and_thrown_away, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(damage_on_the_disk_is_found_though_memory_is_right,
		storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		another_size_in_list_is_told_and_no_more, storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(a_body_that_comes_anew_meanwhile_is_looked_at_anew,
		storage_setup, storage_teardown),
	    cmocka_unit_test_setup_teardown(
		damage_is_thrown_away_by_another_try_when_the_disk_was_full, storage_setup,
		storage_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
