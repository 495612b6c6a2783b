/* How fast to ask an embedding service: as many requests at once as it bears (one more after each
 * full round that went well, half as many when it is overloaded), none before it wants to be asked
 * again, and within budgets of requests and tokens per minute. Pure: time comes in; no threads. */
#ifndef TB_INDEXER_CORE_PACE_H
#define TB_INDEXER_CORE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tb_pace_limits {
    size_t parallel;             /* most requests at once, at least 1 */
    int64_t requests_per_minute; /* 0: no budget */
    int64_t tokens_per_minute;   /* 0: no budget */
};

/* A budget: what may be spent at once grows back evenly. In no minute is more spent than the limit,
 * but for a single request that is larger than the tenth that may be spent at once. */
struct tb_budget {
    double most;  /* 0: no budget */
    double level; /* below 0: spent ahead */
    double per_us;
};

struct tb_pace {
    size_t cap;
    double window;         /* requests at once, 1 to cap */
    size_t under_way;      /* requests begun and not answered */
    size_t at_once;        /* most under way since the window last changed */
    int64_t not_before_us; /* what the service asked for */
    int64_t halved_us;
    int64_t filled_us;
    struct tb_budget requests;
    struct tb_budget tokens;
};

struct tb_pace tb_pace_new(const struct tb_pace_limits *limits, int64_t now_us);

/* Whether a request of so many tokens may begin now; then it counts as begun. Else *ret_at_us says
 * when to ask again; INT64_MAX: when another request has ended. */
bool tb_pace_begin(struct tb_pace *p, int64_t now_us, int64_t tokens, int64_t *ret_at_us);

enum tb_pace_end {
    TB_PACE_FINE,
    TB_PACE_OVERLOADED, /* 429, 503, no answer in time */
    TB_PACE_OTHER,      /* says nothing about load */
};
/* A request that began at began_us has ended. wait_us: how long the service wants to be left alone,
 * 0 for nothing. */
void tb_pace_end(struct tb_pace *p, int64_t now_us, int64_t began_us, enum tb_pace_end how,
                 int64_t wait_us);

/* Requests at once that are allowed now. */
size_t tb_pace_window(const struct tb_pace *p);

/* Most tokens that one request should have; INT64_MAX without a budget. */
int64_t tb_pace_request_tokens(const struct tb_pace *p);

#endif
