/* Random commands keep the rules' promises.
 *
 * In lockstep: every command is decided twice, in a world that has lived through all commands and
 * in one loaded with just what its kind needs; both must say the same, and what follows is checked
 * against the test's own store. In batches: the same, a world for several commands, loaded before
 * the first of them. In races: what a lock does not protect is read from an older store, as when
 * another worker commits meanwhile; once the internal commands have been delivered, every ticket
 * must know its blockers all the same.
 *
 * TB_PROP_SEED=n begins at that seed, TB_PROP_RUNS=n sets how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/core/random.h"

#define STEPS        150
#define MAX_MESSAGES 2000
#define MAX_BATCH    10
#define MAX_AGE      6 /* commands an unlocked read may be behind */

struct run {
    struct tb_arena *arena;
    struct random random;
    struct store store;
    struct store old[MAX_AGE]; /* the store some commands ago, */
    int64_t old_at[MAX_AGE];   /* and after how many */
    size_t nold;
    int64_t floor[STORE_TICKETS]; /* what the ticket's turns have seen already */
    struct tb_world *world;       /* lives through all; races: NULL */
    struct tb_world *batch;       /* batches: the present one; else NULL */
    struct tb_message messages[MAX_MESSAGES];
    int64_t message_at[MAX_MESSAGES]; /* what it is sent after */
    size_t nmessages;
    uint64_t seed;
    const struct tb_command *cmd;
};

static struct run *current;

static void check(bool ok, const char *what)
{
    if (!ok) {
        const struct tb_command *cmd = current->cmd;
        fail_msg("seed %llu, command %lld, %s of %.*s: %s", (unsigned long long)current->seed,
                 (long long)current->random.n, cmd ? cmd->type->name : "(end)",
                 cmd ? (int)cmd->subject.len : 0, cmd ? cmd->subject.ptr : "", what);
    }
}

static void same_text(const struct tb_decision *a, const struct tb_decision *b, const char *what)
{
    tb_buf x;
    tb_buf y;
    tb_buf_init(&x, 1 << 20);
    tb_buf_init(&y, 1 << 20);
    kit_render(&x, a);
    kit_render(&y, b);
    if (strcmp(x.ptr, y.ptr) != 0) {
        print_error("%s\n%s\n", x.ptr, y.ptr);
    }
    check(strcmp(x.ptr, y.ptr) == 0, what);
    tb_buf_dispose(&x);
    tb_buf_dispose(&y);
}

/* ---- what must hold of a decision and of what it leaves behind ---- */

static void check_refusal(const struct tb_decision *d, const struct tb_context *ctx)
{
    check((d->verdict == TB_REJECTED) == (d->rejection != TB_REJECT_NONE), "verdict and code");
    check((d->verdict == TB_WAITING) == (d->waits_for.ptr != NULL), "verdict and waits_for");
    if (d->verdict == TB_REJECTED || d->verdict == TB_WAITING) {
        check(d->nmessages == 0, "a refusal sends messages");
        check(d->message.len > 0, "a refusal without a sentence");
    }
    if (d->verdict == TB_WAITING) {
        check(!ctx->last_wait, "waits although waiting is over");
        check(current->store.tickets[store_at(d->waits_for)].version == 0 || !current->world,
              "waits for a ticket that is there");
    }
}

static bool admin_may(const struct store *s, const struct tb_ticket *t,
                      const struct tb_command *cmd, const char *operation)
{
    const struct tb_board *b =
        store_board(&current->store, tb_ticket_str(t, TB_TICKET_WORKFLOW_ID));
    (void)s;
    return b && tb_strs_has(b->admins, cmd->actor) &&
           tb_strs_has(b->admin_on_blocked, tb_str_of(operation));
}

static void check_blocked_stays(const struct store *before, const struct tb_ticket *t,
                                const struct tb_command *cmd, const struct tb_decision *d)
{
    bool moves = false;
    for (size_t i = 0; i < d->nchanges; i++) {
        moves = moves || d->changes[i].event == TB_EVENT_STATUS_CHANGED ||
                d->changes[i].event == TB_EVENT_RESOLVED;
    }
    if (!moves || !store_blockers(before, current->arena, t->id).n) {
        return;
    }
    const char *operation = cmd->type->kind == TB_CMD_RESOLVE ? "resolve" : "change_status";
    check(admin_may(before, t, cmd, operation), "a blocked ticket moved");
}

