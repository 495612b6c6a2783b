#include "indexer/core/pace.h"

#include "common/base/attr.h"

#define MINUTE_US 60e6
#define BURST     0.1 /* of a minute's budget that may be spent at once */

static struct tb_budget budget(int64_t per_minute)
{
    double limit = (double)per_minute;
    double most = limit * BURST < 1 ? 1 : limit * BURST;
    if (per_minute <= 0) {
        return (struct tb_budget){0};
    }
    /* The rest of the minute's budget is what grows back within it. */
    double rest = limit > most ? limit - most : limit / 2;
    return (struct tb_budget){.most = most, .level = most, .per_us = rest / MINUTE_US};
}

struct tb_pace tb_pace_new(const struct tb_pace_limits *limits, int64_t now_us)
{
    size_t cap = limits->parallel < 1 ? 1 : limits->parallel;
    return (struct tb_pace){.cap = cap,
                            .window = cap < 2 ? 1 : 2,
                            .filled_us = now_us,
                            .requests = budget(limits->requests_per_minute),
                            .tokens = budget(limits->tokens_per_minute)};
}

size_t tb_pace_window(const struct tb_pace *p)
{
    return (size_t)(p->window + 1e-6); /* thirds make one, too */
}

static void fill(struct tb_budget *b, int64_t us)
{
    if (b->most > 0) {
        b->level += b->per_us * (double)us;
        b->level = b->level < b->most ? b->level : b->most;
    }
}

/* Microseconds until so much may be spent; what is larger than the budget waits until it is full.
 */
static int64_t wait_for(const struct tb_budget *b, double amount)
{
    double needed = amount < b->most ? amount : b->most;
    if (b->most <= 0 || b->level >= needed) {
        return 0;
    }
    return (int64_t)((needed - b->level) / b->per_us) + 1;
}

bool tb_pace_begin(struct tb_pace *p, int64_t now_us, int64_t tokens, int64_t *ret_at_us)
{
    int64_t us = now_us > p->filled_us ? now_us - p->filled_us : 0;
    fill(&p->requests, us);
    fill(&p->tokens, us);
    p->filled_us += us;
    if (p->under_way >= tb_pace_window(p)) {
        *ret_at_us = INT64_MAX;
        return false;
    }
    int64_t by_requests = wait_for(&p->requests, 1);
    int64_t by_tokens = wait_for(&p->tokens, (double)tokens);
    int64_t at = now_us + (by_requests > by_tokens ? by_requests : by_tokens);
    at = at > p->not_before_us ? at : p->not_before_us;
    if (at > now_us) {
        *ret_at_us = at;
        return false;
    }
    p->requests.level -= p->requests.most > 0 ? 1 : 0;
    p->tokens.level -= p->tokens.most > 0 ? (double)tokens : 0;
    p->under_way++;
    p->at_once = p->under_way > p->at_once ? p->under_way : p->at_once;
    return true;
}

static void overloaded(struct tb_pace *p, int64_t now_us, int64_t began_us)
{
    /* One overload is told by all requests that were under way: it counts once. */
    if (began_us >= p->halved_us) {
        p->window = p->window / 2 < 1 ? 1 : p->window / 2;
        p->halved_us = now_us;
        p->at_once = 0;
    }
}

void tb_pace_end(struct tb_pace *p, int64_t now_us, int64_t began_us, enum tb_pace_end how,
                 int64_t wait_us)
{
    p->under_way -= p->under_way ? 1 : 0;
    if (how == TB_PACE_OVERLOADED) {
        overloaded(p, now_us, began_us);
    } else if (how == TB_PACE_FINE && p->at_once >= tb_pace_window(p)) {
        /* Only a window that is used says anything about a wider one. */
        p->window += 1 / (double)tb_pace_window(p);
        p->window = p->window < (double)p->cap ? p->window : (double)p->cap;
    }
    int64_t until = now_us + wait_us;
    if (wait_us > 0 && until > p->not_before_us) {
        p->not_before_us = until;
    }
}

int64_t tb_pace_request_tokens(const struct tb_pace *p)
{
    return p->tokens.most > 0 ? (int64_t)p->tokens.most : INT64_MAX;
}
