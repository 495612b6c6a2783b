/* What every vector store has to keep, tried on Qdrant at QDRANT_URL and on pgvector in the
 * database of DB_*. Without them the program says that nothing was tried, and ends with 77. */
#include <stdio.h>
#include <stdlib.h>

#include "common/crypto/crypto.h"
#include "indexer/core/document.h"
#include "indexer/store/store.h"
#include "tests/unit/indexer/check.h"

enum { DIM = 4, SKIPPED = 77 };

static struct tb_arena *arena;
static struct tb_store *store;
static char alias[64];
static char collection[80];
static struct tb_error last; /* of the calls under test */

static struct tb_config *cfg;
static bool in_postgres; /* which adapter is tried */

static enum tb_rc open_with(const struct tb_config *with, const char *name, int64_t dim,
                            struct tb_store **ret)
{
    struct tb_store_options opt = {
        .alias = alias, .collection = name, .dim = dim, .timeout_ms = 20000};
    return in_postgres ? tb_store_pgvector(with, &opt, ret, &last)
                       : tb_store_qdrant(with, &opt, ret, &last);
}

static struct tb_store *open_store(const char *name)
{
    struct tb_store *s;
    assert_int_equal(open_with(cfg, name, DIM, &s), TB_OK);
    return s;
}

#define ok(call)                                                                                   \
    do {                                                                                           \
        enum tb_rc rc_ = (call);                                                                   \
        if (rc_ != TB_OK) {                                                                        \
            fail_msg("%s: %s (%s)", #call, tb_rc_name(rc_), last.text);                            \
        }                                                                                          \
    } while (0)

static int setup(void **state)
{
    (void)state;
    char random[9];
    unsigned char bytes[4];
    tb_random(bytes, sizeof bytes);
    tb_hex(bytes, sizeof bytes, random);
    (void)snprintf(alias, sizeof alias, "contract_%s", random);
    (void)snprintf(collection, sizeof collection, "%s-a", alias);
    arena = tb_arena_new(0);
    store = open_store(collection);
    ok(tb_store_ensure(store, false, &last));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ok(tb_store_drop(store, &last));
    tb_store_free(store);
    tb_arena_free(arena);
    return 0;
}

static const float vectors[][DIM] = {
    {1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0.9F, 0.1F, 0, 0}, {0.8F, 0.2F, 0, 0},
};

static struct tb_store_payload ticket(const char *id, int64_t version)
{
    return (struct tb_store_payload){.ticket_id = tb_str_of(id),
                                     .version = version,
                                     .workflow_id = TB_LIT("w1"),
                                     .status = TB_LIT("open"),
                                     .ticket_type = TB_LIT("bug"),
                                     .priority = TB_LIT("high"),
                                     .tags_json = TB_LIT("[\"red\",\"green\"]"),
                                     .created_at = 1,
                                     .updated_at = version};
}

static struct tb_store_point point(const struct tb_store_payload *t, int number, const float *v,
                                   const char *hash)
{
    char key[32];
    (void)snprintf(key, sizeof key, "body#%d", number);
    return (struct tb_store_point){.id = tb_point_id(t->ticket_id, tb_str_of(key), arena),
                                   .ticket = t,
                                   .vector = v,
                                   .kind = "body",
                                   .number = number,
                                   .hash = hash};
}

static void put(const struct tb_store_point *points, size_t n)
{
    struct tb_store_batch batch = {.points = points, .npoints = n};
    ok(tb_store_apply(store, &batch, &last));
}

static void put_one(const struct tb_store_payload *t, const float *v, const char *hash)
{
    struct tb_store_point p = point(t, 0, v, hash);
    put(&p, 1);
}

static struct tb_store_hit *ask(const float *v, const struct tb_store_filter *f, size_t limit,
                                size_t *n)
{
    struct tb_store_hit *hits = NULL;
    ok(tb_store_query(store, v, f, limit, arena, &hits, n, &last));
    return hits;
}

static size_t found(const struct tb_store_filter *f)
{
    size_t n;
    (void)ask(vectors[0], f, 10, &n);
    return n;
}

static bool keep(const struct tb_store_seen *seen, void *arg)
{
    struct tb_store_seen *out = arg;
    *out = *seen;
    out->ticket_id = tb_arena_str(arena, seen->ticket_id);
    return true;
}

static struct tb_store_seen look(const char *id)
{
    struct tb_uuid uuid = tb_point_id(tb_str_of(id), TB_LIT("body#0"), arena);
    struct tb_store_seen seen = {.version = -1};
    ok(tb_store_seen(store, &uuid, 1, keep, &seen, &last));
    return seen;
}

static void test_newer_wins_in_any_order(void **state)
{
    (void)state;
    struct tb_store_payload v1 = ticket("ticket-1", 1);
    struct tb_store_payload v2 = ticket("ticket-1", 2);
    put_one(&v2, vectors[1], "two");
    put_one(&v1, vectors[0], "one"); /* late: changes nothing, and is no error */
    struct tb_store_seen seen = look("ticket-1");
    assert_int_equal(seen.version, 2);
    assert_string_equal(seen.hash, "two");
    size_t n;
    struct tb_store_hit *hits = ask(vectors[1], &(struct tb_store_filter){0}, 10, &n);
    assert_int_equal(n, 1);
    assert_true(hits[0].score > 0.99);
}

static void test_the_same_version_may_come_again(void **state)
{
    (void)state;
    struct tb_store_payload v2 = ticket("ticket-1", 2);
    put_one(&v2, vectors[0], "two");
    put_one(&v2, vectors[0], "two");
    assert_int_equal(look("ticket-1").version, 2);
    int64_t count;
    ok(tb_store_count(store, false, &count, &last));
    assert_int_equal(count, 1);
}

static void test_guards_of_one_batch_are_per_ticket(void **state)
{
    (void)state;
    struct tb_store_payload a5 = ticket("ticket-a", 5);
    struct tb_store_payload b5 = ticket("ticket-b", 5);
    struct tb_store_point first[] = {point(&a5, 0, vectors[0], "a5"),
                                     point(&b5, 0, vectors[0], "b5")};
    put(first, 2);
    struct tb_store_payload a4 = ticket("ticket-a", 4);
    struct tb_store_payload b6 = ticket("ticket-b", 6);
    struct tb_store_payload c1 = ticket("ticket-c", 1);
    struct tb_store_point second[] = {point(&a4, 0, vectors[1], "a4"),
                                      point(&b6, 0, vectors[1], "b6"),
                                      point(&c1, 0, vectors[1], "c1")};
    put(second, 3);
    assert_string_equal(look("ticket-a").hash, "a5");
    assert_string_equal(look("ticket-b").hash, "b6");
    assert_string_equal(look("ticket-c").hash, "c1");
}

static void refresh(const struct tb_store_payload *t, const char *hash)
{
    struct tb_uuid id = tb_point_id(t->ticket_id, TB_LIT("body#0"), arena);
    struct tb_store_refresh r = {.ticket = t, .ids = &id, .hashes = &hash, .n = 1};
    struct tb_store_batch batch = {.refreshes = &r, .nrefreshes = 1};
    ok(tb_store_apply(store, &batch, &last));
}

static void test_a_payload_is_refreshed_without_its_vector(void **state)
{
    (void)state;
    struct tb_store_payload v1 = ticket("ticket-1", 1);
    put_one(&v1, vectors[0], "h");
    struct tb_store_payload v2 = ticket("ticket-1", 2);
    v2.status = TB_LIT("done");
    v2.tags_json = TB_LIT("[]");
    refresh(&v2, "h");
    assert_int_equal(look("ticket-1").version, 2);
    assert_int_equal(found(&(struct tb_store_filter){.status = TB_LIT("open")}), 0);
    assert_int_equal(found(&(struct tb_store_filter){.tag = TB_LIT("red")}), 0);
    size_t n;
    struct tb_store_hit *hits =
        ask(vectors[0], &(struct tb_store_filter){.status = TB_LIT("done")}, 10, &n);
    assert_int_equal(n, 1);
    assert_true(hits[0].score > 0.99);
    /* An older one, and one that takes the point for another text's, change nothing. */
    refresh(&v1, "h");
    struct tb_store_payload v3 = ticket("ticket-1", 3);
    refresh(&v3, "another");
    assert_int_equal(look("ticket-1").version, 2);
    /* A point that is not there is not made. */
    struct tb_store_payload none = ticket("ticket-none", 1);
    refresh(&none, "h");
    assert_int_equal(look("ticket-none").version, -1);
}

static void test_deleted_stays_deleted(void **state)
{
    (void)state;
    struct tb_store_payload v3 = ticket("ticket-1", 3);
    put_one(&v3, vectors[0], "h");
    struct tb_store_payload gone = ticket("ticket-1", 5);
    gone.is_deleted = true;
    put_one(&gone, NULL, "");
    struct tb_store_payload late = ticket("ticket-1", 4);
    put_one(&late, vectors[0], "h");
    struct tb_store_seen seen = look("ticket-1");
    assert_true(seen.deleted);
    assert_int_equal(seen.version, 5);
    assert_int_equal(found(&(struct tb_store_filter){0}), 0);
    int64_t count;
    ok(tb_store_count(store, true, &count, &last));
    assert_int_equal(count, 1);
    /* Restored: the next version has a vector again. */
    struct tb_store_payload back = ticket("ticket-1", 6);
    put_one(&back, vectors[0], "h");
    assert_int_equal(found(&(struct tb_store_filter){0}), 1);
    assert_false(look("ticket-1").deleted);
}

static void test_purge_takes_what_is_older(void **state)
{
    (void)state;
    struct tb_store_payload v1 = ticket("ticket-1", 1);
    struct tb_store_payload v2 = ticket("ticket-1", 2);
    struct tb_store_payload other = ticket("ticket-2", 1);
    struct tb_store_point points[] = {point(&v1, 1, vectors[0], "old"),
                                      point(&v2, 0, vectors[0], "new"),
                                      point(&other, 0, vectors[1], "other")};
    put(points, 3);
    struct tb_store_purge purge = {v1.ticket_id, 2};
    struct tb_store_batch batch = {.purges = &purge, .npurges = 1};
    ok(tb_store_apply(store, &batch, &last));
    int64_t count;
    ok(tb_store_count(store, false, &count, &last));
    assert_int_equal(count, 2);
    assert_int_equal(look("ticket-1").version, 2);
    assert_int_equal(look("ticket-2").version, 1);
}

static void test_filters_narrow_before_the_limit(void **state)
{
    (void)state;
    struct tb_store_payload t[60];
    struct tb_store_point points[60];
    for (int i = 0; i < 60; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "ticket-%02d", i);
        t[i] = ticket(tb_arena_str(arena, tb_str_of(id)).ptr, 1);
        t[i].workflow_id = i % 6 ? TB_LIT("w1") : TB_LIT("w2");
        t[i].priority = i % 2 ? TB_LIT("low") : TB_LIT("high");
        t[i].assignee = i == 6 ? TB_LIT("agent-7") : TB_STR_NULL;
        t[i].ticket_type = i == 12 ? TB_LIT("epic") : TB_LIT("bug");
        t[i].tags_json = i == 18 ? TB_LIT("[\"x\",\"blue\"]") : TB_LIT("[\"x\"]");
        /* Those of w2 are the farthest from the query. */
        points[i] = point(&t[i], 0, vectors[i % 6 ? 0 : 4], "h");
    }
    put(points, 60);
    size_t n;
    (void)ask(vectors[0], &(struct tb_store_filter){.workflow_id = TB_LIT("w2")}, 10, &n);
    assert_int_equal(n, 10);
    (void)ask(vectors[0], &(struct tb_store_filter){.workflow_id = TB_LIT("w2")}, 4, &n);
    assert_int_equal(n, 4);
    struct tb_store_hit *hits =
        ask(vectors[0], &(struct tb_store_filter){.assignee = TB_LIT("agent-7")}, 10, &n);
    assert_int_equal(n, 1);
    assert_str(hits[0].ticket_id, "ticket-06");
    assert_int_equal(found(&(struct tb_store_filter){.ticket_type = TB_LIT("epic")}), 1);
    assert_int_equal(found(&(struct tb_store_filter){.tag = TB_LIT("blue")}), 1);
    assert_int_equal(
        found(&(struct tb_store_filter){.priority = TB_LIT("low"), .workflow_id = TB_LIT("w2")}),
        0);
}

