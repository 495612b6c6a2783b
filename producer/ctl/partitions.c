/* partition list, partition resume. */
#include "producer/ctl/partitions.h"

#include <stdlib.h>

#include "common/crypto/crypto.h"
#include "common/json/command.h"
#include "common/kafka/consumer.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/topics.h"
#include "producer/ctl/verbs.h"

const char *ctl_partition_state_name(enum ctl_partition_state state)
{
    static const char *const names[] = {
        [CTL_PARTITION_OK] = "ok",           [CTL_PARTITION_UNREAD] = "unread",
        [CTL_PARTITION_EXPIRED] = "expired", [CTL_PARTITION_RECREATED] = "recreated",
        [CTL_PARTITION_NEWER] = "newer",     [CTL_PARTITION_MISSING] = "missing",
    };
    return names[state];
}

bool ctl_partition_is_stopped(enum ctl_partition_state state)
{
    return state != CTL_PARTITION_OK && state != CTL_PARTITION_UNREAD;
}

/* ---- looking ---- */

static const char sql_watermarks[] =
    "SELECT partition, next_offset, published_offset, last_record, owner_epoch"
    " FROM partition_watermarks WHERE topic = $1 ORDER BY partition";

/* Whether the log has, before next, the record that was applied last. One that is gone says
 * nothing, as it says nothing to workers. */
static enum tb_rc is_same_log(struct ctl *ctl, const struct ctl_partition *p, bool *ret,
                              struct tb_error *err)
{
    struct tb_kafka_message m;
    *ret = true;
    if (p->last.len != TB_FINGERPRINT_LEN || p->next <= p->low) {
        return TB_OK;
    }
    enum tb_rc rc = tb_consumer_read_at(ctl->cfg, tb_config_str(ctl->cfg, TB_CFG(TOPIC_COMMANDS)),
                                        p->id, p->next - 1, CTL_KAFKA_MS, &m, err);
    if (rc == TB_OK) {
        char seen[TB_FINGERPRINT_LEN + 1];
        tb_fingerprint(m.value, seen);
        *ret = tb_str_eq_c(p->last, seen);
        tb_kafka_message_free(&m);
    }
    return rc == TB_ENOTFOUND ? TB_OK : rc;
}

static enum tb_rc is_newer(struct ctl *ctl, const struct ctl_partition *p, bool *ret,
                           struct tb_error *err)
{
    struct tb_kafka_message m;
    *ret = false;
    if (p->next >= p->high) {
        return TB_OK;
    }
    enum tb_rc rc = tb_consumer_read_at(ctl->cfg, tb_config_str(ctl->cfg, TB_CFG(TOPIC_COMMANDS)),
                                        p->id, p->next, CTL_KAFKA_MS, &m, err);
    if (rc == TB_OK) {
        const struct tb_decode_limits limits = {
            .max_bytes = (size_t)tb_config_int(ctl->cfg, TB_CFG(MESSAGE_MAX_BYTES))};
        struct tb_command cmd;
        struct tb_decode_failure fail;
        tb_str value = tb_str_is_null(m.value) ? TB_LIT("") : m.value;
        *ret = tb_command_decode(value, &limits, ctl->arena, &cmd, &fail) == TB_EINVAL &&
               fail.kind == TB_DECODE_NEWER_SCHEMA;
        tb_kafka_message_free(&m);
    }
    return rc == TB_ENOTFOUND ? TB_OK : rc;
}

static enum tb_rc judge(struct ctl *ctl, struct ctl_partition *p, bool claimed,
                        struct tb_error *err)
{
    bool same = true;
    bool newer = false;
    if (p->next == 0 && tb_str_is_null(p->last)) { /* begins where the log does */
        p->state = claimed ? CTL_PARTITION_OK : CTL_PARTITION_UNREAD;
        return TB_OK;
    }
    if (p->next < p->low || p->next > p->high) {
        p->state = p->next < p->low ? CTL_PARTITION_EXPIRED : CTL_PARTITION_RECREATED;
        return TB_OK;
    }
    enum tb_rc rc = is_same_log(ctl, p, &same, err);
    rc = rc == TB_OK && same ? is_newer(ctl, p, &newer, err) : rc;
    p->state = !same ? CTL_PARTITION_RECREATED : newer ? CTL_PARTITION_NEWER : CTL_PARTITION_OK;
    return rc;
}

