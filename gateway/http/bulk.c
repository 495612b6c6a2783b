/* POST /tickets/bulk: a list of commands, sent in their order, one answer each.
 *
 *     {"commands": [{"operation": "comment_ticket", "ticket_id": "ticket-…", "comment_text": "…"},
 *                   …]}
 *
 * A command may bring "idempotency_key" and "expected_version". The commands are not one
 * transaction: each has its own outcome, and a refused one stops no other. */
#include <stdatomic.h>
#include <stdio.h>

#include "common/json/tree.h"
#include "gateway/http/http.h"

#define BULK_MAX 500

struct bulk {
    struct tb_httpd_request *req;
    size_t n;
    struct tb_call *calls;
    atomic_size_t left;
};

static void write_one(struct tb_json *w, const struct tb_call *call)
{
    int status = tb_reply_status(&call->reply, call->op && call->op->command == TB_CMD_CREATE);
    tb_json_open(w, '{');
    tb_json_key(w, "status");
    tb_json_int(w, status);
    tb_json_key(w, status < 400 ? "result" : "problem");
    tb_json_raw(w, status < 400 ? call->reply.body
                                : tb_reply_problem(&call->reply, status, call->arena));
    tb_json_close(w, '}');
}

static void answer(struct bulk *b)
{
    tb_buf out;
    tb_buf_init(&out, TB_READ_MAX);
    struct tb_json w = {.buf = &out};
    tb_json_open(&w, '{');
    tb_json_key(&w, "results");
    tb_json_open(&w, '[');
    for (size_t i = 0; i < b->n; i++) {
        write_one(&w, &b->calls[i]);
    }
    tb_json_close(&w, ']');
    tb_json_close(&w, '}');
    if (out.failed) {
        tb_gw_problem(b->req, 503, "unavailable", NULL, "out of memory");
    } else {
        tb_gw_json(b->req, 200, tb_buf_str(&out));
    }
    tb_buf_dispose(&out);
}

/* Whoever finishes last answers, and frees the calls' arenas. */
static void one_less(struct bulk *b)
{
    if (atomic_fetch_sub(&b->left, 1) > 1) {
        return;
    }
    struct tb_arena *arenas[BULK_MAX];
    size_t n = b->n;
    for (size_t i = 0; i < n; i++) {
        arenas[i] = b->calls[i].arena;
    }
    answer(b); /* b may be gone afterwards */
    for (size_t i = 0; i < n; i++) {
        tb_arena_free(arenas[i]);
    }
}

static void call_done(struct tb_call *call)
{
    one_less(call->arg);
}

static void fault(struct tb_call *call, const char *field, const char *sentence)
{
    tb_reply_error(&call->reply, call->arena, TB_REPLY_INVALID, "validation_failed",
                   tb_str_of(field), "%s", sentence);
}

/* The command's own members, what is the list's taken out. False: it is no command. */
static bool read_one(struct tb_call *call, const struct tb_tree *item)
{
    const struct tb_tree *name = tb_tree_get(item, "operation");
    if (item->kind != TB_TREE_OBJECT || !name || name->kind != TB_TREE_STRING) {
        fault(call, "operation", "is missing");
        return false;
    }
    call->op = tb_operation_find(name->text);
    if (!call->op || call->op->kind != TB_OP_COMMAND) {
        fault(call, "operation", "is no command of this gateway");
        return false;
    }
    tb_buf buf;
    tb_buf_init(&buf, TB_READ_MAX);
    struct tb_json w = {.buf = &buf};
    tb_json_open(&w, '{');
    for (const struct tb_tree *m = item->first; m; m = m->next) {
        if (tb_str_eq_c(m->name, "operation")) {
            continue;
        }
        if (tb_str_eq_c(m->name, "idempotency_key") && m->kind == TB_TREE_STRING) {
            call->idempotency_key = tb_arena_str(call->arena, m->text);
        } else if (tb_str_eq_c(m->name, "expected_version") && m->kind == TB_TREE_INT &&
                   m->integer >= 0) {
            call->expected_version = m->integer;
        } else {
            tb_json_key_str(&w, m->name);
            tb_json_raw(&w, m->raw);
        }
    }
    tb_json_close(&w, '}');
    call->params = tb_buf_take(&buf, call->arena);
    tb_buf_dispose(&buf);
    return call->params.ptr != NULL;
}

/* In a thread of the pool, with the caller known: the calls need not find out again. */
static void run_all(struct tb_gateway *gw, struct tb_httpd_request *req,
                    struct tb_pool_thread *thread, const struct tb_caller *caller, void *arg)
{
    const struct tb_tree *list = *(const struct tb_tree **)arg;
    struct tb_arena *arena = tb_httpd_arena(req);
    struct bulk *b = TB_NEW(arena, struct bulk);
    struct tb_call *calls = TB_NEW_N(arena, struct tb_call, list->n);
    tb_str agent = tb_gw_agent(req);
    if (!b || !calls) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    *b = (struct bulk){.req = req, .calls = calls};
    atomic_store(&b->left, list->n + 1); /* ours keeps it until all are on their way */
    for (const struct tb_tree *item = list->first; item; item = item->next) {
        struct tb_call *call = &calls[b->n++];
        *call = (struct tb_call){.trusted = true,
                                 .caller = *caller,
                                 .agent = agent,
                                 .expected_version = -1,
                                 .wait_ms = -1,
                                 .brief = true,
                                 .arena = tb_arena_new((size_t)64 * 1024 * 1024),
                                 .done = call_done,
                                 .arg = b};
        if (!call->arena || !read_one(call, item)) {
            one_less(b);
        } else {
            tb_service_send(gw->svc, thread, call);
        }
    }
    one_less(b);
}

void tb_gw_bulk(struct tb_gateway *gw, struct tb_httpd_request *req, const struct tb_route *route)
{
    struct tb_error err = {.rc = TB_OK};
    const struct tb_tree *root = NULL;
    tb_str body = tb_httpd_body(req);
    (void)route;
    if (tb_str_is_null(body) || tb_tree_parse(body, tb_httpd_arena(req), &root, &err) != TB_OK) {
        tb_gw_problem(req, 400, "bad_request", err.field[0] ? err.field : NULL, "%s",
                      err.text[0] ? err.text : "the body is missing");
        return;
    }
    const struct tb_tree *list = tb_tree_get(root, "commands");
    if (!list || list->kind != TB_TREE_ARRAY || list->n == 0 || list->n > BULK_MAX) {
        tb_gw_problem(req, 422, "validation_failed", "commands", "is a list of 1 to %d commands",
                      BULK_MAX);
        return;
    }
    const struct tb_tree **box = TB_NEW(tb_httpd_arena(req), const struct tb_tree *);
    if (!box) {
        tb_gw_problem(req, 503, "unavailable", NULL, "out of memory");
        return;
    }
    *box = list;
    tb_gw_run(gw, req, TB_SCOPE_WRITE, "bulk", run_all, box);
}
