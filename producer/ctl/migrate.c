/* The schema's numbered migrations, applied and taken back under an advisory lock, each in one
 * transaction. What was applied is kept in schema_migrations with a checksum of its text. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "producer/ctl/ctl.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/migrations.h"
#include "producer/ctl/schema.h"
#include "producer/ctl/verbs.h"

/* A migration may rewrite large tables: no limit on statements, a minute to wait for locks. */
static const char sql_begin[] =
    "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'";

static const char sql_table[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                " version int PRIMARY KEY CHECK (version > 0),"
                                " name text NOT NULL,"
                                " checksum text NOT NULL,"
                                " applied_at timestamptz NOT NULL DEFAULT now())";

static void checksum(const char *text, char out[2 * TB_SHA256_LEN + 1])
{
    unsigned char hash[TB_SHA256_LEN];
    tb_sha256_of(text, strlen(text), hash);
    tb_hex(hash, sizeof hash, out);
}

/* ---- what is there ---- */

static enum tb_rc read_applied(struct ctl *ctl, struct ctl_schema *s, struct tb_error *err)
{
    struct tb_pg_result *r = NULL;
    enum tb_rc rc =
        ctl_query(ctl, "SELECT to_regclass('schema_migrations') IS NOT NULL", NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    bool there = tb_pg_bool(r, 0, 0);
    tb_pg_result_free(r);
    if (!there) {
        return TB_OK;
    }
    rc = tb_pg_exec(ctl->pg,
                    "SELECT version, name, checksum, applied_at FROM schema_migrations"
                    " ORDER BY version",
                    NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    for (int i = 0; i < tb_pg_rows(r); i++) {
        int64_t version = tb_pg_int(r, i, 0);
        if (version > (int64_t)ctl_nmigrations) {
            s->unknown++;
        } else if (version > 0) {
            char sum[2 * TB_SHA256_LEN + 1];
            checksum(ctl_migrations[version - 1].up, sum);
            s->rows[version - 1].applied_at = tb_pg_time(r, i, 3);
            s->rows[version - 1].applied = true;
            s->rows[version - 1].changed = !tb_str_eq_c(tb_pg_str(r, i, 2), sum);
            s->changed += s->rows[version - 1].changed;
        }
        s->current = version > s->current ? version : s->current;
    }
    tb_pg_result_free(r);
    return TB_OK;
}

enum tb_rc ctl_schema_read(struct ctl *ctl, struct ctl_schema *ret, struct tb_error *err)
{
    *ret = (struct ctl_schema){.latest = (int64_t)ctl_nmigrations};
    ret->rows = TB_NEW_N(ctl->arena, struct ctl_schema_row, ctl_nmigrations + 1);
    if (!ret->rows) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = read_applied(ctl, ret, err);
    for (size_t i = 0; rc == TB_OK && i < ctl_nmigrations; i++) {
        ret->pending += !ret->rows[i].applied;
    }
    return rc;
}

static enum tb_rc check_known(const struct ctl_schema *s, struct tb_error *err)
{
    if (s->unknown) {
        return tb_fail(err, TB_ECONFLICT,
                       "the database is at migration %lld, newer than this program (%lld): use the "
                       "newer ticketctl",
                       (long long)s->current, (long long)s->latest);
    }
    for (size_t i = 0; i < ctl_nmigrations; i++) {
        if (s->rows[i].changed) {
            return tb_fail(err, TB_ECONFLICT,
                           "migration %04d_%s was changed after it was applied (checksums differ): "
                           "restore its text and put the change into a new migration",
                           ctl_migrations[i].version, ctl_migrations[i].name);
        }
    }
    return TB_OK;
}

/* ---- one step ---- */

static enum tb_rc record_step(struct ctl *ctl, const struct ctl_migration *m, bool up,
                              struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_int(&p, m->version);
    if (!up) {
        return tb_pg_exec(ctl->pg, "DELETE FROM schema_migrations WHERE version = $1", &p, NULL,
                          err);
    }
    char sum[2 * TB_SHA256_LEN + 1];
    checksum(m->up, sum);
    tb_pg_add_str(&p, tb_str_of(m->name));
    tb_pg_add_str(&p, tb_str_of(sum));
    return tb_pg_exec(ctl->pg,
                      "INSERT INTO schema_migrations (version, name, checksum)"
                      " VALUES ($1, $2, $3)",
                      &p, NULL, err);
}

static enum tb_rc step(struct ctl *ctl, const struct ctl_migration *m, bool up,
                       struct tb_error *err)
{
    int64_t started = tb_clock_mono_us();
    enum tb_rc rc = tb_pg_script(ctl->pg, sql_begin, err);
    rc = rc == TB_OK ? tb_pg_script(ctl->pg, up ? m->up : m->down, err) : rc;
    rc = rc == TB_OK ? record_step(ctl, m, up, err) : rc;
    /* The way back to nothing leaves nothing. */
    if (rc == TB_OK && !up && m->version == 1) {
        rc = tb_pg_script(ctl->pg, "DROP TABLE schema_migrations", err);
    }
    rc = rc == TB_OK ? tb_pg_script(ctl->pg, "COMMIT", err) : rc;
    if (rc != TB_OK) {
        struct tb_error why = *err;
        struct tb_error ignored;
        (void)!tb_pg_rollback(ctl->pg, &ignored);
        *err = why;
        (void)snprintf(err->text, sizeof err->text, "migration %04d_%s %s: %.400s", m->version,
                       m->name, up ? "up" : "down", why.text);
        return rc;
    }
    if (!ctl->json) {
        tb_buf_printf(&ctl->out, "%04d_%s %s (%lld ms)\n", m->version, m->name,
                      up ? "applied" : "taken back",
                      (long long)((tb_clock_mono_us() - started) / 1000));
        (void)ctl_flush(ctl);
    }
    return TB_OK;
}

/* ---- up and down ---- */

static enum tb_rc make_schema(struct ctl *ctl, struct tb_error *err)
{
    struct tb_pg_params p;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, tb_str_of(tb_config_str(ctl->cfg, TB_CFG(DB_SCHEMA))));
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = ctl_query(ctl,
                              "SELECT to_regnamespace(quote_ident($1)) IS NULL,"
                              " format('CREATE SCHEMA IF NOT EXISTS %I', $1)",
                              &p, &r, err);
    if (rc == TB_OK && tb_pg_bool(r, 0, 0)) {
        tb_str sql = tb_pg_str_in(r, 0, 1, ctl->arena);
        rc = tb_pg_script(ctl->pg, sql.ptr, err);
    }
    tb_pg_result_free(r);
    return rc;
}

static enum tb_rc lock(struct ctl *ctl, struct tb_error *err)
{
    enum tb_rc rc =
        tb_pg_script(ctl->pg, "SET lock_timeout = '60s'; SET statement_timeout = 0", err);
    if (rc == TB_OK) {
        rc = tb_pg_exec(ctl->pg,
                        "SELECT pg_advisory_lock(hashtextextended("
                        "'ticketbus.migrate.' || current_schema(), 0))",
                        NULL, NULL, err);
    }
    return rc;
}

static enum tb_rc go_to(struct ctl *ctl, bool up, struct ctl_schema *s, struct tb_error *err)
{
    int64_t to;
    int64_t def = up ? s->latest : s->current > 0 ? s->current - 1 : 0;
    enum tb_rc rc = ctl_opt_int(&ctl->args, "to", 0, s->latest, def, &to, err);
    rc = rc == TB_OK ? check_known(s, err) : rc;
    rc = rc == TB_OK && up ? tb_pg_script(ctl->pg, sql_table, err) : rc;
    for (int64_t v = 1; rc == TB_OK && up && v <= to; v++) {
        if (!s->rows[v - 1].applied) {
            rc = step(ctl, &ctl_migrations[v - 1], true, err);
        }
    }
    for (int64_t v = s->latest; rc == TB_OK && !up && v > to; v--) {
        if (s->rows[v - 1].applied) {
            rc = step(ctl, &ctl_migrations[v - 1], false, err);
        }
    }
    return rc;
}

static void print_status(struct ctl *ctl, const struct ctl_schema *s)
{
    if (!ctl->json) {
        tb_buf_printf(&ctl->out, "Schema at migration %lld of %lld%s.\n", (long long)s->current,
                      (long long)s->latest,
                      s->unknown   ? ": newer than this program"
                      : s->changed ? ": some were changed after they were applied"
                      : s->pending ? ": run ticketctl migrate up"
                                   : "");
        return;
    }
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "current");
    tb_json_int(&w, s->current);
    tb_json_key(&w, "latest");
    tb_json_int(&w, s->latest);
    tb_json_key(&w, "pending");
    tb_json_int(&w, (int64_t)s->pending);
    tb_json_key(&w, "unknown");
    tb_json_int(&w, (int64_t)s->unknown);
    tb_json_key(&w, "migrations");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < ctl_nmigrations; i++) {
        tb_json_open(&w, '{');
        tb_json_key(&w, "version");
        tb_json_int(&w, ctl_migrations[i].version);
        tb_json_key(&w, "name");
        tb_json_string(&w, tb_str_of(ctl_migrations[i].name));
        tb_json_key(&w, "applied_at");
        tb_json_time(&w, s->rows[i].applied ? s->rows[i].applied_at : TB_TIME_NONE);
        tb_json_key(&w, "changed");
        tb_json_bool(&w, s->rows[i].changed);
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static int migrate(struct ctl *ctl, bool up)
{
    struct tb_error err = {0};
    struct ctl_schema s;
    enum tb_rc rc = ctl_need_pg(ctl, &err);
    rc = rc == TB_OK && up ? make_schema(ctl, &err) : rc;
    rc = rc == TB_OK ? lock(ctl, &err) : rc;
    rc = rc == TB_OK ? ctl_schema_read(ctl, &s, &err) : rc;
    rc = rc == TB_OK ? go_to(ctl, up, &s, &err) : rc;
    rc = rc == TB_OK ? ctl_schema_read(ctl, &s, &err) : rc;
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    print_status(ctl, &s);
    return CTL_DONE;
}

int ctl_run_migrate_up(struct ctl *ctl)
{
    return migrate(ctl, true);
}

int ctl_run_migrate_down(struct ctl *ctl)
{
    return migrate(ctl, false);
}

int ctl_run_migrate_status(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct ctl_schema s;
    enum tb_rc rc = ctl_schema_read(ctl, &s, &err);
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    if (!ctl->json) {
        static const char *const heads[] = {"MIGRATION", "STATE", "APPLIED", NULL};
        struct ctl_grid grid;
        ctl_grid_init(&grid, ctl->arena, heads);
        for (size_t i = 0; i < ctl_nmigrations; i++) {
            const struct ctl_schema_row *row = &s.rows[i];
            ctl_grid_add(&grid,
                         tb_arena_printf(ctl->arena, "%04d_%s", ctl_migrations[i].version,
                                         ctl_migrations[i].name),
                         CTL_PLAIN);
            ctl_grid_add(&grid,
                         row->changed   ? TB_LIT("changed since")
                         : row->applied ? TB_LIT("applied")
                                        : TB_LIT("pending"),
                         row->changed   ? CTL_RED
                         : row->applied ? CTL_GREEN
                                        : CTL_YELLOW);
            ctl_grid_add_time(&grid, row->applied ? row->applied_at : TB_TIME_NONE);
        }
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    print_status(ctl, &s);
    return s.unknown || s.changed || s.pending ? CTL_REJECTED : CTL_DONE;
}
