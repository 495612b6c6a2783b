/* doctor: looks at every part and says what to do. */
#include <stdio.h>
#include <string.h>

#include "indexer/search/search.h"
#include "producer/ctl/partitions.h"
#include "producer/ctl/schema.h"
#include "producer/ctl/topics.h"
#include "producer/ctl/verbs.h"

#define LAG_WARN 10000 /* commands or events waiting */

enum state { OK, WARN, FAIL, AWAY };
static const char *const state_names[] = {"ok", "warn", "fail", "fail"};
static const char *const json_names[] = {"ok", "warning", "failed", "failed"};
static const enum ctl_color state_colors[] = {CTL_GREEN, CTL_YELLOW, CTL_RED, CTL_RED};

struct doctor {
    struct ctl *ctl;
    struct tb_json w;
    size_t counts[4];
};

/* advice NULL: nothing to do. */
static void tell(struct doctor *d, enum state state, const char *part, const char *text,
                 const char *advice)
{
    struct ctl *ctl = d->ctl;
    d->counts[state]++;
    if (ctl->json) {
        tb_json_open(&d->w, '{');
        tb_json_key(&d->w, "part");
        tb_json_string(&d->w, tb_str_of(part));
        tb_json_key(&d->w, "state");
        tb_json_string(&d->w, tb_str_of(json_names[state]));
        tb_json_key(&d->w, "message");
        tb_json_string(&d->w, tb_str_of(text));
        tb_json_key(&d->w, "advice");
        tb_json_string(&d->w, tb_str_of(advice));
        tb_json_close(&d->w, '}');
        return;
    }
    ctl_text_cell(&ctl->out, &ctl->term, state_colors[state], tb_str_of(state_names[state]), 0, 6);
    ctl_text_cell(&ctl->out, &ctl->term, CTL_PLAIN, tb_str_of(part), 0, 22);
    (void)ctl_text_add(&ctl->out, tb_str_of(text), 0);
    tb_buf_add_char(&ctl->out, '\n');
    if (advice) {
        tb_buf_add_c(&ctl->out, "        -> ");
        (void)ctl_text_add(&ctl->out, tb_str_of(advice), 0);
        tb_buf_add_char(&ctl->out, '\n');
    }
    (void)ctl_flush(ctl);
}

static void tell_error(struct doctor *d, const char *part, const struct tb_error *err,
                       const char *advice)
{
    tell(d, ctl_exit_of(err->rc) == CTL_UNREACHABLE ? AWAY : FAIL, part, err->text, advice);
}

/* ---- Postgres ---- */

static void check_secret(struct doctor *d)
{
    struct tb_error err = {0};
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(d->ctl,
                              "SELECT count(*) FROM pipeline_secrets"
                              " WHERE name = 'internal_commands'",
                              NULL, &r, &err);
    if (rc != TB_OK) {
        tell_error(d, "secrets", &err, "The role needs SELECT on pipeline_secrets.");
    } else if (tb_pg_int(r, 0, 0) == 0) {
        tell(d, FAIL, "secrets", "the key that signs internal commands is missing",
             "Restore pipeline_secrets from a backup: without it blocked tickets stay blocked.");
    } else {
        tell(d, OK, "secrets", "the key for internal commands is there", NULL);
    }
    tb_pg_result_free(r);
}

static void check_log(struct doctor *d)
{
    struct tb_error err = {0};
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(
        d->ctl,
        "SELECT to_regclass('command_log_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'))"
        "  IS NOT NULL,"
        " to_regclass('command_log_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day',"
        "  'YYYYMMDD')) IS NOT NULL,"
        " (SELECT count(*) FROM pg_inherits WHERE inhparent = 'command_log'::regclass),"
        " EXISTS (SELECT FROM command_log_default)",
        NULL, &r, &err);
    if (rc != TB_OK) {
        tell_error(d, "command log", &err, NULL);
        return;
    }
    bool today = tb_pg_bool(r, 0, 0);
    bool tomorrow = tb_pg_bool(r, 0, 1);
    tb_str text =
        tb_arena_printf(d->ctl->arena, "%lld partitions%s%s", (long long)tb_pg_int(r, 0, 2),
                        today ? "" : ", none for today", tomorrow ? "" : ", none for tomorrow");
    if (today && tomorrow && !tb_pg_bool(r, 0, 3)) {
        tell(d, OK, "command log", text.ptr, NULL);
    } else if (tb_pg_bool(r, 0, 3)) {
        tell(d, WARN, "command log",
             "command_log_default holds rows of days that have no partition of their own",
             "They are kept beyond the retention; the runbook tells how to move them.");
    } else {
        tell(d, WARN, "command log", text.ptr, "Workers make partitions: is one running?");
    }
    tb_pg_result_free(r);
}

