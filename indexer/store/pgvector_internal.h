/* What the sources of the pgvector adapter share.
 *
 * A collection is two tables: vector_points_N with version, payload and hash, and vectors_N with
 * nothing but the vector, under the HNSW index. A change of status writes the first one only, so
 * the graph is not touched. */
#ifndef TB_INDEXER_STORE_PGVECTOR_INTERNAL_H
#define TB_INDEXER_STORE_PGVECTOR_INTERNAL_H

#include "common/pg/pg.h"
#include "indexer/store/store.h"

struct tb_pgvector {
    struct tb_store base;
    const struct tb_config *cfg;
    struct tb_pg *pg; /* NULL: not connected */
    char *alias;
    char *collection;
    int64_t dim;
    int64_t exact_max;
    int64_t number;   /* of the collection's tables; 0: not known yet */
    char version[32]; /* of pgvector */
    bool may_damage;  /* it is one whose vacuum can damage the index */
    bool told;        /* the version is in the log */
};

/* Connects where needed and knows the collection's tables. TB_ENOTFOUND: there are none. */
enum tb_rc tb_pgvector_open(struct tb_pgvector *p, struct tb_arena *arena,
                            struct tb_error *err) TB_MUST_USE;
/* Connects only. */
enum tb_rc tb_pgvector_connect(struct tb_pgvector *p, struct tb_error *err) TB_MUST_USE;
/* After a call that failed: its class in the store's terms; a broken connection is given up. */
enum tb_rc tb_pgvector_failed(struct tb_pgvector *p, enum tb_rc rc, struct tb_error *err);
/* One statement; %P and %V in sql stand for the tables of points and of vectors, %T for the type.
 */
enum tb_rc tb_pgvector_exec(struct tb_pgvector *p, const char *sql,
                            const struct tb_pg_params *params, struct tb_arena *arena,
                            struct tb_pg_result **ret, struct tb_error *err) TB_MUST_USE;
/* A vector as pgvector reads it. */
tb_str tb_pgvector_text(const float *v, int64_t dim, struct tb_arena *arena);
/* Ids as text. */
tb_str *tb_pgvector_ids(const struct tb_uuid *ids, size_t n, struct tb_arena *arena);

enum tb_rc tb_pgvector_ensure(struct tb_store *s, bool take_alias, struct tb_error *err);
enum tb_rc tb_pgvector_alias(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                             struct tb_error *err);
enum tb_rc tb_pgvector_drop(struct tb_store *s, struct tb_error *err);
enum tb_rc tb_pgvector_apply(struct tb_store *s, const struct tb_store_batch *batch,
                             struct tb_error *err);
enum tb_rc tb_pgvector_remove(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                              struct tb_error *err);
enum tb_rc tb_pgvector_seen(struct tb_store *s, const struct tb_uuid *ids, size_t n, bool whole,
                            tb_store_seen_fn *fn, void *arg, struct tb_error *err);
enum tb_rc tb_pgvector_walk(struct tb_store *s, tb_store_seen_fn *fn, void *arg,
                            struct tb_error *err);
enum tb_rc tb_pgvector_count(struct tb_store *s, bool deleted, int64_t *ret, struct tb_error *err);
enum tb_rc tb_pgvector_query(struct tb_store *s, const float *vector,
                             const struct tb_store_filter *filter, size_t limit,
                             struct tb_arena *arena, struct tb_store_hit **ret, size_t *ret_n,
                             struct tb_error *err);

#endif