static void check_times(const struct tb_ticket *t, size_t at)
{
    struct store *s = &current->store;
    const struct tb_board *b = store_board(s, tb_ticket_str(t, TB_TICKET_WORKFLOW_ID));
    const struct tb_column *c = b ? tb_board_column(b, tb_ticket_str(t, TB_TICKET_STATUS)) : NULL;
    check(c != NULL, "a ticket in a column the board does not have");
    if (s->imported[at]) {
        return;
    }
    check((tb_ticket_time(t, TB_TICKET_COMPLETED_AT) != TB_TIME_NONE) ==
              (c->category == TB_CATEGORY_DONE),
          "completed_at is set in done columns and only there");
    check(c->category != TB_CATEGORY_ACTIVE ||
              tb_ticket_time(t, TB_TICKET_STARTED_AT) != TB_TIME_NONE,
          "in an active column without started_at");
    check((tb_ticket_time(t, TB_TICKET_RESOLVED_AT) != TB_TIME_NONE) ==
              tb_ticket_bool(t, TB_TICKET_IS_RESOLVED),
          "resolved_at and is_resolved");
    check((tb_ticket_time(t, TB_TICKET_DELETED_AT) != TB_TIME_NONE) ==
              tb_ticket_bool(t, TB_TICKET_IS_DELETED),
          "deleted_at and is_deleted");
    check(!tb_ticket_bool(t, TB_TICKET_IS_RESOLVED) || c->category == TB_CATEGORY_DONE,
          "resolved outside of the done columns");
}

static bool in_column(const struct tb_ticket *t, tb_str status)
{
    return t->version && !tb_ticket_bool(t, TB_TICKET_IS_DELETED) &&
           tb_str_eq(tb_ticket_str(t, TB_TICKET_STATUS), status);
}

static void check_wip(const struct tb_ticket *before, const struct tb_ticket *after,
                      const struct tb_command *cmd)
{
    tb_str status = tb_ticket_str(after, TB_TICKET_STATUS);
    tb_str workflow = tb_ticket_str(after, TB_TICKET_WORKFLOW_ID);
    const struct tb_board *b = store_board(&current->store, workflow);
    const struct tb_column *c = b ? tb_board_column(b, status) : NULL;
    if (!c || !c->wip_limit || in_column(before, status) || !in_column(after, status) ||
        cmd->type->kind == TB_CMD_RESOLVE || cmd->type->kind == TB_CMD_IMPORT) {
        return;
    }
    check(store_in_column(&current->store, workflow, status) <= c->wip_limit,
          "a column over its limit");
}

static void check_evolve(const struct tb_ticket *before, const struct tb_ticket *after,
                         const struct tb_decision *d)
{
    struct tb_ticket folded = *before;
    for (size_t i = 0; i < d->nchanges; i++) {
        folded = tb_evolve(&folded, &d->changes[i]);
    }
    check(folded.version == before->version + (int64_t)d->nchanges, "versions");
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        check(tb_value_eq(folded.fields[f], after->fields[f]), "evolve differs from the row");
    }
}

static void check_stamps(const struct tb_command *cmd, const struct tb_context *ctx,
                         const struct tb_ticket *after, const struct tb_decision *d)
{
    if (d->nchanges && cmd->type->kind != TB_CMD_IMPORT) {
        check(tb_ticket_time(after, TB_TICKET_UPDATED_AT) == ctx->now_us, "updated_at");
        check(d->changes[d->nchanges - 1].at == ctx->now_us, "a change's time");
    }
    check(!d->nchanges || cmd->expected_version == TB_EXPECTED_NONE ||
              cmd->expected_version == after->version - (int64_t)d->nchanges,
          "applied to another version than expected");
}

/* ---- one step ---- */

static void keep_messages(struct run *r, const struct tb_decision *d)
{
    for (size_t i = 0; i < d->nmessages; i++) {
        check(r->nmessages < MAX_MESSAGES, "too many messages for the test");
        r->message_at[r->nmessages] = r->random.n;
        r->messages[r->nmessages++] = d->messages[i];
    }
}

