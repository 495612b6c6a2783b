#include "indexer/store/store.h"

enum tb_rc tb_store_open(const struct tb_config *cfg, const struct tb_store_options *opt,
                         struct tb_store **ret, struct tb_error *err)
{
    static const struct {
        const char *name;
        enum tb_rc (*open)(const struct tb_config *cfg, const struct tb_store_options *opt,
                           struct tb_store **ret, struct tb_error *err);
    } adapters[] = {{"qdrant", tb_store_qdrant}, {"pgvector", tb_store_pgvector}};
    const char *name = tb_config_str(cfg, TB_CFG(STORE));
    *ret = NULL;
    for (size_t i = 0; i < TB_COUNT(adapters); i++) {
        if (strcmp(adapters[i].name, name) == 0) {
            return adapters[i].open(cfg, opt, ret, err);
        }
    }
    return tb_fail_field(err, TB_EINVAL, "TICKETBUS_STORE",
                         "TICKETBUS_STORE must be qdrant or pgvector, it is \"%s\"", name);
}

void tb_store_free(struct tb_store *s)
{
    if (s) {
        s->ops->free(s);
    }
}

enum tb_rc tb_store_ensure(struct tb_store *s, bool take_alias, struct tb_error *err)
{
    return s->ops->ensure(s, take_alias, err);
}

enum tb_rc tb_store_alias(struct tb_store *s, struct tb_arena *arena, tb_str *ret,
                          struct tb_error *err)
{
    return s->ops->alias(s, arena, ret, err);
}

enum tb_rc tb_store_drop(struct tb_store *s, struct tb_error *err)
{
    return s->ops->drop(s, err);
}

enum tb_rc tb_store_apply(struct tb_store *s, const struct tb_store_batch *batch,
                          struct tb_error *err)
{
    return s->ops->apply(s, batch, err);
}

enum tb_rc tb_store_seen(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                         tb_store_seen_fn *fn, void *arg, struct tb_error *err)
{
    return s->ops->seen(s, ids, n, false, fn, arg, err);
}

enum tb_rc tb_store_read(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                         tb_store_seen_fn *fn, void *arg, struct tb_error *err)
{
    return s->ops->seen(s, ids, n, true, fn, arg, err);
}

enum tb_rc tb_store_walk(struct tb_store *s, tb_store_seen_fn *fn, void *arg, struct tb_error *err)
{
    return s->ops->walk(s, fn, arg, err);
}

enum tb_rc tb_store_count(struct tb_store *s, bool deleted, int64_t *ret, struct tb_error *err)
{
    return s->ops->count(s, deleted, ret, err);
}

enum tb_rc tb_store_remove(struct tb_store *s, const struct tb_uuid *ids, size_t n,
                           struct tb_error *err)
{
    return s->ops->remove(s, ids, n, err);
}

enum tb_rc tb_store_query(struct tb_store *s, const float *vector,
                          const struct tb_store_filter *filter, size_t limit,
                          struct tb_arena *arena, struct tb_store_hit **ret, size_t *ret_n,
                          struct tb_error *err)
{
    return s->ops->query(s, vector, filter, limit, arena, ret, ret_n, err);
}
