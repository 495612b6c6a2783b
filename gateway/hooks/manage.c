#include "gateway/hooks/manage.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/crypto/crypto.h"
#include "common/json/base64.h"
#include "common/model/limits.h"
#include "gateway/hooks/address.h"
#include "gateway/hooks/sign.h"

enum { LIST_MAX = 100, TEXT_MAX = 500, URL_MAX = 2000 };

#define SHOWN                                                                                      \
    "json_build_object('id', w.id, 'url', w.url, 'description', w.description,"                    \
    " 'workflow_ids', w.workflow_ids, 'ticket_ids', w.ticket_ids, 'event_types', w.event_types,"   \
    " 'status', w.status, 'paused_reason', w.paused_reason, 'paused_at', w.paused_at,"             \
    " 'failing_since', w.failing_since, 'max_parallel', w.max_parallel,"                           \
    " 'max_per_second', w.max_per_second, 'old_secret_until', w.old_secret_until,"                 \
    " 'created_at', w.created_at, 'created_by', w.created_by, 'updated_at', w.updated_at"
/* $1: workflows of the caller, empty for all. A webhook is his whose reach is within his. */
#define MINE                                                                                       \
    "($1::text[] = '{}' OR (w.allowed_workflow_ids <> '{}' AND w.allowed_workflow_ids <@ "         \
    "$1::text[]))"
#define WAITING                                                                                    \
    ", 'pending', (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id"            \
    " AND d.status = 'pending'), 'dead', (SELECT count(*) FROM webhook_deliveries d"               \
    " WHERE d.webhook_id = w.id AND d.status = 'dead')"

static void begin(const struct tb_hooks_manager *m, struct tb_pg_params *p)
{
    tb_pg_params_init(p, m->arena);
    tb_pg_add_strs(p, m->workflows.items, m->workflows.n);
}

/* Runs it; the answer is the first column of the first row. */
static enum tb_rc ask(const struct tb_hooks_manager *m, const char *sql,
                      const struct tb_pg_params *p, tb_str id, tb_buf *out, struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(m->pg, sql, p, &r, err);
    if (rc == TB_OK && tb_pg_rows(r) == 0) {
        rc = tb_fail(err, TB_ENOTFOUND, "there is no webhook %.*s", TB_ARG(id));
    } else if (rc == TB_OK && out) {
        tb_buf_add_str(out, tb_pg_str(r, 0, 0));
    }
    tb_pg_result_free(r);
    return rc;
}

/* ---- checks ---- */

static enum tb_rc check_list(const char *field, tb_strs list, struct tb_error *err)
{
    if (list.n > LIST_MAX) {
        return tb_fail_field(err, TB_EINVAL, field, "has more than %d entries", LIST_MAX);
    }
    for (size_t i = 0; i < list.n; i++) {
        if (list.items[i].len == 0 || list.items[i].len > TEXT_MAX ||
            !tb_utf8_valid(list.items[i])) {
            return tb_fail_field(err, TB_EINVAL, field, "has an entry that is empty or too long");
        }
    }
    return TB_OK;
}

static enum tb_rc check(const struct tb_hooks_manager *m, const struct tb_hook_fields *f,
                        struct tb_error *err)
{
    struct tb_networks networks;
    enum tb_rc rc = tb_networks_parse(tb_str_of(tb_config_str(m->cfg, TB_CFG(WEBHOOK_NETWORKS))),
                                      &networks, err);
    if (rc == TB_OK && !tb_str_is_null(f->url)) {
        rc = f->url.len > URL_MAX ? tb_fail_field(err, TB_EINVAL, "url", "is too long")
                                  : tb_hook_url_check(f->url, &networks, err);
    }
    if (rc == TB_OK && (f->description.len > TEXT_MAX || !tb_utf8_valid(f->description))) {
        rc = tb_fail_field(err, TB_EINVAL, "description", "has more than %d bytes", TEXT_MAX);
    }
    rc = rc == TB_OK ? check_list("workflow_ids", f->workflows, err) : rc;
    rc = rc == TB_OK ? check_list("ticket_ids", f->tickets, err) : rc;
    rc = rc == TB_OK ? check_list("event_types", f->types, err) : rc;
    if (rc == TB_OK && (f->max_parallel < 0 || f->max_parallel > 64)) {
        rc = tb_fail_field(err, TB_EINVAL, "max_parallel", "is from 1 to 64");
    }
    if (rc == TB_OK && (f->max_per_second < 0 || f->max_per_second > 10000)) {
        rc = tb_fail_field(err, TB_EINVAL, "max_per_second", "is from 1 to 10000");
    }
    if (rc == TB_OK && f->status.ptr && !tb_str_eq_c(f->status, "active") &&
        !tb_str_eq_c(f->status, "paused")) {
        rc = tb_fail_field(err, TB_EINVAL, "status", "is active or paused");
    }
    for (size_t i = 0; rc == TB_OK && m->workflows.n && i < f->workflows.n; i++) {
        if (!tb_strs_has(m->workflows, f->workflows.items[i])) {
            rc = tb_fail_field(err, TB_EINVAL, "workflow_ids",
                               "names a workflow the token does not reach");
            (void)snprintf(err->code, sizeof err->code, TB_HOOKS_NOT_PERMITTED);
        }
    }
    return rc;
}