static void test_tickets_come_once_by_their_best_chunk(void **state)
{
    (void)state;
    struct tb_store_payload a = ticket("ticket-a", 1);
    struct tb_store_payload b = ticket("ticket-b", 1);
    struct tb_store_point points[] = {
        point(&a, 0, vectors[1], "a0"),
        point(&a, 1, vectors[0], "a1"),
        point(&a, 2, vectors[4], "a2"),
        point(&b, 0, vectors[3], "b0"),
    };
    points[1].kind = "comment";
    points[1].comment_id = TB_LIT("comment-1");
    put(points, 4);
    size_t n;
    struct tb_store_hit *hits = ask(vectors[0], &(struct tb_store_filter){0}, 10, &n);
    assert_int_equal(n, 2);
    assert_str(hits[0].ticket_id, "ticket-a");
    assert_str(hits[0].comment_id, "comment-1");
    assert_int_equal(hits[0].number, 1);
    assert_str(hits[1].ticket_id, "ticket-b");
    assert_true(tb_str_is_null(hits[1].comment_id));
    /* Without comments another chunk speaks for it. */
    hits = ask(vectors[0], &(struct tb_store_filter){.no_comments = true}, 10, &n);
    assert_str(hits[0].ticket_id, "ticket-b");
    assert_int_equal(hits[1].number, 2);
}