static void check_migrations(struct doctor *d)
{
    struct tb_error err = {0};
    struct ctl_schema s;
    if (ctl_schema_read(d->ctl, &s, &err) != TB_OK) {
        tell_error(d, "migrations", &err, NULL);
        return;
    }
    tb_str text = tb_arena_printf(d->ctl->arena, "at %lld of %lld", (long long)s.current,
                                  (long long)s.latest);
    if (s.unknown) {
        tell(d, FAIL, "migrations", text.ptr, "The database is newer: use the newer programs.");
    } else if (s.changed) {
        tell(d, FAIL, "migrations", "some were changed after they were applied",
             "ticketctl migrate status shows which.");
    } else if (s.pending) {
        tell(d, FAIL, "migrations", text.ptr, "Run: ticketctl migrate up");
    } else {
        tell(d, OK, "migrations", text.ptr, NULL);
    }
}

static void check_parked(struct doctor *d)
{
    struct tb_error err = {0};
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(d->ctl,
                              "SELECT count(*) FILTER (WHERE reason = 'poison'),"
                              " count(*) FILTER (WHERE reason = 'reference'),"
                              " (SELECT count(*) FROM parked_commands) FROM parked_tickets",
                              NULL, &r, &err);
    if (rc != TB_OK) {
        tell_error(d, "parked tickets", &err, NULL);
        return;
    }
    int64_t poison = tb_pg_int(r, 0, 0);
    tb_str text = tb_arena_printf(d->ctl->arena,
                                  "%lld parked, %lld waiting for a reference, %lld "
                                  "commands wait",
                                  (long long)poison, (long long)tb_pg_int(r, 0, 1),
                                  (long long)tb_pg_int(r, 0, 2));
    tell(d, poison ? WARN : OK, "parked tickets", text.ptr,
         poison ? "ticketctl dlq list names them; then dlq replay or dlq drop." : NULL);
    tb_pg_result_free(r);
}

static bool check_postgres(struct doctor *d)
{
    struct tb_error err = {0};
    const struct tb_config *cfg = d->ctl->cfg;
    if (ctl_need_pg(d->ctl, &err) != TB_OK) {
        tell_error(d, "Postgres", &err, "Look at DB_HOST, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD.");
        return false;
    }
    int version = tb_pg_server_version(d->ctl->pg);
    tb_str text = tb_arena_printf(
        d->ctl->arena, "%d.%d at %s:%lld, database %s, UTF-8", version / 10000, version % 10000,
        tb_config_str(cfg, TB_CFG(DB_HOST)), (long long)tb_config_int(cfg, TB_CFG(DB_PORT)),
        tb_config_str(cfg, TB_CFG(DB_NAME)));
    tell(d, OK, "Postgres", text.ptr, NULL);
    check_migrations(d);
    check_secret(d);
    check_log(d);
    check_parked(d);
    return true;
}

/* ---- Kafka ---- */

static bool check_topic(struct doctor *d, struct tb_admin *admin, const struct ctl_topic *topic)
{
    struct tb_error err = {0};
    struct tb_topic_info info = {0};
    struct tb_arena *arena = d->ctl->arena;
    enum tb_rc rc = tb_admin_describe(admin, topic->name, arena, &info, CTL_KAFKA_MS, &err);
    if (rc != TB_OK) {
        tell_error(d, topic->name, &err,
                   rc == TB_ENOTFOUND ? "Run: ticketctl topics ensure" : NULL);
        return false;
    }
    tb_str trouble = ctl_topic_trouble(d->ctl->cfg, topic, &info, arena);
    tb_str kept = ctl_topic_duration(tb_topic_value(&info, "retention.ms"), arena);
    tb_str text = tb_arena_printf(arena, "%d partitions, %d replicas, kept %.*s", info.partitions,
                                  info.replication, TB_ARG(kept));
    if (!tb_str_is_null(trouble)) {
        tell(d, FAIL, topic->name, text.ptr, trouble.ptr);
    } else if (info.under_replicated) {
        tell(d, WARN, topic->name, text.ptr, "Some replicas are out of sync: look at the brokers.");
    } else {
        tell(d, OK, topic->name, text.ptr, NULL);
    }
    return true;
}