static struct tb_decision decide_in(struct tb_world *w, const struct tb_command *cmd,
                                    const struct tb_context *ctx)
{
    struct tb_decision d;
    check(tb_world_decide(w, cmd, ctx, &d) == TB_OK, "out of memory");
    return d;
}

/* What an unlocked read may see: no less than what the ticket's earlier turns saw, nor than what
 * led to the message it is handling. */
static const struct store *seen_by(struct run *r, const struct tb_command *cmd)
{
    if (r->world || cmd->type->family != TB_FAMILY_TICKET) {
        return &r->store;
    }
    int64_t *floor = &r->floor[store_at(cmd->subject)];
    size_t pick = random_below(&r->random, MAX_AGE);
    if (pick >= r->nold || r->old_at[pick] < *floor) {
        *floor = r->random.n - 1;
        return &r->store;
    }
    *floor = r->old_at[pick];
    return &r->old[pick];
}

/* In lockstep, the decision of the world that lives through all is the one that counts. */
static struct tb_decision decide_both(struct run *r, const struct tb_command *cmd,
                                      const struct tb_context *ctx)
{
    struct tb_world *lean = r->batch;
    if (!lean) {
        lean = tb_world_new(r->arena);
        store_load(&r->store, seen_by(r, cmd), lean, cmd, ctx);
    }
    struct tb_decision d = decide_in(lean, cmd, ctx);
    struct tb_decision again = decide_in(lean, cmd, ctx);
    same_text(&d, &again, "the same command decided twice");
    if (!r->world) {
        return d;
    }
    struct tb_decision full = decide_in(r->world, cmd, ctx);
    same_text(&full, &d, "a world with only what the kind needs decides otherwise");
    check(tb_world_commit(r->world, cmd, &full) == TB_OK, "out of memory");
    check(tb_world_commit(lean, cmd, &d) == TB_OK, "out of memory");
    return full;
}

static void remember(struct run *r)
{
    if (r->world) {
        return;
    }
    size_t slot = r->nold < MAX_AGE ? r->nold++ : random_below(&r->random, MAX_AGE);
    store_copy(&r->old[slot], &r->store);
    r->old_at[slot] = r->random.n;
}

static void check_world(const struct run *r, tb_str id, const struct tb_ticket *row)
{
    const struct tb_ticket *t = tb_world_ticket(r->world, id);
    if (!t) {
        check(!row->version, "the world has no ticket");
        return;
    }
    check(t->version == row->version, "the world's ticket is another version");
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        check(tb_value_eq(t->fields[f], row->fields[f]), "the world's ticket differs from the row");
    }
}

static void step(struct run *r, const struct tb_command *cmd, const struct tb_context *ctx)
{
    static struct store before;
    r->cmd = cmd;
    store_copy(&before, &r->store);
    struct tb_decision d = decide_both(r, cmd, ctx);
    const char *wrong = store_apply(&r->store, cmd, &d);
    check(!wrong, wrong ? wrong : "");
    check_refusal(&d, ctx);
    keep_messages(r, &d);
    if (cmd->type->family == TB_FAMILY_TICKET) {
        size_t at = store_at(cmd->subject);
        const struct tb_ticket *old = &before.tickets[at];
        const struct tb_ticket *now = &r->store.tickets[at];
        check_evolve(old, now, &d);
        check_stamps(cmd, ctx, now, &d);
        if (now->version) {
            check_times(now, at);
            check_wip(old, now, cmd);
        }
        if (r->world) { /* in a race, a blocker may be resolved and not known to be */
            check_blocked_stays(&before, old, cmd, &d);
            check_world(r, cmd->subject, now);
        }
        check(!store_has_cycle(&r->store), "a cycle");
    }
    remember(r);
}

static struct tb_command next_message(struct run *r, struct tb_context *ctx)
{
    size_t at = random_below(&r->random, r->nmessages);
    struct tb_message message = r->messages[at];
    int64_t *floor = &r->floor[store_at(message.subject)];
    *floor = r->message_at[at] > *floor ? r->message_at[at] : *floor;
    r->nmessages--;
    r->messages[at] = r->messages[r->nmessages];
    r->message_at[at] = r->message_at[r->nmessages];
    return random_internal(&r->random, &message, ctx);
}