static bool count_seen(const struct tb_store_seen *seen, void *arg)
{
    int64_t *sums = arg;
    sums[0]++;
    sums[1] += seen->version;
    return true;
}

static void test_walk_sees_every_point_once(void **state)
{
    (void)state;
    enum { N = 2345 };
    struct tb_store_payload *t = TB_NEW_N(arena, struct tb_store_payload, N);
    struct tb_store_point *points = TB_NEW_N(arena, struct tb_store_point, N);
    struct tb_uuid *ids = TB_NEW_N(arena, struct tb_uuid, N);
    for (int i = 0; i < N; i++) {
        t[i] = ticket(tb_arena_printf(arena, "ticket-%d", i).ptr, i + 1);
        points[i] = point(&t[i], 0, vectors[i % 5], "h");
        ids[i] = points[i].id;
    }
    put(points, N);
    int64_t sums[2] = {0, 0};
    ok(tb_store_walk(store, count_seen, sums, &last));
    assert_int_equal(sums[0], N);
    assert_int_equal(sums[1], (int64_t)N * (N + 1) / 2);
    ok(tb_store_remove(store, ids, N - 5, &last));
    int64_t count;
    ok(tb_store_count(store, false, &count, &last));
    assert_int_equal(count, 5);
}

static void test_odd_texts_are_kept(void **state)
{
    (void)state;
    struct tb_store_payload t = ticket("ticket-1", 1);
    t.status = TB_LIT("in \"review\"\\ \xe6\xbc\xa2 \x01");
    put_one(&t, vectors[0], "h");
    assert_int_equal(found(&(struct tb_store_filter){.status = t.status}), 1);
    assert_int_equal(found(&(struct tb_store_filter){.status = TB_LIT("in")}), 0);
}

