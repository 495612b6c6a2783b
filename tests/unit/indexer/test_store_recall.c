/* A filter that keeps one point of a hundred: a store finds what comparing them all finds, and ten
 * where there are ten. Tried on Qdrant at QDRANT_URL and on pgvector in the database of DB_*, there
 * also with its index alone. TICKETBUS_TEST_POINTS: how many points; TICKETBUS_TEST_STORE: qdrant
 * or pgvector alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/crypto/crypto.h"
#include "indexer/core/document.h"
#include "indexer/store/store.h"
#include "tests/unit/indexer/check.h"

enum {
    DIM = 64,
    POINTS = 3000,
    POINTS_MAX = 1000000,
    CLUSTERS = 50,
    KEPT = 100, /* one of so many is kept by the filter */
    QUERIES = 40,
    WANTED = 10,
    BATCH = 500,
    ID_BYTES = 32,
    SKIPPED = 77,
};

enum { QDRANT, PGVECTOR, PGVECTOR_INDEX };
static const char *const names[] = {"qdrant", "pgvector", "pgvector_index"};

static struct tb_config *cfg;
static struct tb_error last;
static size_t npoints = POINTS;
static float (*vectors)[DIM];
static char (*ids)[ID_BYTES];
static float queries[QUERIES][DIM];
static uint64_t dice_state = 1;