enum tb_rc ctl_partitions_look(struct ctl *ctl, struct ctl_partition **ret, size_t *ret_n,
                               struct tb_error *err)
{
    const char *topic = tb_config_str(ctl->cfg, TB_CFG(TOPIC_COMMANDS));
    struct tb_admin *admin = NULL;
    struct tb_group_info info = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, tb_str_of(topic));
    enum tb_rc rc = ctl_query(ctl, sql_watermarks, &p, &r, err);
    rc = rc == TB_OK ? tb_admin_new(ctl->cfg, "ticketctl", &admin, err) : rc;
    rc = rc == TB_OK ? tb_admin_group(admin, tb_config_str(ctl->cfg, TB_CFG(WORKER_GROUP)), topic,
                                      ctl->arena, &info, CTL_KAFKA_MS, err)
                     : rc;
    tb_admin_free(admin);
    int rows = rc == TB_OK ? tb_pg_rows(r) : 0;
    int32_t known = rows ? (int32_t)tb_pg_int(r, rows - 1, 0) + 1 : 0;
    size_t n = (size_t)known > info.nlags ? (size_t)known : info.nlags;
    struct ctl_partition *all = TB_NEW_N(ctl->arena, struct ctl_partition, n + 1);
    bool *claimed = TB_NEW_N(ctl->arena, bool, n + 1);
    if (rc == TB_OK && (!all || !claimed)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == TB_OK && i < n; i++) {
        all[i] = (struct ctl_partition){.id = (int32_t)i, .last = TB_STR_NULL};
        if (i < info.nlags) {
            all[i].low = info.lags[i].low;
            all[i].high = info.lags[i].high;
        }
    }
    for (int i = 0; rc == TB_OK && i < rows; i++) {
        struct ctl_partition *one = &all[tb_pg_int(r, i, 0)];
        one->next = tb_pg_int(r, i, 1);
        one->published = tb_pg_int(r, i, 2);
        one->last = tb_pg_str_in(r, i, 3, ctl->arena);
        claimed[one->id] = tb_pg_int(r, i, 4) > 0;
    }
    tb_pg_result_free(r);
    for (size_t i = 0; rc == TB_OK && i < n; i++) {
        if (i >= info.nlags) {
            all[i].state = CTL_PARTITION_MISSING;
            continue;
        }
        rc = judge(ctl, &all[i], claimed[i], err);
    }
    *ret = all;
    *ret_n = n;
    return rc;
}

/* ---- partition list ---- */

static tb_str advice(struct ctl *ctl, const struct ctl_partition *p)
{
    switch (p->state) {
    case CTL_PARTITION_OK:
    case CTL_PARTITION_UNREAD:
        break;
    case CTL_PARTITION_EXPIRED:
        return tb_arena_printf(ctl->arena,
                               "%lld commands are gone: runbook, \"Commands expired\"; then "
                               "ticketctl partition resume %d",
                               (long long)(p->low - p->next), p->id);
    case CTL_PARTITION_RECREATED:
        return tb_arena_printf(ctl->arena,
                               "another log: runbook, \"A topic was recreated\"; then ticketctl "
                               "partition resume %d",
                               p->id);
    case CTL_PARTITION_NEWER:
        return TB_LIT("a command of a newer schema version: it waits for newer workers");
    case CTL_PARTITION_MISSING:
        return TB_LIT("the topic has fewer partitions than before: make it as it was");
    }
    return TB_STR_NULL;
}

