/* From deliveries to requests, and back to what became of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "gateway/hooks/internal.h"

enum { CLAIM_EVERY_US = 200 * 1000, GRACE_MS = 15000, ANSWERS_MAX = 64 };

/* ---- limits ---- */

static int64_t room_of(struct tb_target *t, int64_t now)
{
    double most = (double)t->max_per_second;
    t->credit += (double)(now - t->credited_us) * most / 1e6;
    t->credit = t->credit > most ? most : t->credit;
    t->credited_us = now;
    int64_t room = t->max_parallel - t->sending;
    room = room < (int64_t)t->credit ? room : (int64_t)t->credit;
    return t->known && t->active && room > 0 ? room : 0;
}

/* ---- claiming ---- */

/* Of each webhook what is due and first of its subject: events of a ticket arrive in order. */
static const char sql_claim[] =
    "WITH due AS (SELECT x.id FROM unnest($1::text[], $2::bigint[]) AS t(webhook_id, room)"
    "  CROSS JOIN LATERAL (SELECT d.id FROM webhook_deliveries d"
    "   JOIN webhooks w ON w.id = d.webhook_id"
    "   WHERE d.webhook_id = t.webhook_id AND d.status = 'pending' AND d.next_attempt_at <= now()"
    "   AND w.status = 'active' AND (w.not_before IS NULL OR w.not_before <= now())"
    "   AND d.topic_partition = ANY($3::bigint[])"
    "   AND (d.owned_until IS NULL OR d.owned_until < now())"
    "   AND NOT EXISTS (SELECT FROM webhook_deliveries e WHERE e.webhook_id = d.webhook_id"
    "    AND e.subject = d.subject AND e.status = 'pending' AND e.record_offset < d.record_offset)"
    "   ORDER BY d.next_attempt_at, d.record_offset LIMIT t.room FOR UPDATE OF d SKIP LOCKED) x)"
    " UPDATE webhook_deliveries d SET owner = $4, attempts = d.attempts + 1,"
    "  owned_until = now() + $5::bigint * interval '1 millisecond'"
    " FROM due, webhooks w WHERE d.id = due.id AND w.id = d.webhook_id"
    " RETURNING d.id, d.webhook_id, d.attempts, d.step, d.payload, w.url, w.secret,"
    "  CASE WHEN w.old_secret_until > now() THEN w.old_secret END";

static void job_free(struct tb_hook_job *job)
{
    job->target->sending--;
    tb_arena_free(job->arena);
}

static void end_job(struct tb_hooks *h, struct tb_hook_job *job, const struct tb_sent *sent)
{
    job->sent = *sent;
    h->ended[h->nended++] = job; /* there is room: no more than `parallel` are under way */
}

static bool begin(struct tb_hooks *h, struct tb_hook_job *job, tb_str url, tb_str payload,
                  tb_str secret, tb_str old_secret, struct tb_error *err)
{
    int64_t now_s = tb_clock_wall_us() / 1000000;
    tb_buf signature;
    tb_buf_init(&signature, 256);
    tb_hook_sign(job->id, now_s, payload, secret, old_secret, &signature);
    const struct tb_sending sending = {
        .url = url.ptr,
        .body = payload,
        .headers =
            {
                "Content-Type: application/cloudevents+json",
                tb_arena_printf(job->arena, "webhook-id: %.*s", TB_ARG(job->id)).ptr,
                tb_arena_printf(job->arena, "webhook-timestamp: %lld", (long long)now_s).ptr,
                tb_arena_printf(job->arena, "webhook-signature: %s", signature.ptr).ptr,
                tb_arena_printf(job->arena, "ticketbus-attempt: %lld", (long long)job->attempt).ptr,
            },
        .tag = job,
    };
    bool fine = !signature.failed && !tb_arena_failed(job->arena) &&
                tb_sender_start(h->sender, &sending, err) == TB_OK;
    tb_buf_dispose(&signature);
    return fine;
}

static void start_row(struct tb_hooks *h, const struct tb_pg_result *r, int row)
{
    struct tb_error err = {.text = "out of memory"};
    struct tb_target *target = h->targets;
    while (target && !tb_str_eq_c(tb_pg_str(r, row, 1), target->id)) {
        target = target->next;
    }
    struct tb_arena *arena = target ? tb_arena_new(0) : NULL;
    struct tb_hook_job *job = arena ? TB_NEW(arena, struct tb_hook_job) : NULL;
    if (!job) {
        tb_arena_free(arena);
        return; /* its claim runs out, then it is tried again */
    }
    *job = (struct tb_hook_job){.arena = arena,
                                .target = target,
                                .id = tb_pg_str_in(r, row, 0, arena),
                                .attempt = tb_pg_int(r, row, 2),
                                .step = tb_pg_int(r, row, 3)};
    target->sending++;
    target->credit -= 1;
    h->stats.attempts++;
    if (!begin(h, job, tb_pg_str_in(r, row, 5, arena), tb_pg_str_in(r, row, 4, arena),
               tb_pg_bytes(r, row, 6, arena), tb_pg_bytes(r, row, 7, arena), &err)) {
        struct tb_sent sent = {.tag = job, .retry_after_ms = -1};
        (void)snprintf(sent.error, sizeof sent.error, "%.150s", err.text);
        end_job(h, job, &sent);
    }
}