/* ---- secrets ---- */

static tb_str new_secret(const struct tb_hooks_manager *m,
                         unsigned char bytes[TB_HOOK_SECRET_BYTES])
{
    tb_buf text;
    tb_random(bytes, TB_HOOK_SECRET_BYTES);
    tb_buf_init(&text, 200);
    tb_buf_add_c(&text, TB_HOOK_SECRET_PREFIX);
    tb_base64_encode((tb_str){(const char *)bytes, TB_HOOK_SECRET_BYTES}, &text);
    tb_str taken = tb_buf_take(&text, m->arena);
    tb_buf_dispose(&text);
    return taken;
}

static tb_str new_id(const struct tb_hooks_manager *m, const char *prefix)
{
    char text[TB_UUID_TEXT_LEN + 1];
    struct tb_uuid uuid = tb_uuid_v7_new();
    tb_uuid_format(&uuid, text);
    return tb_arena_printf(m->arena, "%s%s", prefix, text);
}

/* ---- calls ---- */

enum tb_rc tb_hooks_create(const struct tb_hooks_manager *m, const struct tb_hook_fields *f,
                           tb_buf *out, struct tb_error *err)
{
    static const char sql[] =
        "INSERT INTO webhooks AS w (id, url, description, workflow_ids, ticket_ids, event_types,"
        "  allowed_workflow_ids, secret, max_parallel, max_per_second, created_by)"
        " VALUES ($2, $3, COALESCE($4, ''), $5, $6, $7, $1::text[], $8,"
        "  COALESCE(NULLIF($9::int, 0), 4), COALESCE(NULLIF($10::int, 0), 50), $11)"
        " RETURNING " SHOWN ", 'secret', $12::text)";
    unsigned char bytes[TB_HOOK_SECRET_BYTES];
    struct tb_pg_params p;
    enum tb_rc rc = tb_str_is_null(f->url) ? tb_fail_field(err, TB_EINVAL, "url", "is required")
                                           : check(m, f, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str secret = new_secret(m, bytes);
    begin(m, &p);
    tb_pg_add_str(&p, new_id(m, "webhook-"));
    tb_pg_add_str(&p, f->url);
    tb_pg_add_str(&p, f->description);
    tb_pg_add_strs(&p, f->workflows.items, f->workflows.n);
    tb_pg_add_strs(&p, f->tickets.items, f->tickets.n);
    tb_pg_add_strs(&p, f->types.items, f->types.n);
    tb_pg_add_bytes(&p, bytes, sizeof bytes);
    tb_pg_add_int(&p, f->max_parallel);
    tb_pg_add_int(&p, f->max_per_second);
    tb_pg_add_str(&p, m->actor);
    tb_pg_add_str(&p, secret);
    return ask(m, sql, &p, TB_STR_NULL, out, err);
}

enum tb_rc tb_hooks_list(const struct tb_hooks_manager *m, tb_buf *out, struct tb_error *err)
{
    static const char sql[] =
        "SELECT json_build_object('webhooks', COALESCE(json_agg(" SHOWN WAITING
        ") ORDER BY w.created_at, w.id), '[]')) FROM webhooks w WHERE " MINE;
    struct tb_pg_params p;
    begin(m, &p);
    return ask(m, sql, &p, TB_STR_NULL, out, err);
}

enum tb_rc tb_hooks_show(const struct tb_hooks_manager *m, tb_str id, tb_buf *out,
                         struct tb_error *err)
{
    static const char sql[] =
        "SELECT " SHOWN WAITING ") FROM webhooks w WHERE " MINE " AND w.id = $2";
    struct tb_pg_params p;
    begin(m, &p);
    tb_pg_add_str(&p, id);
    return ask(m, sql, &p, id, out, err);
}

static void add_list(struct tb_pg_params *p, bool has, tb_strs list)
{
    if (has) {
        tb_pg_add_strs(p, list.items, list.n);
    } else {
        tb_pg_add_str(p, TB_STR_NULL);
    }
}

enum tb_rc tb_hooks_update(const struct tb_hooks_manager *m, tb_str id,
                           const struct tb_hook_fields *f, tb_buf *out, struct tb_error *err)
{
    static const char sql[] =
        "UPDATE webhooks w SET url = COALESCE($3, url), description = COALESCE($4, description),"
        " workflow_ids = COALESCE($5::text[], workflow_ids),"
        " ticket_ids = COALESCE($6::text[], ticket_ids),"
        " event_types = COALESCE($7::text[], event_types),"
        " max_parallel = COALESCE(NULLIF($8::int, 0), max_parallel),"
        " max_per_second = COALESCE(NULLIF($9::int, 0), max_per_second),"
        " status = COALESCE($10, status),"
        " paused_reason = CASE WHEN COALESCE($10, status) = 'active' THEN NULL"
        "  WHEN status = 'active' THEN 'paused by ' || $11 ELSE paused_reason END,"
        " paused_at = CASE WHEN COALESCE($10, status) = 'active' THEN NULL"
        "  WHEN status = 'active' THEN now() ELSE paused_at END,"
        " failing_since = CASE WHEN $10 = 'active' THEN NULL ELSE failing_since END,"
        " not_before = CASE WHEN $10 = 'active' THEN NULL ELSE not_before END,"
        " updated_at = now() WHERE " MINE " AND w.id = $2 RETURNING " SHOWN ")";
    static const char sql_go_on[] =
        "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE webhook_id = $1"
        " AND status = 'pending' AND next_attempt_at > now()";
    struct tb_pg_params p;
    enum tb_rc rc = check(m, f, err);
    if (rc != TB_OK) {
        return rc;
    }
    begin(m, &p);
    tb_pg_add_str(&p, id);
    tb_pg_add_str(&p, f->url);
    tb_pg_add_str(&p, f->description);
    add_list(&p, f->has_workflows, f->workflows);
    add_list(&p, f->has_tickets, f->tickets);
    add_list(&p, f->has_types, f->types);
    tb_pg_add_int(&p, f->max_parallel);
    tb_pg_add_int(&p, f->max_per_second);
    tb_pg_add_str(&p, f->status);
    tb_pg_add_str(&p, m->actor);
    rc = ask(m, sql, &p, id, out, err);
    if (rc == TB_OK && tb_str_eq_c(f->status, "active")) {
        tb_pg_params_init(&p, m->arena);
        tb_pg_add_str(&p, id);
        rc = tb_pg_exec(m->pg, sql_go_on, &p, NULL, err);
    }
    return rc;
}

enum tb_rc tb_hooks_delete(const struct tb_hooks_manager *m, tb_str id, struct tb_error *err)
{
    static const char sql[] = "DELETE FROM webhooks w WHERE " MINE " AND w.id = $2 RETURNING w.id";
    struct tb_pg_params p;
    begin(m, &p);
    tb_pg_add_str(&p, id);
    return ask(m, sql, &p, id, NULL, err);
}

enum tb_rc tb_hooks_rotate(const struct tb_hooks_manager *m, tb_str id, int64_t hours, tb_buf *out,
                           struct tb_error *err)
{
    static const char sql[] =
        "UPDATE webhooks w SET secret = $3, updated_at = now(),"
        " old_secret = CASE WHEN $4::int > 0 THEN secret END,"
        " old_secret_until = CASE WHEN $4::int > 0 THEN now() + $4::int * interval '1 hour' END"
        " WHERE " MINE " AND w.id = $2 RETURNING " SHOWN ", 'secret', $5::text)";
    unsigned char bytes[TB_HOOK_SECRET_BYTES];
    struct tb_pg_params p;
    if (hours < 0 || hours > 720) {
        return tb_fail_field(err, TB_EINVAL, "hours", "is from 0 to 720");
    }
    tb_str secret = new_secret(m, bytes);
    begin(m, &p);
    tb_pg_add_str(&p, id);
    tb_pg_add_bytes(&p, bytes, sizeof bytes);
    tb_pg_add_int(&p, hours);
    tb_pg_add_str(&p, secret);
    return ask(m, sql, &p, id, out, err);
}

enum tb_rc tb_hooks_test(const struct tb_hooks_manager *m, tb_str id, tb_buf *out,
                         struct tb_error *err)
{
    /* A subject of its own: it waits for nobody. The partition does not matter, but is one that
     * always has an owner. */
    static const char sql[] =
        "INSERT INTO webhook_deliveries AS d (id, webhook_id, event_id, event_type, subject,"
        "  topic_partition, record_offset, payload)"
        " SELECT $3, w.id, $4, 'webhook.test', $4, 0, 0, $5 FROM webhooks w"
        " WHERE " MINE " AND w.id = $2"
        " RETURNING json_build_object('delivery_id', d.id, 'status', d.status)";
    struct tb_pg_params p;
    tb_buf body;
    tb_str event = new_id(m, "test-");
    tb_buf_init(&body, 4096);
    struct tb_json w = {.buf = &body};
    const struct {
        const char *name;
        tb_str value;
    } members[] = {{"specversion", TB_LIT("1.0")},
                   {"id", event},
                   {"source", TB_LIT("/ticketbus/gateway")},
                   {"type", TB_LIT("webhook.test")},
                   {"subject", id}};
    tb_json_open(&w, '{');
    for (size_t i = 0; i < TB_COUNT(members); i++) {
        tb_json_key(&w, members[i].name);
        tb_json_string(&w, members[i].value);
    }
    tb_json_key(&w, "time");
    tb_json_time(&w, tb_clock_wall_us());
    tb_json_key(&w, "data");
    tb_json_open(&w, '{');
    tb_json_key(&w, "asked_by");
    tb_json_string(&w, m->actor);
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
    begin(m, &p);
    tb_pg_add_str(&p, id);
    tb_pg_add_str(&p, new_id(m, "delivery-"));
    tb_pg_add_str(&p, event);
    tb_pg_add_str(&p, tb_buf_str(&body));
    enum tb_rc rc = ask(m, sql, &p, id, out, err);
    tb_buf_dispose(&body);
    return rc;
}

enum tb_rc tb_hooks_deliveries(const struct tb_hooks_manager *m, tb_str id, tb_str status,
                               tb_str before, int64_t limit, tb_buf *out, struct tb_error *err)
{
    static const char sql[] =
        "SELECT json_build_object('deliveries', (SELECT COALESCE(json_agg(json_build_object("
        "  'id', d.id, 'event_id', d.event_id, 'event_type', d.event_type, 'subject', d.subject,"
        "  'status', d.status, 'attempts', d.attempts, 'created_at', d.created_at,"
        "  'next_attempt_at', CASE WHEN d.status = 'pending' THEN d.next_attempt_at END,"
        "  'ended_at', d.ended_at, 'last_status', d.last_status, 'last_error', d.last_error,"
        "  'history', (SELECT COALESCE(json_agg(json_build_object('attempt', a.attempt, 'at', a.at,"
        "     'status', a.status, 'took_ms', a.took_ms, 'error', a.error) ORDER BY a.attempt DESC),"
        "     '[]') FROM (SELECT * FROM webhook_attempts t WHERE t.delivery_id = d.id"
        "     ORDER BY t.attempt DESC LIMIT 20) a)) ORDER BY d.created_at DESC, d.id DESC), '[]')"
        " FROM (SELECT * FROM webhook_deliveries e WHERE e.webhook_id = w.id"
        "  AND ($3::text IS NULL OR e.status = $3)"
        "  AND ($4::text IS NULL OR (e.created_at, e.id) <"
        "       (SELECT b.created_at, b.id FROM webhook_deliveries b WHERE b.id = $4))"
        "  ORDER BY e.created_at DESC, e.id DESC LIMIT $5) d))"
        " FROM webhooks w WHERE " MINE " AND w.id = $2";
    struct tb_pg_params p;
    if (status.ptr && !tb_str_eq_c(status, "pending") && !tb_str_eq_c(status, "delivered") &&
        !tb_str_eq_c(status, "dead")) {
        return tb_fail_field(err, TB_EINVAL, "status", "is pending, delivered or dead");
    }
    begin(m, &p);
    tb_pg_add_str(&p, id);
    tb_pg_add_str(&p, status);
    tb_pg_add_str(&p, before);
    tb_pg_add_int(&p, limit);
    return ask(m, sql, &p, id, out, err);
}

enum tb_rc tb_hooks_redrive(const struct tb_hooks_manager *m, tb_str id, tb_str delivery,
                            tb_buf *out, struct tb_error *err)
{
    static const char sql[] =
        "WITH again AS (UPDATE webhook_deliveries d SET status = 'pending', step = 0,"
        "  ended_at = NULL, next_attempt_at = now() FROM webhooks w WHERE " MINE
        "  AND w.id = $2 AND d.webhook_id = w.id AND d.status = 'dead'"
        "  AND ($3::text IS NULL OR d.id = $3) RETURNING 1)"
        " SELECT json_build_object('redriven', (SELECT count(*) FROM again)) FROM webhooks w"
        " WHERE " MINE " AND w.id = $2";
    struct tb_pg_params p;
    begin(m, &p);
    tb_pg_add_str(&p, id);
    tb_pg_add_str(&p, delivery);
    return ask(m, sql, &p, id, out, err);
}