static void list_json(struct tb_json *w, const struct ctl_partition *p, tb_str what_to_do)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"next_offset", p->next},
                   {"published_offset", p->published},
                   {"low", p->low},
                   {"high", p->high}};
    tb_json_open(w, '{');
    tb_json_key(w, "partition");
    tb_json_int(w, p->id);
    tb_json_key(w, "state");
    tb_json_string(w, tb_str_of(ctl_partition_state_name(p->state)));
    tb_json_key(w, "stopped");
    tb_json_bool(w, ctl_partition_is_stopped(p->state));
    for (size_t i = 0; i < TB_COUNT(numbers); i++) {
        tb_json_key(w, numbers[i].name);
        tb_json_int(w, numbers[i].value);
    }
    tb_json_key(w, "advice");
    tb_json_string(w, what_to_do);
    tb_json_close(w, '}');
}

int ctl_run_partition_list(struct ctl *ctl)
{
    static const char *const heads[] = {"PARTITION", "STATE",  "APPLIED TO", "PUBLISHED TO",
                                        "LOG",       "BEHIND", "WHAT TO DO", NULL};
    struct tb_error err = {0};
    struct ctl_partition *all;
    size_t n;
    int code = CTL_DONE;
    if (ctl_partitions_look(ctl, &all, &n, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    struct ctl_grid grid;
    struct tb_json w = {.buf = &ctl->out};
    ctl_grid_init(&grid, ctl->arena, heads);
    if (ctl->json) {
        tb_json_open(&w, '[');
    }
    for (size_t i = 0; i < n; i++) {
        const struct ctl_partition *p = &all[i];
        bool stopped = ctl_partition_is_stopped(p->state);
        tb_str what_to_do = advice(ctl, p);
        code = stopped ? CTL_REJECTED : code;
        if (ctl->json) {
            list_json(&w, p, what_to_do);
            continue;
        }
        ctl_grid_add_int(&grid, p->id);
        ctl_grid_add(&grid, tb_str_of(ctl_partition_state_name(p->state)),
                     stopped ? CTL_RED : CTL_GREEN);
        ctl_grid_add_int(&grid, p->next);
        ctl_grid_add_int(&grid, p->published);
        ctl_grid_add(
            &grid,
            tb_arena_printf(ctl->arena, "%lld to %lld", (long long)p->low, (long long)p->high),
            CTL_PLAIN);
        ctl_grid_add_int(&grid, stopped || p->next > p->high ? 0 : p->high - p->next);
        ctl_grid_add(&grid, what_to_do, CTL_YELLOW);
    }
    if (ctl->json) {
        tb_json_close(&w, ']');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    return code;
}

/* ---- partition resume ---- */

/* Only where nothing has moved since we looked, and nothing is left to publish. Raising the epoch
 * tells the worker that owns it. Attempts counted at offsets of another log say nothing. */
static const char sql_resume[] =
    "WITH moved AS (UPDATE partition_watermarks SET next_offset = $5, published_offset = $5,"
    "   last_record = NULL, stalled_claims = 0, owner_epoch = owner_epoch + 1,"
    "   log_began = CASE WHEN $6::bool THEN clock_timestamp() ELSE log_began END,"
    "   updated_at = clock_timestamp()"
    "  WHERE topic = $1 AND partition = $2 AND next_offset = $3 AND published_offset = $4"
    "  RETURNING topic, partition),"
    " gone AS (DELETE FROM command_attempts a USING moved"
    "  WHERE a.topic = moved.topic AND a.partition = moved.partition)"
    " SELECT count(*) FROM moved";

static enum tb_rc where_to(struct ctl *ctl, const struct ctl_partition *p, int64_t *ret,
                           struct tb_error *err)
{
    tb_str from = ctl_opt(&ctl->args, "from");
    if (tb_str_is_null(from) || tb_str_eq_c(from, "beginning")) {
        *ret = p->low;
    } else if (tb_str_eq_c(from, "end")) {
        *ret = p->high;
    } else if (!ctl_parse_int(from, ret)) {
        return tb_fail(err, TB_EINVAL, "--from is beginning, end or an offset");
    }
    if (*ret < p->low || *ret > p->high) {
        return tb_fail(err, TB_EINVAL, "partition %d: its log holds offsets %lld to %lld", p->id,
                       (long long)p->low, (long long)p->high);
    }
    return TB_OK;
}

static enum tb_rc resume(struct ctl *ctl, const struct ctl_partition *p, struct tb_error *err)
{
    int64_t to = 0;
    if (p->state != CTL_PARTITION_EXPIRED && p->state != CTL_PARTITION_RECREATED) {
        tb_str what_to_do = advice(ctl, p);
        return tb_fail(
            err, TB_ECONFLICT, "partition %d: %.*s", p->id,
            TB_ARG(tb_str_is_null(what_to_do) ? TB_LIT("it is not stopped") : what_to_do));
    }
    if (p->published < p->next) {
        return tb_fail(err, TB_ECONFLICT,
                       "partition %d: what offsets %lld to %lld led to is not published yet, and "
                       "would be lost: let a worker run until ticketctl partition list says so",
                       p->id, (long long)p->published, (long long)p->next - 1);
    }
    enum tb_rc rc = where_to(ctl, p, &to, err);
    if (rc != TB_OK) {
        return rc;
    }
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, ctl->arena);
    tb_pg_add_str(&params, tb_str_of(tb_config_str(ctl->cfg, TB_CFG(TOPIC_COMMANDS))));
    tb_pg_add_int(&params, p->id);
    tb_pg_add_int(&params, p->next);
    tb_pg_add_int(&params, p->published);
    tb_pg_add_int(&params, to);
    tb_pg_add_bool(&params, p->state == CTL_PARTITION_RECREATED);
    rc = ctl_query(ctl, sql_resume, &params, &r, err);
    if (rc == TB_OK && tb_pg_int(r, 0, 0) == 0) {
        rc = tb_fail(err, TB_ECONFLICT, "partition %d has moved meanwhile; look again", p->id);
    }
    tb_pg_result_free(r);
    if (rc == TB_OK && !ctl->json) {
        tb_buf_printf(&ctl->out, "partition %d goes on from offset %lld (it was at %lld)\n", p->id,
                      (long long)to, (long long)p->next);
    } else if (rc == TB_OK) {
        tb_buf_printf(&ctl->out, "{\"partition\":%d,\"from\":%lld,\"was\":%lld}\n", p->id,
                      (long long)to, (long long)p->next);
    }
    return rc;
}

int ctl_run_partition_resume(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_partition *all;
    size_t n;
    int64_t wanted = -1;
    bool every = ctl_flag(&ctl->args, "all");
    if (every == (ctl->args.nargs > 0) || (!every && !ctl_parse_int(ctl->args.args[0], &wanted))) {
        return ctl_usage(ctl, "say which partition, or --all");
    }
    if (ctl_partitions_look(ctl, &all, &n, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    if (!every && (wanted < 0 || (size_t)wanted >= n)) {
        return ctl_usage(ctl, "there is no partition %lld", (long long)wanted);
    }
    size_t resumed = 0;
    int code = CTL_DONE;
    for (size_t i = 0; i < n; i++) {
        bool can = all[i].state == CTL_PARTITION_EXPIRED || all[i].state == CTL_PARTITION_RECREATED;
        if (every ? !can : (int64_t)i != wanted) {
            continue;
        }
        if (resume(ctl, &all[i], &err) == TB_OK) {
            resumed++;
        } else {
            code = ctl_fail(&err);
        }
    }
    if (every && resumed == 0 && code == CTL_DONE) {
        ctl_say("no partition has stopped that could be resumed");
    }
    return code;
}