enum tb_rc tb_hooks_send(struct tb_hooks *h, struct tb_error *err)
{
    int64_t now = tb_clock_mono_us();
    int64_t left = (int64_t)tb_sender_room(h->sender) - (int64_t)h->nended;
    if (now < h->claim_us || h->nowned == 0 || left <= 0) {
        return TB_OK;
    }
    h->claim_us = now + CLAIM_EVERY_US;
    size_t room = 0;
    for (struct tb_target *t = h->targets; t; t = t->next) {
        room++;
    }
    tb_str *ids = TB_NEW_N(h->arena, tb_str, room);
    int64_t *rooms = TB_NEW_N(h->arena, int64_t, room);
    size_t n = 0;
    int64_t share = room ? left / (int64_t)room + 1 : 0; /* nobody takes all of it */
    for (struct tb_target *t = h->targets; t && ids && rooms && left > 0; t = t->next) {
        int64_t most = room_of(t, now);
        most = most < share ? most : share;
        most = most < left ? most : left;
        if (most > 0) {
            ids[n] = tb_str_of(t->id);
            rooms[n++] = most;
            left -= most;
        }
    }
    if (n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, h->arena);
    tb_pg_add_texts(&p, ids, n);
    tb_pg_add_bigints(&p, rooms, n);
    tb_pg_add_bigints(&p, h->owned, h->nowned);
    tb_pg_add_str(&p, tb_str_of(h->owner));
    tb_pg_add_int(&p, h->timeout_ms + GRACE_MS);
    enum tb_rc rc = tb_pg_exec(h->pg, sql_claim, &p, &r, err);
    for (int i = 0; rc == TB_OK && i < tb_pg_rows(r); i++) {
        start_row(h, r, i);
    }
    tb_pg_result_free(r);
    return rc;
}

/* ---- what became of it ---- */

void tb_hooks_collect(struct tb_hooks *h, int timeout_ms)
{
    struct tb_sent sent[ANSWERS_MAX];
    size_t n = tb_sender_poll(h->sender, timeout_ms, sent, ANSWERS_MAX);
    for (size_t i = 0; i < n; i++) {
        end_job(h, sent[i].tag, &sent[i]);
    }
    h->stats.sending = tb_sender_busy(h->sender);
}

static const char sql_record[] =
    "WITH r AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[],"
    "   $5::text[], $6::bigint[], $7::bigint[])"
    "   AS r(id, http, took, error, outcome, wait_ms, hold_ms)),"
    " done AS (UPDATE webhook_deliveries d SET"
    "   status = CASE r.outcome WHEN 'done' THEN 'delivered' WHEN 'dead' THEN 'dead'"
    "    ELSE 'pending' END,"
    "   ended_at = CASE WHEN r.outcome IN ('done', 'dead') THEN now() END,"
    "   step = d.step + (r.outcome <> 'gone')::int,"
    "   next_attempt_at = now() + GREATEST(r.wait_ms, 0) * interval '1 millisecond',"
    "   owner = NULL, owned_until = NULL, last_status = r.http, last_error = r.error"
    "   FROM r WHERE d.id = r.id AND d.owner = $8"
    "   RETURNING d.id, d.webhook_id, d.attempts, r.http, r.took, r.error, r.outcome, r.hold_ms),"
    " history AS (INSERT INTO webhook_attempts (delivery_id, attempt, took_ms, status, error)"
    "   SELECT id, attempts, took, http, error FROM done ON CONFLICT DO NOTHING),"
    " s AS (SELECT webhook_id, bool_or(outcome = 'done') AS fine, bool_or(outcome = 'gone') AS "
    "gone,"
    "   max(hold_ms) AS hold_ms FROM done GROUP BY webhook_id),"
    " s2 AS (SELECT s.*, CASE WHEN w.status = 'paused' THEN NULL"
    "    WHEN gone THEN 'the target answered 410 Gone'"
    "    WHEN NOT fine AND w.failing_since < now() - $9::bigint * interval '1 second'"
    "    THEN 'nothing but failures since ' || to_char(w.failing_since AT TIME ZONE 'UTC',"
    "     'YYYY-MM-DD HH24:MI:SS') || ' UTC' END AS reason"
    "   FROM s JOIN webhooks w ON w.id = s.webhook_id)"
    " UPDATE webhooks w SET"
    "  failing_since = CASE WHEN s2.fine THEN NULL ELSE COALESCE(w.failing_since, now()) END,"
    "  not_before = CASE WHEN s2.hold_ms > 0 THEN now() + s2.hold_ms * interval '1 millisecond'"
    "   ELSE w.not_before END,"
    "  status = CASE WHEN s2.reason IS NULL THEN w.status ELSE 'paused' END,"
    "  paused_reason = COALESCE(s2.reason, w.paused_reason),"
    "  paused_at = CASE WHEN s2.reason IS NULL THEN w.paused_at ELSE now() END"
    " FROM s2 WHERE w.id = s2.webhook_id AND (NOT s2.fine OR w.failing_since IS NOT NULL)"
    " RETURNING w.id, s2.reason";

