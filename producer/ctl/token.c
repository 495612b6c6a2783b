/* token create, list, revoke: who may speak to the gateway. */
#include <stdio.h>
#include <string.h>

#include "common/base/uuid.h"
#include "common/crypto/crypto.h"
#include "producer/ctl/grid.h"
#include "producer/ctl/rows.h"
#include "producer/ctl/verbs.h"

/* As the gateway expects it (gateway/core/caller.h): a prefix and 256 random bits. */
#define SECRET_PREFIX "tbk_"
enum { RANDOM_BYTES = 32, SECRET_LEN = 4 + 2 * RANDOM_BYTES, NAME_MAX_CHARS = 100 };

static const char sql_create[] =
    "INSERT INTO api_tokens (id, name, hash, scope, workflows, agent_id, expires_at)"
    " VALUES ($1, $2, $3, $4, COALESCE($5::text[], '{}'), $6, now() + $7 * interval '1 day')"
    " ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING";

static const char sql_list[] =
    "SELECT id, name, scope, array_to_json(workflows) AS workflows, agent_id, created_at,"
    " expires_at, revoked_at FROM api_tokens"
    " WHERE $1 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))"
    " ORDER BY created_at, id";

static const char sql_revoke[] = "UPDATE api_tokens SET revoked_at = now()"
                                 " WHERE (id = $1 OR name = $1) AND revoked_at IS NULL";

static enum tb_rc create(struct ctl *ctl, tb_str name, const char *secret, struct tb_error *err)
{
    unsigned char hash[TB_SHA256_LEN];
    char uuid[TB_UUID_TEXT_LEN + 1];
    struct tb_uuid id = tb_uuid_v7_new();
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    int64_t days = 0;
    tb_str scope = ctl_opt(&ctl->args, "scope");
    tb_strs workflows = ctl_opt_list(&ctl->args, "workflow", ctl->arena);
    if (name.len == 0 || name.len > NAME_MAX_CHARS) {
        return tb_fail(err, TB_EINVAL, "a name has 1 to %d characters", NAME_MAX_CHARS);
    }
    enum tb_rc rc = ctl_opt_int(&ctl->args, "days", 1, 36500, 0, &days, err);
    tb_uuid_format(&id, uuid);
    tb_sha256_of(secret, SECRET_LEN, hash);
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, tb_arena_printf(ctl->arena, "token-%s", uuid));
    tb_pg_add_str(&p, name);
    tb_pg_add_bytes(&p, hash, sizeof hash);
    tb_pg_add_str(&p, tb_str_is_null(scope) ? TB_LIT("write") : scope);
    if (workflows.n) {
        tb_pg_add_strs(&p, workflows.items, workflows.n);
    } else {
        tb_pg_add_str(&p, TB_STR_NULL);
    }
    tb_pg_add_str(&p, ctl_opt(&ctl->args, "agent"));
    if (days) {
        tb_pg_add_int(&p, days);
    } else {
        tb_pg_add_str(&p, TB_STR_NULL);
    }
    rc = rc == TB_OK ? ctl_query(ctl, sql_create, &p, &r, err) : rc;
    if (rc == TB_OK && tb_pg_affected(r) == 0) {
        rc = tb_fail(err, TB_ECONFLICT, "there is a token named %.*s; revoke it first",
                     TB_ARG(name));
    }
    tb_pg_result_free(r);
    return rc;
}

int ctl_run_token_create(struct ctl *ctl)
{
    unsigned char random[RANDOM_BYTES];
    char secret[SECRET_LEN + 1] = SECRET_PREFIX;
    struct tb_error err = {0};
    tb_random(random, sizeof random);
    tb_hex(random, sizeof random, secret + strlen(SECRET_PREFIX));
    if (create(ctl, ctl->args.args[0], secret, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        tb_json_key(&w, "name");
        tb_json_string(&w, ctl->args.args[0]);
        tb_json_key(&w, "token");
        tb_json_string(&w, tb_str_of(secret));
        tb_json_close(&w, '}');
    } else {
        tb_buf_add_c(&ctl->out, secret);
        ctl_say("this is shown once: only its hash is stored");
    }
    tb_buf_add_char(&ctl->out, '\n');
    return CTL_DONE;
}

static void print_table(struct ctl *ctl, const struct tb_pg_result *r)
{
    static const char *const heads[] = {"TOKEN",   "NAME",    "SCOPE",   "WORKFLOWS", "AGENT",
                                        "CREATED", "EXPIRES", "REVOKED", NULL};
    struct ctl_grid grid;
    ctl_grid_init(&grid, ctl->arena, heads);
    for (int i = 0; i < tb_pg_rows(r); i++) {
        tb_str workflows = tb_pg_str(r, i, 3);
        ctl_grid_add(&grid, tb_pg_str(r, i, 0), CTL_CYAN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 1), CTL_BOLD);
        ctl_grid_add(&grid, tb_pg_str(r, i, 2), CTL_PLAIN);
        ctl_grid_add(&grid, workflows.len > 2 ? workflows : TB_LIT("all"), CTL_PLAIN);
        ctl_grid_add(&grid, tb_pg_str(r, i, 4), CTL_PLAIN);
        for (int c = 5; c <= 7; c++) {
            ctl_grid_add_time(&grid, tb_pg_time(r, i, c));
        }
    }
    ctl_grid_render(&grid, &ctl->term, &ctl->out);
}

int ctl_run_token_list(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_bool(&p, ctl_flag(&ctl->args, "all"));
    if (ctl_query(ctl, sql_list, &p, &r, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        ctl_rows_json(&w, r, "sssjsttt");
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        print_table(ctl, r);
    }
    tb_pg_result_free(r);
    return CTL_DONE;
}

int ctl_run_token_revoke(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, ctl->arena);
    tb_pg_add_str(&p, ctl->args.args[0]);
    enum tb_rc rc = ctl_query(ctl, sql_revoke, &p, &r, &err);
    if (rc == TB_OK && tb_pg_affected(r) == 0) {
        rc = tb_fail(&err, TB_ENOTFOUND, "there is no token %.*s", TB_ARG(ctl->args.args[0]));
    }
    tb_pg_result_free(r);
    return rc == TB_OK ? CTL_DONE : ctl_fail(&err);
}