static void test_the_alias_moves_in_one_step(void **state)
{
    (void)state;
    char other[80];
    tb_str target;
    ok(tb_store_alias(store, arena, &target, &last));
    assert_str(target, collection);
    (void)snprintf(other, sizeof other, "%s-b", alias);
    struct tb_store *second = open_store(other);
    ok(tb_store_ensure(second, false, &last));
    ok(tb_store_alias(store, arena, &target, &last));
    assert_str(target, collection); /* it is not taken unasked */
    ok(tb_store_ensure(second, true, &last));
    ok(tb_store_alias(store, arena, &target, &last));
    assert_str(target, other);
    ok(tb_store_drop(second, &last));
    tb_store_free(second);
}

static void test_a_missing_collection_is_told(void **state)
{
    (void)state;
    struct tb_store *none = open_store("contract_does_not_exist");
    int64_t count;
    struct tb_error err;
    assert_int_equal(tb_store_count(none, false, &count, &err), TB_ENOTFOUND);
    assert_string_equal(err.code, "404");
    tb_store_free(none);
}

static void test_another_dimension_is_refused(void **state)
{
    (void)state;
    struct tb_store *s;
    struct tb_error err;
    assert_int_equal(open_with(cfg, collection, DIM + 1, &s), TB_OK);
    assert_int_equal(tb_store_ensure(s, false, &err), TB_EFATAL);
    assert_string_equal(err.field, "EMBEDDING_DIM");
    tb_store_free(s);
}

static void test_a_server_that_is_away(void **state)
{
    (void)state;
    const struct tb_config_given nowhere[] = {
        {"QDRANT_URL", "http://127.0.0.1:1"}, {"DB_HOST", "127.0.0.1"}, {"DB_PORT", "1"}};
    struct tb_config *away;
    struct tb_store *s;
    ok(tb_config_load_with('I', nowhere, TB_COUNT(nowhere), &away, &last));
    assert_int_equal(open_with(away, collection, DIM, &s), TB_OK);
    assert_int_equal(tb_store_ensure(s, false, NULL), TB_EUNAVAILABLE);
    tb_store_free(s);
    tb_config_free(away);
}

int main(void)
{
    if (!getenv("QDRANT_URL") || !getenv("DB_PORT")) {
        print_message("SKIPPED: set QDRANT_URL and DB_PORT to try the vector stores' contract\n");
        return SKIPPED;
    }
    if (tb_config_load('I', &cfg, &last) != TB_OK) {
        print_message("%s\n", last.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_newer_wins_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_same_version_may_come_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guards_of_one_batch_are_per_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_payload_is_refreshed_without_its_vector, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_deleted_stays_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_purge_takes_what_is_older, setup, teardown),
        cmocka_unit_test_setup_teardown(test_filters_narrow_before_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tickets_come_once_by_their_best_chunk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_walk_sees_every_point_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_odd_texts_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_alias_moves_in_one_step, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_missing_collection_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_dimension_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_that_is_away, setup, teardown),
    };
    int failed = cmocka_run_group_tests_name("qdrant", tests, NULL, NULL);
    in_postgres = true;
    failed += cmocka_run_group_tests_name("pgvector", tests, NULL, NULL);
    tb_config_free(cfg);
    return failed;
}