static tb_str outcome_of(const struct tb_hooks *h, const struct tb_hook_job *job, int64_t *ret_wait,
                         int64_t *ret_hold)
{
    uint32_t random;
    *ret_wait = 0;
    *ret_hold = 0;
    enum tb_hook_verdict verdict = tb_hook_judge(job->sent.status);
    if (verdict != TB_HOOK_RETRY) {
        return verdict == TB_HOOK_DONE ? TB_LIT("done") : TB_LIT("gone");
    }
    tb_random(&random, sizeof random);
    *ret_wait = tb_hook_wait_ms(&h->schedule, job->step + 1, random);
    if (job->sent.retry_after_ms > 0 && (job->sent.status == 429 || job->sent.status == 503)) {
        *ret_hold = job->sent.retry_after_ms; /* it asks for all of its deliveries */
    }
    if (*ret_wait < 0) {
        return TB_LIT("dead");
    }
    *ret_wait = *ret_wait < job->sent.retry_after_ms ? job->sent.retry_after_ms : *ret_wait;
    return TB_LIT("retry");
}

static void count(struct tb_hooks *h, const struct tb_hook_job *job, tb_str outcome)
{
    bool done = tb_str_eq_c(outcome, "done");
    h->stats.delivered += done;
    h->stats.failed += !done;
    h->stats.dead += tb_str_eq_c(outcome, "dead");
    h->stats.refused_address += strstr(job->sent.error, "not an allowed address") != NULL;
}

static void tell(struct tb_hooks *h, const struct tb_pg_result *r)
{
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str reason = tb_pg_str(r, i, 1);
        if (reason.ptr) {
            h->stats.paused++;
            tb_log_warn("%.*s is paused: %.*s (ticketctl webhook resume)",
                        TB_ARG(tb_pg_str(r, i, 0)), TB_ARG(reason));
        }
    }
}

enum tb_rc tb_hooks_record(struct tb_hooks *h, struct tb_error *err)
{
    size_t n = h->nended;
    if (n == 0) {
        return TB_OK;
    }
    struct {
        tb_str id[TB_HOOKS_PARALLEL_MAX], error[TB_HOOKS_PARALLEL_MAX];
        tb_str outcome[TB_HOOKS_PARALLEL_MAX];
        int64_t http[TB_HOOKS_PARALLEL_MAX], took[TB_HOOKS_PARALLEL_MAX];
        int64_t wait[TB_HOOKS_PARALLEL_MAX], hold[TB_HOOKS_PARALLEL_MAX];
    } *c = TB_NEW_N(h->arena, __typeof__(*c), 1);
    if (!c) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        const struct tb_hook_job *job = h->ended[i];
        c->id[i] = job->id;
        c->http[i] = job->sent.status;
        c->took[i] = job->sent.took_ms;
        c->error[i] = tb_str_of(job->sent.error);
        c->outcome[i] = outcome_of(h, job, &c->wait[i], &c->hold[i]);
    }
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, h->arena);
    tb_pg_add_texts(&p, c->id, n);
    tb_pg_add_bigints(&p, c->http, n);
    tb_pg_add_bigints(&p, c->took, n);
    tb_pg_add_texts(&p, c->error, n);
    tb_pg_add_texts(&p, c->outcome, n);
    tb_pg_add_bigints(&p, c->wait, n);
    tb_pg_add_bigints(&p, c->hold, n);
    tb_pg_add_str(&p, tb_str_of(h->owner));
    tb_pg_add_int(&p, tb_config_int(h->cfg, TB_CFG(WEBHOOK_PAUSE_S)));
    enum tb_rc rc = tb_pg_exec(h->pg, sql_record, &p, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    tell(h, r);
    tb_pg_result_free(r);
    for (size_t i = 0; i < n; i++) {
        count(h, h->ended[i], c->outcome[i]);
        job_free(h->ended[i]);
    }
    h->nended = 0;
    h->claim_us = 0; /* the next ones of these tickets */
    return TB_OK;
}

enum tb_rc tb_hooks_release(struct tb_hooks *h, struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, h->arena);
    tb_pg_add_str(&p, tb_str_of(h->owner));
    return tb_pg_exec(h->pg,
                      "UPDATE webhook_deliveries SET owner = NULL, owned_until = NULL"
                      " WHERE owner = $1 AND status = 'pending'",
                      &p, NULL, err);
}
