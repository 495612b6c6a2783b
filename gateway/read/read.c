#include "gateway/read/read.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/attr.h"
#include "gateway/read/internal.h"

static const struct {
    tb_plan_fn *plan;
    tb_render_fn *render;
    tb_run_fn *run;
} queries[TB_OP_COUNT_] = {
    [TB_OP_LIST_TICKETS] = {tb_plan_list, tb_render_list, NULL},
    [TB_OP_GET_TICKET] = {tb_plan_ticket, tb_render_ticket, NULL},
    [TB_OP_TICKET_HISTORY] = {tb_plan_history, tb_render_history, NULL},
    [TB_OP_GET_BOARD] = {tb_plan_board, tb_render_board, NULL},
    [TB_OP_LIST_WORKFLOWS] = {tb_plan_workflows, tb_render_workflows, NULL},
    [TB_OP_GET_COMMAND] = {tb_plan_command, tb_render_command, NULL},
    [TB_OP_LIST_AGENTS] = {tb_plan_agents, tb_render_agents, NULL},
    [TB_OP_GET_STATUS] = {tb_plan_status, tb_render_status, NULL},
    [TB_OP_SEARCH_TICKETS] = {NULL, NULL, tb_run_search},
    [TB_OP_SIMILAR_TICKETS] = {NULL, NULL, tb_run_similar},
    [TB_OP_COMMIT_DIFF] = {NULL, NULL, tb_run_diff},
};

static size_t index_of(const struct tb_operation *op)
{
    return (size_t)(op - tb_operations);
}

bool tb_read_is_plan(const struct tb_operation *op)
{
    return queries[index_of(op)].plan != NULL;
}

bool tb_read_plan(const struct tb_read *read, struct tb_plan *plan, struct tb_reply *ret)
{
    return queries[index_of(read->op)].plan(read, plan, ret);
}

void tb_read_render(const struct tb_read *read, struct tb_pg_result *const *results,
                    struct tb_reply *ret)
{
    tb_buf out;
    tb_buf_init(&out, TB_READ_MAX);
    *ret = (struct tb_reply){.kind = TB_REPLY_DONE};
    queries[index_of(read->op)].render(read, results, &out, ret);
    if (ret->kind == TB_REPLY_DONE) {
        tb_read_done(&out, read->arena, ret);
    }
    tb_buf_dispose(&out);
}

void tb_read_run(const struct tb_read *read, struct tb_pool_thread *thread, struct tb_reply *ret)
{
    *ret = (struct tb_reply){.kind = TB_REPLY_DONE};
    queries[index_of(read->op)].run(read, thread, ret);
}

void tb_read_done(tb_buf *buf, struct tb_arena *arena, struct tb_reply *ret)
{
    ret->body = tb_buf_take(buf, arena);
    if (!ret->body.ptr) {
        tb_reply_error(ret, arena, TB_REPLY_INVALID, "too_large", TB_STR_NULL,
                       "the answer is larger than %zu bytes; ask for less", TB_READ_MAX);
    }
}

void tb_read_missing(const struct tb_read *read, struct tb_reply *ret, const char *field,
                     const char *what, tb_str id)
{
    tb_reply_error(ret, read->arena, TB_REPLY_NOT_FOUND,
                   strcmp(what, "ticket") == 0  ? "ticket_not_found"
                   : strcmp(what, "board") == 0 ? "board_not_found"
                                                : "not_found",
                   tb_str_of(field), "there is no %s %.*s", what, TB_ARG(id));
}

void tb_add_workflows(struct tb_pg_params *params, const struct tb_caller *caller)
{
    if (caller->workflows.n > 0) {
        tb_pg_add_strs(params, caller->workflows.items, caller->workflows.n);
    } else {
        tb_pg_add_str(params, TB_STR_NULL);
    }
}

/* ---- names of statements made up as we go ---- */

#define SQL_NAMES 64

static struct {
    pthread_mutex_t lock;
    size_t n;
    struct {
        char *sql;
        size_t len;
        char name[16];
    } known[SQL_NAMES];
} names = {.lock = PTHREAD_MUTEX_INITIALIZER};

const char *tb_sql_name(tb_str sql, const char **ret_sql)
{
    const char *name = NULL;
    (void)pthread_mutex_lock(&names.lock);
    for (size_t i = 0; i < names.n && !name; i++) {
        if (names.known[i].len == sql.len && memcmp(names.known[i].sql, sql.ptr, sql.len) == 0) {
            name = names.known[i].name;
            *ret_sql = names.known[i].sql;
        }
    }
    if (!name && names.n < SQL_NAMES) {
        char *copy = strndup(sql.ptr, sql.len);
        if (copy) {
            names.known[names.n].sql = copy;
            names.known[names.n].len = sql.len;
            (void)snprintf(names.known[names.n].name, sizeof names.known[0].name, "made_%zu",
                           names.n);
            name = names.known[names.n++].name;
            *ret_sql = copy;
        }
    }
    (void)pthread_mutex_unlock(&names.lock);
    return name;
}
