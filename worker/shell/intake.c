/* From a Kafka record to an item: decoded, checked for a signature, with what waits for it. */
#include "common/crypto/crypto.h"
#include "common/json/command.h"
#include "worker/shell/worker.h"

#define MAX_WAITING 100000

static void fail_item(struct tb_item *item, enum tb_item_kind kind, enum tb_rejection why,
                      tb_str field, tb_str message)
{
    item->kind = kind;
    item->rejection = why;
    item->field = field;
    item->message = message;
    if (kind == TB_ITEM_DEAD) {
        tb_sha256_of(item->value.ptr, item->value.len, item->cmd.body_hash);
    }
}

enum tb_intake tb_intake(struct tb_worker *w, const struct tb_kafka_message *m,
                         struct tb_arena *arena, struct tb_item *ret)
{
    const struct tb_decode_limits limits = {.max_bytes = w->message_max};
    struct tb_decode_failure fail;
    *ret = (struct tb_item){
        .partition = m->partition,
        .offset = m->offset,
        .record_time = m->timestamp_us,
        .key = m->key,
        .value = tb_str_is_null(m->value) ? TB_LIT("") : m->value,
        .kind = TB_ITEM_COMMAND,
        .is_signed =
            tb_internal_verify(w, m->value, tb_kafka_message_header(m, TB_SIGNATURE_HEADER)),
    };
    enum tb_rc rc = tb_command_decode(ret->value, &limits, arena, &ret->cmd, &fail);
    if (rc == TB_EINVAL && fail.kind == TB_DECODE_NEWER_SCHEMA) {
        return TB_INTAKE_NEWER_SCHEMA;
    }
    if (rc == TB_EINVAL) {
        fail_item(ret, fail.kind == TB_DECODE_REJECT ? TB_ITEM_REJECT : TB_ITEM_DEAD,
                  fail.rejection, fail.field, fail.message);
    } else if (rc != TB_OK) {
        return TB_INTAKE_NO_MEMORY;
    }
    if (ret->kind != TB_ITEM_DEAD && ret->cmd.type->internal && !ret->is_signed) {
        fail_item(ret, TB_ITEM_DEAD, TB_REJECT_BAD_SIGNATURE, TB_STR_NULL,
                  tb_str_of(tb_rejection_sentence(TB_REJECT_BAD_SIGNATURE)));
    }
    return TB_INTAKE_OK;
}

enum tb_rc tb_intake_waiting(struct tb_worker *w, struct tb_item *item, struct tb_arena *arena,
                             struct tb_error *err)
{
    static const char sql[] =
        "SELECT topic_partition, record_offset, source, id, record_time, body, queued"
        " FROM parked_commands WHERE ticket_id = $1 ORDER BY queued LIMIT $2";
    const struct tb_decode_limits limits = {.max_bytes = w->message_max};
    struct tb_pg_params p;
    tb_pg_params_init(&p, arena);
    tb_pg_add_str(&p, item->cmd.subject);
    tb_pg_add_int(&p, MAX_WAITING);
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_pipeline_add(w->pg, "waiting", sql, &p, err);
    rc = rc != TB_OK ? rc : tb_pg_pipeline_run(w->pg, &r, false, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t n = (size_t)tb_pg_rows(r);
    struct tb_waiting *waiting = TB_NEW_N(arena, struct tb_waiting, n);
    for (size_t i = 0; waiting && i < n; i++) {
        int row = (int)i;
        struct tb_decode_failure fail;
        waiting[i].partition = (int32_t)tb_pg_int(r, row, 0);
        waiting[i].offset = tb_pg_int(r, row, 1);
        waiting[i].source = tb_pg_str_in(r, row, 2, arena);
        waiting[i].id = tb_pg_str_in(r, row, 3, arena);
        waiting[i].record_time = tb_pg_time(r, row, 4);
        waiting[i].body = tb_pg_bytes(r, row, 5, arena);
        waiting[i].queued = tb_pg_int(r, row, 6);
        waiting[i].decoded =
            tb_command_decode(waiting[i].body, &limits, arena, &waiting[i].cmd, &fail) == TB_OK;
    }
    tb_pg_result_free(r);
    if (!waiting || tb_arena_failed(arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    item->waiting = waiting;
    item->nwaiting = n;
    return TB_OK;
}