static void check_group(struct doctor *d, struct tb_admin *admin, const char *part,
                        const char *group, const char *topic, const char *program)
{
    struct tb_error err = {0};
    struct tb_group_info info = {0};
    struct tb_arena *arena = d->ctl->arena;
    if (tb_admin_group(admin, group, topic, arena, &info, CTL_KAFKA_MS, &err) != TB_OK) {
        tell_error(d, part, &err, NULL);
        return;
    }
    tb_str text = tb_arena_printf(arena, "%d running (group %s, %.*s), %lld records behind",
                                  info.members, group, TB_ARG(info.state), (long long)info.lag);
    if (info.members == 0) {
        tell(d, FAIL, part, text.ptr, tb_arena_printf(arena, "Start %s.", program).ptr);
    } else if (info.lag > LAG_WARN) {
        tell(d, WARN, part, text.ptr, "They are behind: look at their logs, or start more.");
    } else {
        tell(d, OK, part, text.ptr, NULL);
    }
}

static void check_partitions(struct doctor *d)
{
    struct tb_error err = {0};
    struct ctl_partition *all;
    size_t n;
    size_t stopped = 0;
    if (ctl_partitions_look(d->ctl, &all, &n, &err) != TB_OK) {
        tell_error(d, "partitions", &err, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        stopped += ctl_partition_is_stopped(all[i].state);
    }
    tb_str text = tb_arena_printf(d->ctl->arena, "%zu of %zu have stopped", stopped, n);
    tell(d, stopped ? FAIL : OK, "partitions", text.ptr,
         stopped ? "ticketctl partition list says why, and what to do." : NULL);
}

static void check_kafka(struct doctor *d)
{
    struct tb_error err = {0};
    struct tb_admin *admin = NULL;
    const struct tb_config *cfg = d->ctl->cfg;
    size_t brokers = 0;
    enum tb_rc rc = tb_admin_new(cfg, "ticketctl-doctor", &admin, &err);
    rc = rc == TB_OK ? tb_admin_brokers(admin, &brokers, CTL_KAFKA_MS, &err) : rc;
    if (rc != TB_OK) {
        tell_error(d, "Kafka", &err,
                   "Look at KAFKA_BROKERS and the KAFKA_SASL_*, KAFKA_SSL_* settings.");
        tb_admin_free(admin);
        return;
    }
    tb_str text =
        tb_arena_printf(d->ctl->arena, "%zu broker%s at %s", brokers, brokers == 1 ? "" : "s",
                        tb_config_str(cfg, TB_CFG(KAFKA_BROKERS)));
    tell(d, OK, "Kafka", text.ptr, NULL);
    struct ctl_topic topics[CTL_TOPICS];
    bool there = true;
    ctl_topics_wanted(cfg, topics);
    for (size_t i = 0; i < CTL_TOPICS; i++) {
        there = check_topic(d, admin, &topics[i]) && there;
    }
    if (there) {
        if (d->ctl->pg) {
            check_partitions(d);
        }
        check_group(d, admin, "workers", tb_config_str(cfg, TB_CFG(WORKER_GROUP)), topics[0].name,
                    "ticketbus-worker");
        check_group(d, admin, "indexers", tb_config_str(cfg, TB_CFG(INDEXER_GROUP)), topics[1].name,
                    "ticketbus-indexer");
    }
    tb_admin_free(admin);
}

/* ---- search ---- */

static void check_index(struct doctor *d, struct tb_search *s)
{
    struct tb_error err = {0};
    struct tb_index_status st = {0};
    if (tb_index_status(s, d->ctl->arena, &st, &err) != TB_OK) {
        tell_error(d, "index", &err, NULL);
        return;
    }
    bool in_pg = strcmp(tb_config_str(d->ctl->cfg, TB_CFG(STORE)), "pgvector") == 0;
    const char *store = in_pg ? "pgvector" : "Qdrant";
    if (!st.store_reachable) {
        tell(d, AWAY, store, st.store_error,
             in_pg ? "See docs/runbook.md, Vectors in Postgres."
                   : "Look at QDRANT_URL and QDRANT_API_KEY.");
        return;
    }
    tb_str text = tb_arena_printf(d->ctl->arena, "%s, collection %.*s, model %.*s",
                                  in_pg ? "in the tickets' database"
                                        : tb_config_str(d->ctl->cfg, TB_CFG(QDRANT_URL)),
                                  TB_ARG(st.collection), TB_ARG(st.model));
    tell(d, OK, store, text.ptr, NULL);
    bool other = st.dim != tb_config_int(d->ctl->cfg, TB_CFG(EMBEDDING_DIM)) ||
                 !tb_str_eq_c(st.model, tb_config_str(d->ctl->cfg, TB_CFG(EMBEDDING_MODEL)));
    if (other) {
        tell(d, WARN, "model",
             "EMBEDDING_MODEL and EMBEDDING_DIM name another model than the index's",
             "Change the model with ticketctl index reindex, or set them to the index's.");
    }
    text = tb_arena_printf(d->ctl->arena,
                           "%lld of %lld tickets current, %lld stale, %lld missing, %lld deletes "
                           "pending, %lld points",
                           (long long)st.tickets_current, (long long)st.tickets_live,
                           (long long)st.tickets_stale, (long long)st.tickets_missing,
                           (long long)st.deletes_pending, (long long)st.points_live);
    bool behind = st.tickets_stale || st.tickets_missing || st.deletes_pending;
    tell(d, behind ? WARN : OK, "index", text.ptr,
         behind ? "The indexer is behind or was: if it stays so, ticketctl index reconcile."
                : NULL);
}

/* One question to each leg: the embedding API with its dimension, the vectors, the keywords. */
static void check_leg(struct doctor *d, struct tb_search *s, enum tb_search_mode mode,
                      const char *part, const char *advice)
{
    struct tb_error err = {0};
    struct tb_search_query q = {.text = TB_LIT("doctor"), .mode = mode, .limit = 1};
    struct tb_search_answer a = {0};
    enum tb_rc rc = tb_search_run(s, &q, d->ctl->arena, &a, &err);
    if (rc != TB_OK) {
        tell_error(d, part, &err, advice);
    } else if (a.ndegraded) {
        tell(d, AWAY, part, a.degraded[0].why, advice);
    } else {
        tell(d, OK, part, "a search came back", NULL);
    }
}

static void check_search(struct doctor *d, bool postgres)
{
    struct tb_error err = {0};
    struct tb_search *s = NULL;
    if (!postgres) {
        tell(d, WARN, "search", "not looked at: it needs Postgres", NULL);
        return;
    }
    if (tb_search_open(d->ctl->cfg, &s, &err) != TB_OK) {
        tell_error(d, "search", &err, NULL);
        return;
    }
    check_index(d, s);
    check_leg(d, s, TB_SEARCH_SEMANTIC, "semantic search",
              "Look at EMBEDDING_URL, EMBEDDING_MODEL, EMBEDDING_DIM, and that the indexer has run "
              "once.");
    check_leg(d, s, TB_SEARCH_KEYWORD, "keyword search", NULL);
    tb_search_free(s);
}

int ctl_run_doctor(struct ctl *ctl)
{
    struct doctor d = {.ctl = ctl, .w = {.buf = &ctl->out}};
    if (ctl->json) {
        tb_json_open(&d.w, '{');
        tb_json_key(&d.w, "checks");
        tb_json_open(&d.w, '[');
    }
    tell(&d, OK, "ticketctl", TB_VERSION, NULL);
    bool postgres = check_postgres(&d);
    check_kafka(&d);
    check_search(&d, postgres);
    size_t failed = d.counts[FAIL] + d.counts[AWAY];
    if (ctl->json) {
        tb_json_close(&d.w, ']');
        tb_json_key(&d.w, "failed");
        tb_json_int(&d.w, (int64_t)failed);
        tb_json_key(&d.w, "warnings");
        tb_json_int(&d.w, (int64_t)d.counts[WARN]);
        tb_json_close(&d.w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        tb_buf_printf(&ctl->out, "%zu ok, %zu warnings, %zu failed\n", d.counts[OK], d.counts[WARN],
                      failed);
    }
    return d.counts[AWAY] ? CTL_UNREACHABLE : failed ? CTL_REJECTED : CTL_DONE;
}
