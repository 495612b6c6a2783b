/* The HTTP face: routes, headers, answers. Faces beside the table of operations (streams, webhooks,
 * MCP, the board) add a row to routes.c and use what is here. */
#ifndef TB_GATEWAY_HTTP_H
#define TB_GATEWAY_HTTP_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/httpd/httpd.h"
#include "common/httpd/query.h"
#include "gateway/service/service.h"

/* One gateway process. */
struct tb_gateway {
    const struct tb_config *cfg;
    struct tb_service *svc;
    struct tb_httpd *httpd;
    struct tb_hub *hub;   /* events for readers */
    atomic_bool stopping; /* /readyz says so */
    struct {
        pthread_mutex_t lock;
        struct tb_mcp_exchange *first;
    } mcp; /* calls that are answered by a stream */
};

/* Starts to listen as the settings say. */
enum tb_rc tb_gateway_listen(struct tb_gateway *gw, struct tb_error *err) TB_MUST_USE;

/* Events are read for GET /events; before listening. */
enum tb_rc tb_gw_events_start(struct tb_gateway *gw, struct tb_error *err) TB_MUST_USE;

/* About once a second: progress for whoever waits for a call over MCP. */
void tb_gw_mcp_tick(struct tb_gateway *gw);

/* Runs in a thread of the server: must not wait. See to it that the request is answered. */
typedef void tb_gw_handler(struct tb_gateway *gw, struct tb_httpd_request *req,
                           const struct tb_route *route);
struct tb_gw_route {
    const char *method;
    const char *pattern; /* as in operations.h; "/static/{*}" is not known: one segment per name */
    tb_gw_handler *handler;
};
/* Ends with a row whose method is NULL. */
extern const struct tb_gw_route tb_gw_routes[];

/* What is counted of requests: a handler's caller marks which row a request is for, the server
 * tells tb_gw_meter of its end (tb_httpd_options.done). Names are made once, before listening. */
void tb_gw_meter_init(void);
void tb_gw_mark_operation(struct tb_httpd_request *req, const struct tb_operation *op);
void tb_gw_mark_route(struct tb_httpd_request *req, const struct tb_gw_route *route);
void tb_gw_mark_compat(struct tb_httpd_request *req);
tb_httpd_done_fn tb_gw_meter;
/* Into common/metrics; from one thread. */
void tb_gw_meter_show(void);

/* Answers a browser's question before a call from another origin, where that origin is allowed;
 * false when it is not such a question. */
bool tb_gw_preflight(struct tb_httpd_request *req);
/* The origins, comma separated; before listening. Must live as long as the process. */
void tb_gw_cors_allow(const char *origins);
/* Headers of an answer to a page of an allowed origin; returns how many were added to ret (room for
 * 2). */
size_t tb_gw_cors(const struct tb_httpd_request *req, struct tb_httpd_header *ret);

/* ---- for handlers ---- */

/* The secret a request brings: a token in Authorization, or a session's cookie. A cookie counts for
 * requests that change something only when they come from our own pages (Origin). Null: none. */
tb_str tb_gw_secret(const struct tb_httpd_request *req);
/* Whether no page asks, or one of ours or of an allowed origin does; for what browsers must not be
 * led to by a name that was rebound to this address: over plain HTTP ours are those that were asked
 * for by address, or from localhost. */
bool tb_gw_known_origin(const struct tb_httpd_request *req);
/* Who acts, X-Agent-ID; null when not said or longer than 200 bytes. */
tb_str tb_gw_agent(const struct tb_httpd_request *req);

/* Answers with a reply: its body, or as problem+json. extra (may be NULL) are further headers. */
void tb_gw_reply(struct tb_httpd_request *req, const struct tb_reply *reply, int status,
                 const struct tb_httpd_header *extra, size_t nextra);
/* A problem of HTTP's own. */
void tb_gw_problem(struct tb_httpd_request *req, int status, const char *code, const char *field,
                   const char *fmt, ...) TB_PRINTF(5, 6);
/* JSON as it is. */
void tb_gw_json(struct tb_httpd_request *req, int status, tb_str body);

/* A job that knows who asks: fn runs in a thread of the pool with the caller found out and allowed
 * `scope`; it must answer req. What goes wrong before is answered here. */
struct tb_gw_job;
typedef void tb_gw_job_fn(struct tb_gateway *gw, struct tb_httpd_request *req,
                          struct tb_pool_thread *thread, const struct tb_caller *caller, void *arg);
void tb_gw_run(struct tb_gateway *gw, struct tb_httpd_request *req, unsigned scope,
               const char *what, tb_gw_job_fn *fn, void *arg);

/* Whether Postgres answers and has our schema. */
enum tb_rc tb_gw_schema_answers(struct tb_pool_thread *thread, struct tb_error *err) TB_MUST_USE;

/* Handlers of this folder. */
tb_gw_handler tb_gw_health, tb_gw_ready, tb_gw_openapi, tb_gw_bulk, tb_gw_session_open,
    tb_gw_session_end, tb_gw_events, tb_gw_mcp, tb_gw_mcp_resume;
tb_gw_handler tb_gw_board, tb_gw_board_file; /* web.c */
tb_gw_handler tb_gw_hook_create, tb_gw_hook_list, tb_gw_hook_show, tb_gw_hook_update,
    tb_gw_hook_delete, tb_gw_hook_rotate, tb_gw_hook_test, tb_gw_hook_deliveries,
    tb_gw_hook_redrive;
/* A request for a row of the table of operations. */
void tb_gw_operation(struct tb_gateway *gw, struct tb_httpd_request *req,
                     const struct tb_route *route);

#endif
