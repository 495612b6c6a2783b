/* Running operations: what HTTP, MCP and the compatibility face share.
 *
 * A call names an operation and its parameters; the service finds out who calls, checks scopes,
 * workflows and agent, and runs it: queries in a bounded pool of Postgres connections, commands
 * through Kafka as everybody's, their outcomes taken from the topic of events. Nothing waits in the
 * caller's thread. */
#ifndef TB_GATEWAY_SERVICE_H
#define TB_GATEWAY_SERVICE_H

#include <stdatomic.h>

#include "common/config/config.h"
#include "gateway/core/caller.h"
#include "gateway/core/operations.h"
#include "gateway/core/reply.h"
#include "gateway/read/read.h"
#include "gateway/service/pool.h"

struct tb_service;
struct ticketbus_command;

enum tb_rc tb_service_start(const struct tb_config *cfg, struct tb_service **ret,
                            struct tb_error *err) TB_MUST_USE;
/* Calls under way are answered (unavailable) before it returns. NULL-safe. */
void tb_service_free(struct tb_service *svc);
/* For jobs of other kinds (streams, sessions, webhooks). Threads' arg is the service. */
struct tb_pool *tb_service_pool(struct tb_service *svc);
const struct tb_config *tb_service_config(const struct tb_service *svc);

/* Every denial is counted and logged (those for the rate once a second), by these functions and for
 * calls; whoever denies otherwise says it here. caller NULL: not known. what: was asked for, why: a
 * few words. */
enum tb_denial { TB_DENIED_UNAUTHORIZED, TB_DENIED_FORBIDDEN, TB_DENIED_LIMITED };
void tb_service_denied(struct tb_service *svc, enum tb_denial kind, const struct tb_caller *caller,
                       const char *what, const char *why);

/* Who holds this secret (of a token or a session)? Looks at most once a second into Postgres for
 * each. TB_ENOTFOUND: nobody. ret->kind says what to answer when it is not TB_OK. */
enum tb_rc tb_service_authenticate(struct tb_service *svc, struct tb_pool_thread *thread,
                                   tb_str secret, const char *what, struct tb_arena *arena,
                                   struct tb_caller *ret, struct tb_reply *reply) TB_MUST_USE;
/* Whether the caller has a scope; otherwise *reply says so. */
bool tb_service_permit(struct tb_service *svc, const struct tb_caller *caller, unsigned scope,
                       const char *what, struct tb_arena *arena, struct tb_reply *reply);
/* The sessions and tokens known are asked for anew, e.g. after one was ended here. */
void tb_service_forget(struct tb_service *svc);

/* One call; lives until done is told, and is its owner's then. Strings are the owner's. */
struct tb_call {
    const struct tb_operation *op;
    tb_str params;            /* JSON object */
    tb_str secret;            /* token presented; null: none */
    bool trusted;             /* caller is filled in already: nothing is looked up */
    tb_str agent;             /* who acts, said beside the parameters (header); null: nobody */
    tb_str agent_type;        /* null: nobody said */
    tb_str idempotency_key;   /* becomes the command's id: a UUID as it is; null: none */
    int64_t expected_version; /* -1: any */
    int64_t wait_ms;    /* for a command's outcome; -1: the default, 0: only until Kafka has it */
    bool brief;         /* a command's answer need not show the ticket */
    tb_str traceparent; /* null: none */
    struct tb_arena *arena;             /* one thread at a time uses it */
    void (*done)(struct tb_call *call); /* called once, by any thread */
    void *arg;                          /* done's */

    struct tb_caller caller;
    struct tb_reply reply;

    /* the service's own */
    struct tb_job job;
    struct tb_service *svc;
    void *decoded;
    struct ticketbus_command *cmd;
    tb_str outcome;
    tb_str events; /* JSON */
};

/* False: too much to do already, nothing was begun and done is not called. */
bool tb_service_submit(struct tb_service *svc, struct tb_call *call) TB_MUST_USE;
/* A command, from a thread of the pool: sent before it returns, so that several keep their order.
 * done may have been told already. */
void tb_service_send(struct tb_service *svc, struct tb_pool_thread *thread, struct tb_call *call);
/* The same, waiting for the answer: for threads of one's own, not the pool's. */
void tb_service_call(struct tb_service *svc, struct tb_call *call);

struct tb_service_stats {
    _Atomic uint64_t queries;
    _Atomic uint64_t commands;
    _Atomic uint64_t unauthorized;
    _Atomic uint64_t forbidden;
    _Atomic uint64_t limited;
    _Atomic uint64_t pending; /* commands not answered in time */
    _Atomic uint64_t waiting; /* commands under way now */
};
struct tb_service_stats *tb_service_stats(struct tb_service *svc);

#endif
