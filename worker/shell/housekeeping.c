/* What a worker does beside its batches. */
#include "common/base/log.h"
#include "common/json/command.h"
#include "worker/shell/worker.h"

#define AHEAD_DAYS 3
#define SWEEP_MAX  500
/* Acknowledgements of messages that no outbox row waits for. */
#define NO_TAG UINT64_MAX

enum tb_rc tb_maintain_log(struct tb_worker *w, struct tb_error *err)
{
    static const char sql_ensure[] =
        "SELECT command_log_ensure(((now() - make_interval(hours => $1::int)) AT TIME ZONE"
        " 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date + $2::int)";
    static const char sql_prune[] =
        "SELECT command_log_prune(now() - make_interval(hours => $1::int) - interval '1 day')";
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_int(&p, tb_config_int(w->cfg, TB_CFG(OUTCOME_RETENTION_H)));
    tb_pg_add_int(&p, AHEAD_DAYS);
    enum tb_rc rc = tb_pg_exec(w->pg, sql_ensure, &p, NULL, err);
    if (rc != TB_OK) {
        return rc;
    }
    p.n = 1;
    struct tb_pg_result *r = NULL;
    rc = tb_pg_exec(w->pg, sql_prune, &p, &r, err);
    if (rc == TB_OK && tb_pg_int(r, 0, 0) > 0) {
        tb_log_info("dropped %lld partitions of the command log past retention",
                    (long long)tb_pg_int(r, 0, 0));
    }
    tb_pg_result_free(r);
    return rc;
}

static enum tb_rc send_expire(struct tb_worker *w, tb_str ticket, tb_str deadline,
                              struct tb_error *err)
{
    const struct tb_command cause = {
        .id = tb_arena_printf(w->arena, "wait:%.*s:%.*s", TB_ARG(ticket), TB_ARG(deadline)),
        .source = TB_LIT(TB_WORKER_SOURCE),
    };
    const struct tb_message message = {.kind = TB_MESSAGE_RETRY, .subject = ticket};
    tb_str body;
    enum tb_rc rc = tb_internal_render(&cause, 0, tb_clock_wall_us(), &message, w->arena, &body);
    if (rc != TB_OK) {
        return tb_fail(err, rc, "out of memory");
    }
    char signature[2 * 32 + 1];
    tb_internal_sign(w, body, signature);
    const struct tb_header header = {TB_SIGNATURE_HEADER, tb_str_of(signature)};
    rc = tb_producer_send(w->producer, w->topic_commands, ticket, body, &header, 1, NO_TAG, err);
    return rc == TB_ERETRY ? TB_OK : rc; /* queue full: the next sweep sends it */
}

enum tb_rc tb_sweep_waits(struct tb_worker *w, struct tb_error *err)
{
    static const char sql[] =
        "SELECT ticket_id, deadline FROM parked_tickets WHERE deadline < now()"
        " ORDER BY deadline LIMIT $1";
    tb_arena_reset(w->arena);
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_int(&p, SWEEP_MAX);
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_pipeline_add(w->pg, "sweep", sql, &p, err);
    rc = rc != TB_OK ? rc : tb_pg_pipeline_run(w->pg, &r, false, err);
    for (int i = 0; rc == TB_OK && i < tb_pg_rows(r); i++) {
        tb_str ticket = tb_pg_str(r, i, 0);
        if (tb_worker_partition(w, tb_partition_of(ticket, w->ncommand_partitions))) {
            rc = send_expire(w, ticket, tb_pg_str(r, i, 1), err);
        }
    }
    tb_pg_result_free(r);
    return rc;
}

/* A worker frozen while it sends a pipeline holds its locks and is not idle in transaction:
 * Postgres waits for the rest of the pipeline under no timeout. Its session says that it waits for
 * its client. */
void tb_end_frozen(struct tb_worker *w)
{
    static const char sql[] =
        "SELECT application_name, pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user"
        "  AND pid <> pg_backend_pid() AND application_name LIKE 'ticketbus-worker%'"
        "  AND xact_start IS NOT NULL AND wait_event_type = 'Client'"
        "  AND GREATEST(state_change, query_start)"
        "   < clock_timestamp() - $1::int * interval '1 millisecond'";
    struct tb_error err;
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_int(&p, tb_config_int(w->cfg, TB_CFG(DB_IDLE_TIMEOUT_MS)));
    struct tb_pg_result *r = NULL;
    if (tb_pg_exec(w->pg, sql, &p, &r, &err) != TB_OK) {
        tb_log_debug("cannot look for frozen sessions: %s", err.text);
        return;
    }
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_log_warn("ended the session of %.*s: its client is frozen and holds locks",
                    TB_ARG(tb_pg_str(r, i, 0)));
    }
    tb_pg_result_free(r);
}
