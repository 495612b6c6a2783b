/* Near-duplicates of tickets that are new: what the index knows of a ticket reaches it as a command
 * of its own key, signed, so that its events stay one sequence. */
#include <math.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "common/json/command.h"
#include "common/model/limits.h"
#include "indexer/shell/slice.h"

enum { BODY_MAX = 16384, KEY_MAX = 64, FLUSH_MS = 5000 };
#define SOURCE "/ticketbus/indexer"

struct key {
    unsigned char bytes[KEY_MAX];
    size_t len; /* 0: not read yet */
};

static enum tb_rc read_key(struct tb_indexer *ix, struct tb_arena *arena, struct key *key,
                           struct tb_error *err)
{
    struct tb_pg_result *r;
    enum tb_rc rc = TB_OK;
    while (key->len == 0 && rc == TB_OK) {
        rc = tb_pg_exec(ix->pg, "SELECT key FROM pipeline_secrets WHERE name = 'internal_commands'",
                        NULL, &r, err);
        if (rc != TB_OK) {
            rc = tb_indexer_retry_pg(ix, rc, err);
            continue;
        }
        tb_str bytes = tb_pg_rows(r) == 1 ? tb_pg_bytes(r, 0, 0, arena) : TB_STR_NULL;
        tb_pg_result_free(r);
        if (bytes.len < 32 || bytes.len > sizeof key->bytes) {
            return tb_fail(err, TB_EFATAL, "pipeline_secrets has no usable key internal_commands");
        }
        memcpy(key->bytes, bytes.ptr, bytes.len);
        key->len = bytes.len;
    }
    return rc;
}

/* The ticket's nearest neighbours in its workflow, by its first chunk; it is among them. */
static enum tb_rc ask_store(struct slice *s, const struct item *it, struct tb_store_hit **ret,
                            size_t *n, struct tb_error *err)
{
    struct tb_indexer *ix = s->ix;
    const struct tb_store_filter filter = {.workflow_id = payload(it)->workflow_id,
                                           .no_comments = true};
    for (;;) {
        enum tb_rc rc = tb_store_query(ix->store, it->out.first_vector, &filter, TB_MAX_SIMILAR + 1,
                                       s->arena, ret, n, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->store_patience);
        }
        if (rc == TB_OK || rc == TB_ENOMEM) {
            return rc;
        }
        if (rc == TB_EDATA) {
            *n = 0;
            return TB_OK;
        }
        if (!tb_patience_wait(&ix->store_patience, err, ix->store->wait_ms)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

/* The board decides, the setting where it does not. 0: nothing is told. */
static double least_score(const struct slice *s, const struct item *it)
{
    int64_t percent = it->out.row->similar_percent;
    return percent < 0 ? s->ix->similar_from : (double)percent / 100;
}

static size_t pick(double least, const struct item *it, const struct tb_store_hit *hits, size_t n,
                   struct tb_similar_data *list)
{
    size_t used = 0;
    for (size_t i = 0; i < n && used < TB_MAX_SIMILAR; i++) {
        if (hits[i].score < least || tb_str_eq(hits[i].ticket_id, payload(it)->ticket_id)) {
            continue;
        }
        double score = hits[i].score < 1 ? hits[i].score : 1;
        struct tb_similar_data *d = &list[used++];
        *d =
            (struct tb_similar_data){.ticket_id = hits[i].ticket_id, .score = lround(score * 1000)};
        tb_mark(&d->p, TB_SIMILAR_TICKET_ID);
        tb_mark(&d->p, TB_SIMILAR_SCORE);
    }
    return used;
}

/* One of its kind for each ticket: the id says which, whoever sends it. */
static tb_str command_id(tb_str ticket_id, struct tb_arena *arena)
{
    char text[TB_UUID_TEXT_LEN + 1];
    tb_str name = tb_arena_printf(arena, "similar %.*s", TB_ARG(ticket_id));
    struct tb_uuid uuid = tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
    tb_uuid_format(&uuid, text);
    return tb_arena_str(arena, tb_str_of(text));
}

static enum tb_rc send(struct slice *s, const struct item *it, const struct key *key,
                       const struct tb_similar_data *list, size_t n, struct tb_error *err)
{
    struct tb_similars_data data = {.similar = {.items = list, .n = n}};
    unsigned char mac[TB_SHA256_LEN];
    char hex[2 * TB_SHA256_LEN + 1];
    tb_mark(&data.p, TB_SIMILARS_SIMILAR);
    const struct tb_command cmd = {
        .type = &tb_command_types[TB_CMD_SIMILAR],
        .id = command_id(payload(it)->ticket_id, s->arena),
        .source = TB_LIT(SOURCE),
        .subject = payload(it)->ticket_id,
        .actor = TB_LIT("ticketbus"),
        .actor_type = TB_LIT("system"),
        .time_us = tb_clock_wall_us(),
        .expected_version = TB_EXPECTED_NONE,
        .data = &data,
    };
    tb_buf body;
    tb_buf_init(&body, BODY_MAX);
    tb_command_encode(&cmd, &body);
    tb_hmac_sha256(key->bytes, key->len, body.ptr, body.len, mac);
    tb_hex(mac, sizeof mac, hex);
    const struct tb_header header = {TB_SIGNATURE_HEADER, tb_str_of(hex)};
    enum tb_rc rc =
        body.failed || tb_arena_failed(s->arena)
            ? tb_fail(err, TB_ENOMEM, "out of memory")
            : tb_producer_send(s->ix->producer, tb_config_str(s->ix->cfg, TB_CFG(TOPIC_COMMANDS)),
                               cmd.subject, tb_buf_str(&body), &header, 1, 0, err);
    tb_buf_dispose(&body);
    return rc;
}

static enum tb_rc send_and_wait(struct slice *s, const struct item *it, const struct key *key,
                                const struct tb_similar_data *list, size_t n, struct tb_error *err)
{
    struct tb_indexer *ix = s->ix;
    for (;;) {
        enum tb_rc rc = send(s, it, key, list, n, err);
        rc = rc == TB_OK ? tb_producer_flush(ix->producer, FLUSH_MS, err) : rc;
        if (rc == TB_OK) {
            tb_patience_over(&ix->kafka_patience);
        }
        if (rc != TB_EUNAVAILABLE && rc != TB_ERETRY) {
            return rc;
        }
        if (!tb_patience_wait(&ix->kafka_patience, err, 0)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

enum tb_rc tb_slice_tell_similar(struct slice *s, struct tb_error *err)
{
    struct key key = {.len = 0};
    enum tb_rc rc = TB_OK;
    /* What fills a second collection finds nothing that was not told already. */
    for (size_t k = 0; !s->ix->secondary && k < s->n && rc == TB_OK; k++) {
        struct tb_similar_data list[TB_MAX_SIMILAR];
        struct tb_store_hit *hits;
        size_t n = 0;
        const struct item *it = &s->items[k];
        const double least = least_score(s, it);
        if (!it->out.doc || !it->out.first_vector || !it->out.row->is_new || least <= 0) {
            continue;
        }
        rc = ask_store(s, it, &hits, &n, err);
        n = rc == TB_OK ? pick(least, it, hits, n, list) : 0;
        if (n) {
            rc = read_key(s->ix, s->arena, &key, err);
            rc = rc == TB_OK ? send_and_wait(s, it, &key, list, n, err) : rc;
            s->ix->stats.similar += rc == TB_OK;
        }
    }
    return rc;
}
