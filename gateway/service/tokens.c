/* Tokens as they are in Postgres, remembered for a second: a revoked one works that long. */
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/json/record.h"
#include "gateway/service/internal.h"

#define SLOTS       4096 /* a power of two; two secrets of one slot take turns */
#define REMEMBER_US 1000000

struct slot {
    unsigned char hash[TB_SHA256_LEN];
    struct tb_arena *arena; /* of the caller's strings; NULL: never used */
    struct tb_caller caller;
    bool known;
    int64_t read_us;
    double credit; /* calls that may be made at once */
    int64_t credited_us;
};

struct tb_tokens {
    pthread_mutex_t lock;
    struct slot slots[SLOTS];
};

static const char sql_token[] =
    "SELECT t.id, t.name, t.agent_id, t.scope, array_to_json(t.workflows) FROM api_tokens t"
    " WHERE t.hash = $1 AND t.revoked_at IS NULL"
    " AND (t.expires_at IS NULL OR t.expires_at > now())";

static const char sql_session[] =
    "SELECT t.id, t.name, t.agent_id, t.scope, array_to_json(t.workflows)"
    " FROM api_sessions s JOIN api_tokens t ON t.id = s.token_id"
    " WHERE s.hash = $1 AND s.expires_at > now() AND t.revoked_at IS NULL"
    " AND (t.expires_at IS NULL OR t.expires_at > now())";

struct tb_tokens *tb_tokens_new(void)
{
    struct tb_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens) {
        (void)pthread_mutex_init(&tokens->lock, NULL);
    }
    return tokens;
}

void tb_tokens_free(struct tb_tokens *tokens)
{
    if (!tokens) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        tb_arena_free(tokens->slots[i].arena);
    }
    (void)pthread_mutex_destroy(&tokens->lock);
    free(tokens);
}

void tb_tokens_forget(struct tb_tokens *tokens)
{
    (void)pthread_mutex_lock(&tokens->lock);
    for (size_t i = 0; i < SLOTS; i++) {
        tokens->slots[i].read_us = 0;
    }
    (void)pthread_mutex_unlock(&tokens->lock);
}

static struct slot *slot_of(struct tb_tokens *tokens, const unsigned char *hash)
{
    return &tokens->slots[((size_t)hash[0] << 8 | hash[1]) & (SLOTS - 1)];
}

static tb_strs copy_list(tb_strs list, struct tb_arena *arena)
{
    tb_str *items = TB_NEW_N(arena, tb_str, list.n + 1);
    for (size_t i = 0; items && i < list.n; i++) {
        items[i] = tb_arena_str(arena, list.items[i]);
    }
    return (tb_strs){items, items ? list.n : 0};
}

static struct tb_caller copy_caller(const struct tb_caller *c, struct tb_arena *arena)
{
    return (struct tb_caller){.token = tb_arena_str(arena, c->token),
                              .name = tb_arena_str(arena, c->name),
                              .agent = tb_arena_str(arena, c->agent),
                              .scopes = c->scopes,
                              .workflows = copy_list(c->workflows, arena)};
}

/* Takes one call off the credit; how long to wait for the next when there is none. */
static int64_t charge(struct slot *slot, int64_t rate, int64_t now)
{
    if (rate <= 0) {
        return 0;
    }
    slot->credit += (double)(now - slot->credited_us) * (double)rate / 1e6;
    slot->credit = slot->credit > (double)rate ? (double)rate : slot->credit;
    slot->credited_us = now;
    if (slot->credit < 1) {
        return 1;
    }
    slot->credit -= 1;
    return 0;
}

/* What the slot says of the secret, in the arena; TB_ERETRY when its rate is used up. */
static enum tb_rc answer(struct slot *slot, int64_t rate, int64_t now, struct tb_arena *arena,
                         struct tb_caller *ret, struct tb_error *err)
{
    if (charge(slot, rate, now) > 0) {
        return tb_fail(err, TB_ERETRY, "more than %lld calls in a second", (long long)rate);
    }
    if (!slot->known) {
        return tb_fail(err, TB_ENOTFOUND, "the token is not known");
    }
    *ret = copy_caller(&slot->caller, arena);
    return tb_arena_failed(arena) ? tb_fail(err, TB_ENOMEM, "out of memory") : TB_OK;
}

static enum tb_rc look_up(struct tb_pool_thread *thread, tb_str secret, const unsigned char *hash,
                          struct tb_arena *arena, struct tb_caller *caller, bool *ret_known,
                          struct tb_error *err)
{
    struct tb_pg_params params;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&params, arena);
    tb_pg_add_bytes(&params, hash, TB_SHA256_LEN);
    enum tb_rc rc =
        tb_pool_query(thread, tb_str_starts(secret, TB_SESSION_PREFIX) ? sql_session : sql_token,
                      &params, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    *ret_known = tb_pg_rows(r) > 0;
    if (*ret_known) {
        caller->token = tb_pg_str_in(r, 0, 0, arena);
        caller->name = tb_pg_str_in(r, 0, 1, arena);
        caller->agent = tb_pg_str_in(r, 0, 2, arena);
        caller->scopes = tb_scope_parse(tb_pg_str(r, 0, 3));
        if (tb_strings_parse(tb_pg_str(r, 0, 4), arena, &caller->workflows) != TB_OK) {
            rc = tb_fail(err, TB_EFATAL, "the token's row cannot be read");
        }
    }
    tb_pg_result_free(r);
    return rc;
}

enum tb_rc tb_tokens_find(struct tb_tokens *tokens, struct tb_pool_thread *thread, tb_str secret,
                          int64_t rate, struct tb_arena *arena, struct tb_caller *ret,
                          struct tb_error *err)
{
    unsigned char hash[TB_SHA256_LEN];
    tb_sha256_of(secret.ptr, secret.len, hash);
    struct slot *slot = slot_of(tokens, hash);
    int64_t now = tb_clock_mono_us();
    enum tb_rc rc = TB_OK;
    (void)pthread_mutex_lock(&tokens->lock);
    bool same = slot->arena && memcmp(slot->hash, hash, sizeof hash) == 0;
    bool fresh = same && slot->read_us > 0 && now - slot->read_us < REMEMBER_US;
    if (fresh) {
        rc = answer(slot, rate, now, arena, ret, err);
    }
    (void)pthread_mutex_unlock(&tokens->lock);
    if (fresh) {
        return rc;
    }
    struct tb_caller found = {0};
    bool known = false;
    rc = look_up(thread, secret, hash, arena, &found, &known, err);
    if (rc != TB_OK) {
        return rc;
    }
    (void)pthread_mutex_lock(&tokens->lock);
    same = slot->arena && memcmp(slot->hash, hash, sizeof hash) == 0;
    if (!slot->arena) {
        slot->arena = tb_arena_new(0);
    }
    if (slot->arena) {
        tb_arena_reset(slot->arena);
        memcpy(slot->hash, hash, sizeof hash);
        slot->caller = copy_caller(&found, slot->arena);
        slot->known = known && !tb_arena_failed(slot->arena);
        slot->read_us = now;
        if (!same) {
            slot->credit = (double)rate;
            slot->credited_us = now;
        }
        rc = answer(slot, rate, now, arena, ret, err);
    } else {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_unlock(&tokens->lock);
    return rc;
}