#define ok(call)                                                                                   \
    do {                                                                                           \
        enum tb_rc rc_ = (call);                                                                   \
        if (rc_ != TB_OK) {                                                                        \
            fail_msg("%s: %s (%s)", #call, tb_rc_name(rc_), last.text);                            \
        }                                                                                          \
    } while (0)

/* The same points in every run: -1 to 1. */
static double dice(void)
{
    dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(dice_state >> 33) / (double)(UINT32_C(1) << 30) - 1.0;
}

static void around(const float *center, double spread, float *ret)
{
    double sum = 0;
    for (size_t d = 0; d < DIM; d++) {
        ret[d] = (float)(center[d] + spread * dice());
        sum += (double)ret[d] * ret[d];
    }
    for (size_t d = 0; d < DIM; d++) {
        ret[d] = (float)(ret[d] / sqrt(sum));
    }
}

static void make_points(void)
{
    static const float origin[DIM];
    static float centers[CLUSTERS][DIM];
    for (size_t i = 0; i < CLUSTERS; i++) {
        around(origin, 1, centers[i]);
    }
    for (size_t i = 0; i < npoints; i++) {
        around(centers[i % CLUSTERS], 0.2, vectors[i]);
        (void)snprintf(ids[i], sizeof ids[i], "ticket-%zu", i);
    }
    for (size_t i = 0; i < QUERIES; i++) {
        around(centers[i % CLUSTERS], 0.3, queries[i]);
    }
}

/* Spread over all clusters: the nearest points of a query are mostly not among them. */
static bool is_kept(size_t i)
{
    return (i * 7919 + i / KEPT) % KEPT == 0;
}

static tb_str workflow_of(size_t i)
{
    return is_kept(i) ? TB_LIT("kept") : TB_LIT("rest");
}

/* Ten of all points, wherever they are. */
static bool is_rare(size_t i)
{
    return i % (npoints / WANTED) == 3;
}

static char alias[64];
static char collection[64];

static struct tb_store *open_store(int which)
{
    struct tb_store_options opt = {.alias = alias,
                                   .collection = collection,
                                   .dim = DIM,
                                   .timeout_ms = 60000,
                                   .exact_max = which == PGVECTOR_INDEX ? -1 : 0};
    struct tb_store *s;
    ok(which == QDRANT ? tb_store_qdrant(cfg, &opt, &s, &last)
                       : tb_store_pgvector(cfg, &opt, &s, &last));
    return s;
}

static void fill(struct tb_store *s)
{
    struct tb_arena *arena = tb_arena_new(0);
    for (size_t from = 0; from < npoints; from += BATCH) {
        struct tb_store_payload tickets[BATCH];
        struct tb_store_point points[BATCH];
        size_t n = npoints - from < BATCH ? npoints - from : BATCH;
        tb_arena_reset(arena);
        for (size_t i = 0; i < n; i++) {
            size_t at = from + i;
            tickets[i] = (struct tb_store_payload){.ticket_id = tb_str_of(ids[at]),
                                                   .version = 1,
                                                   .workflow_id = workflow_of(at),
                                                   .status = TB_LIT("open"),
                                                   .ticket_type = TB_LIT("bug"),
                                                   .priority = workflow_of(at),
                                                   .assignee = is_rare(at) ? TB_LIT("agent-rare")
                                                                           : TB_STR_NULL,
                                                   .tags_json = TB_LIT("[]")};
            points[i] = (struct tb_store_point){
                .id = tb_point_id(tickets[i].ticket_id, TB_LIT("body#0"), arena),
                .ticket = &tickets[i],
                .vector = vectors[at],
                .kind = "body",
                .hash = "h"};
        }
        struct tb_store_batch batch = {.points = points, .npoints = n};
        ok(tb_store_apply(s, &batch, &last));
    }
    tb_arena_free(arena);
}

static double near(const float *a, const float *b)
{
    double sum = 0;
    for (size_t d = 0; d < DIM; d++) {
        sum += (double)a[d] * b[d];
    }
    return sum;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The similarity of the tenth nearest of all points, or of the kept ones: who is as near belongs to
 * the ten. */
static double tenth(const float *query, bool kept)
{
    double *all = calloc(npoints, sizeof *all);
    size_t n = 0;
    assert_non_null(all);
    for (size_t i = 0; i < npoints; i++) {
        if (!kept || is_kept(i)) {
            all[n++] = near(query, vectors[i]);
        }
    }
    qsort(all, n, sizeof *all, descending);
    double ret = all[WANTED - 1];
    free(all);
    return ret;
}

static int64_t micros(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* By a field that the store has an index of, by one it has none of, and all. */
static const struct tb_store_filter filters[] = {
    {.workflow_id = {"kept", 4}}, {.priority = {"kept", 4}}, {.workflow_id = {NULL, 0}}};
static const char *const filter_names[] = {"workflow", "priority", "none"};

static double ask_all(struct tb_store *s, size_t filter, int64_t *times)
{
    size_t right = 0;
    struct tb_arena *arena = tb_arena_new(0);
    for (size_t q = 0; q < QUERIES; q++) {
        struct tb_store_hit *hits;
        size_t n;
        double least = tenth(queries[q], filter < 2) - 1e-5;
        int64_t began = micros();
        ok(tb_store_query(s, queries[q], &filters[filter], WANTED, arena, &hits, &n, &last));
        times[q] = micros() - began;
        assert_int_equal(n, WANTED);
        for (size_t i = 0; i < n; i++) {
            right += hits[i].score >= least;
        }
        tb_arena_reset(arena);
    }
    tb_arena_free(arena);
    return (double)right / (QUERIES * WANTED);
}

/* Where ten tickets exist, ten come, however far from the query they are. */
static void ask_rare(struct tb_store *s)
{
    static const struct tb_store_filter rare = {.assignee = {"agent-rare", 10}};
    struct tb_arena *arena = tb_arena_new(0);
    for (size_t q = 0; q < QUERIES; q++) {
        struct tb_store_hit *hits;
        size_t n;
        ok(tb_store_query(s, queries[q], &rare, WANTED, arena, &hits, &n, &last));
        assert_int_equal(n, WANTED);
    }
    tb_arena_free(arena);
}

static void try_store(int which)
{
    char random[9];
    unsigned char bytes[4];
    tb_random(bytes, sizeof bytes);
    tb_hex(bytes, sizeof bytes, random);
    (void)snprintf(alias, sizeof alias, "recall_%s", random);
    (void)snprintf(collection, sizeof collection, "recall_%s-a", random);
    struct tb_store *s = open_store(which == QDRANT ? QDRANT : PGVECTOR);
    ok(tb_store_ensure(s, false, &last));
    fill(s);
    for (int way = which; way <= (which == QDRANT ? QDRANT : PGVECTOR_INDEX); way++) {
        struct tb_store *asked = open_store(way);
        for (size_t f = 0; f < TB_COUNT(filters); f++) {
            int64_t times[QUERIES];
            double recall = ask_all(asked, f, times);
            const size_t middle = QUERIES / 2;
            qsort(times, QUERIES, sizeof *times, by_time);
            print_message("{\"store\":\"%s\",\"points\":%zu,\"filter\":\"%s\",\"recall10\":%.4f,"
                          "\"p50_ms\":%.1f,\"max_ms\":%.1f}\n",
                          names[way], npoints, filter_names[f], recall, (double)times[middle] / 1e3,
                          (double)times[QUERIES - 1] / 1e3);
            assert_true(recall >= 0.95);
        }
        ask_rare(asked);
        tb_store_free(asked);
    }
    ok(tb_store_drop(s, &last));
    tb_store_free(s);
}

static void test_qdrant(void **state)
{
    (void)state;
    try_store(QDRANT);
}

static void test_pgvector(void **state)
{
    (void)state;
    try_store(PGVECTOR);
}

int main(void)
{
    const char *asked = getenv("TICKETBUS_TEST_POINTS");
    if (!getenv("QDRANT_URL") || !getenv("DB_PORT")) {
        print_message("SKIPPED: set QDRANT_URL and DB_PORT to try the vector stores\n");
        return SKIPPED;
    }
    if (tb_config_load('I', &cfg, &last) != TB_OK) {
        print_message("%s\n", last.text);
        return 1;
    }
    if (asked) {
        npoints = strtoul(asked, NULL, 10);
        npoints = npoints < POINTS ? POINTS : npoints > POINTS_MAX ? POINTS_MAX : npoints;
    }
    vectors = calloc(npoints, sizeof *vectors);
    ids = calloc(npoints, sizeof *ids);
    if (!vectors || !ids) {
        return 1;
    }
    make_points();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_qdrant),
                                       cmocka_unit_test(test_pgvector)};
    const char *only = getenv("TICKETBUS_TEST_STORE");
    if (only && *only) {
        cmocka_set_test_filter(strcmp(only, "qdrant") == 0 ? "test_qdrant" : "test_pgvector");
    }
    int failed = cmocka_run_group_tests_name("recall", tests, NULL, NULL);
    free(vectors);
    free(ids);
    tb_config_free(cfg);
    return failed;
}