static struct tb_command next_command(struct run *r, struct tb_context *ctx)
{
    return r->nmessages && random_chance(&r->random, 40)
               ? next_message(r, ctx)
               : random_command(&r->random, &r->store, ctx);
}

static void run_batch(struct run *r)
{
    struct tb_command cmds[MAX_BATCH];
    struct tb_context ctxs[MAX_BATCH];
    size_t n = 1 + random_below(&r->random, MAX_BATCH);
    r->batch = tb_world_new(r->arena);
    for (size_t i = 0; i < n; i++) {
        cmds[i] = next_command(r, &ctxs[i]);
    }
    for (size_t i = 0; i < n; i++) {
        store_load(&r->store, &r->store, r->batch, &cmds[i], &ctxs[i]);
    }
    for (size_t i = 0; i < n; i++) {
        step(r, &cmds[i], &ctxs[i]);
    }
    r->batch = NULL;
}

static void check_settled(struct run *r)
{
    r->cmd = NULL;
    for (size_t i = 0; i < STORE_TICKETS; i++) {
        const struct tb_ticket *t = &r->store.tickets[i];
        if (!t->version) {
            continue;
        }
        tb_strs open = store_blockers(&r->store, r->arena, t->id);
        check(tb_strs_eq(open, tb_ticket_strs(t, TB_TICKET_BLOCKED_BY_TICKET_IDS)),
              "blocked_by_ticket_ids are not the open blockers once all is delivered");
        check(tb_ticket_bool(t, TB_TICKET_IS_BLOCKED) == (open.n > 0),
              "is_blocked is wrong once all is delivered");
    }
    for (size_t i = 0; i < r->store.nedges; i++) {
        const struct tb_ticket *a = &r->store.tickets[store_at(r->store.edges[i].ticket_id)];
        const struct tb_ticket *b = &r->store.tickets[store_at(r->store.edges[i].depends_on)];
        check(!b->version ||
                  tb_value_eq(a->fields[TB_TICKET_WORKFLOW_ID], b->fields[TB_TICKET_WORKFLOW_ID]),
              "an edge leaves the workflow");
    }
}

enum mode { LOCKSTEP, BATCHES, RACES };

static void run_steps(struct run *r, enum mode mode)
{
    for (int i = 0; i < STEPS; i++) {
        struct tb_context ctx;
        if (mode == BATCHES) {
            run_batch(r);
            i += MAX_BATCH / 2;
        } else {
            struct tb_command cmd = next_command(r, &ctx);
            step(r, &cmd, &ctx);
        }
    }
    while (r->nmessages) {
        struct tb_context ctx;
        struct tb_command cmd = next_message(r, &ctx);
        step(r, &cmd, &ctx);
    }
}

static void run_sequence(uint64_t seed, enum mode mode)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    current = &r;
    r.seed = seed;
    r.arena = tb_arena_new(0);
    r.random = (struct random){.state = seed * 2654435769u + 88172645463325252u, .arena = r.arena};
    store_open(&r.store);
    r.world = mode == RACES ? NULL : tb_world_new(r.arena);
    for (int i = 0; i < 2; i++) {
        struct tb_context ctx = {.now_us = 1, .board_id = TB_LIT("board-0")};
        struct tb_command cmd = random_first_board(&r.random, i ? TB_LIT("wf2") : TB_LIT("wf"));
        step(&r, &cmd, &ctx);
    }
    run_steps(&r, mode);
    check_settled(&r);
    store_close(&r.store);
    tb_arena_free(r.arena);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void run_all(enum mode mode)
{
    uint64_t first = number("TB_PROP_SEED", 1);
    uint64_t runs = number("TB_PROP_RUNS", 300);
    for (uint64_t seed = first; seed < first + runs; seed++) {
        run_sequence(seed, mode);
    }
}

static void commands_in_lockstep(void **state)
{
    (void)state;
    run_all(LOCKSTEP);
}

static void commands_in_batches(void **state)
{
    (void)state;
    run_all(BATCHES);
}

static void commands_in_races(void **state)
{
    (void)state;
    run_all(RACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_in_lockstep),
        cmocka_unit_test(commands_in_batches),
        cmocka_unit_test(commands_in_races),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
