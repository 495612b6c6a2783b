/* What the sources of the Qdrant adapter share. */
#ifndef TB_INDEXER_STORE_QDRANT_INTERNAL_H
#define TB_INDEXER_STORE_QDRANT_INTERNAL_H

#include "common/base/buf.h"
#include "common/base/json_write.h"
#include "common/http/http.h"
#include "common/json/dom.h"
#include "indexer/store/store.h"

/* Named, so that points without any vector (tombstones) are allowed. */
#define TB_QDRANT_VECTOR "text"

/* Qdrant refuses requests above 32 MB. */
#define TB_QDRANT_REQUEST_MAX ((size_t)24 * 1024 * 1024)

struct tb_qdrant {
    struct tb_store base;
    struct tb_http *http;
    char *url; /* without a slash at its end */
    char *api_key;
    char *alias;
    char *collection;
    int64_t dim;
    bool version_checked;
};

/* One request. path begins with a slash. body: JSON or null. On TB_OK *ret (may be NULL) is the
 * whole answer, to be freed; its member "result" is what was asked for. */
enum tb_rc tb_qdrant_call(struct tb_qdrant *q, const char *method, tb_str path, tb_str body,
                          struct tb_dom **ret, struct tb_error *err) TB_MUST_USE;
/* The same on this model's collection: path after its name. */
enum tb_rc tb_qdrant_call_on(struct tb_qdrant *q, const char *method, const char *path, tb_str body,
                             struct tb_dom **ret, struct tb_error *err) TB_MUST_USE;
/* The member "result" of an answer; NULL for NULL. */
const struct tb_node *tb_qdrant_result(const struct tb_dom *answer);
/* Checks result.status of a write, alone or in a batch: only "completed" will do. */
enum tb_rc tb_qdrant_check_applied(const struct tb_dom *answer, struct tb_error *err) TB_MUST_USE;

void tb_qdrant_write_id(struct tb_json *w, const struct tb_uuid *id);
/* {"key": name, "match": {"value": value}} */
void tb_qdrant_write_match(struct tb_json *w, const char *key, tb_str value);

enum tb_rc tb_qdrant_ensure(struct tb_store *s, bool take_alias, struct tb_error *err);
enum tb_rc tb_qdrant_alias(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                           struct tb_error *err);
enum tb_rc tb_qdrant_drop(struct tb_store *s, struct tb_error *err);
enum tb_rc tb_qdrant_apply(struct tb_store *s, const struct tb_store_batch *batch,
                           struct tb_error *err);
enum tb_rc tb_qdrant_remove(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                            struct tb_error *err);
enum tb_rc tb_qdrant_seen(struct tb_store *s, const struct tb_uuid *ids, size_t n, bool whole,
                          tb_store_seen_fn *fn, void *arg, struct tb_error *err);
enum tb_rc tb_qdrant_walk(struct tb_store *s, tb_store_seen_fn *fn, void *arg,
                          struct tb_error *err);
enum tb_rc tb_qdrant_count(struct tb_store *s, bool deleted, int64_t *ret, struct tb_error *err);
enum tb_rc tb_qdrant_query(struct tb_store *s, const float *vector,
                           const struct tb_store_filter *filter, size_t limit,
                           struct tb_arena *arena, struct tb_store_hit **ret, size_t *ret_n,
                           struct tb_error *err);

#endif
