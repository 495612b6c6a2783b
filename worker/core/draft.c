#include "worker/core/draft.h"

#include <stdlib.h>

bool tb_draft_reject(struct tb_draft *d, enum tb_rule rule, const char *field, tb_str message)
{
    d->decided = true;
    d->out =
        tb_decision_reject(tb_rules[rule].id, tb_rules[rule].rejection, tb_str_of(field), message);
    return false;
}

bool tb_draft_wait(struct tb_draft *d, enum tb_rule rule, const char *field, tb_str waits_for)
{
    d->decided = true;
    d->out = (struct tb_decision){
        .verdict = TB_WAITING,
        .rule = tb_rules[rule].id,
        .field = tb_str_of(field),
        .message = TB_SAY(d, "waits for %.*s", TB_ARG(waits_for)),
        .waits_for = waits_for,
    };
    return false;
}

/* Diffs are kept in the order of the fields' table. */
void tb_draft_set(struct tb_draft *d, enum tb_ticket_field field, struct tb_value value)
{
    size_t i = 0;
    while (i < d->ndiffs && d->diffs[i].field < field) {
        i++;
    }
    bool there = i < d->ndiffs && d->diffs[i].field == field;
    bool differs = !tb_value_eq(d->state.fields[field], value);
    struct tb_diff *at = d->diffs + i;
    if (there && !differs) {
        d->ndiffs--;
        memmove(at, at + 1, (d->ndiffs - i) * sizeof *at);
    } else if (!there && differs) {
        memmove(at + 1, at, (d->ndiffs - i) * sizeof *at);
        d->ndiffs++;
    }
    if (differs) {
        *at = (struct tb_diff){field, d->state.fields[field], value};
    }
}

static struct tb_value record_value(const void *record, const struct tb_setter *s, bool null)
{
    const void *at = (const char *)record + s->offset;
    switch (tb_ticket_fields[s->field].kind) {
    case TB_VALUE_STR:
        return tb_value_str(null ? TB_STR_NULL : *(const tb_str *)at);
    case TB_VALUE_BOOL:
        return tb_value_bool(!null && *(const bool *)at);
    case TB_VALUE_TIME:
        return tb_value_time(null ? TB_TIME_NONE : *(const int64_t *)at);
    case TB_VALUE_STRS:
        return tb_value_strs(null ? (tb_strs){NULL, 0} : *(const tb_strs *)at);
    }
    return tb_value_str(TB_STR_NULL);
}

void tb_draft_set_given(struct tb_draft *d, const void *record, const struct tb_setter *setters,
                        size_t n)
{
    const struct tb_present *p = record;
    for (size_t i = 0; i < n; i++) {
        if (tb_given(p, setters[i].given)) {
            bool null = tb_given_null(p, setters[i].given);
            tb_draft_set(d, setters[i].field, record_value(record, &setters[i], null));
        }
    }
}

struct tb_change *tb_draft_emit(struct tb_draft *d, enum tb_event_kind event, tb_str description)
{
    tb_draft_set(d, TB_TICKET_UPDATED_AT, tb_value_time(d->updated_at));
    struct tb_change *changes =
        tb_list_room(d->arena, d->changes, d->nchanges, &d->room_changes, sizeof *changes);
    struct tb_diff *diffs = TB_NEW_N(d->arena, struct tb_diff, d->ndiffs);
    if (!changes || !diffs) {
        return NULL;
    }
    memcpy(diffs, d->diffs, d->ndiffs * sizeof *diffs);
    d->changes = changes;
    struct tb_change *change = &changes[d->nchanges++];
    *change = (struct tb_change){
        .event = event,
        .diffs = diffs,
        .ndiffs = d->ndiffs,
        .agent_id = d->agent,
        .at = d->at,
        .description = description,
    };
    d->ndiffs = 0;
    d->state = tb_evolve(&d->state, change);
    return change;
}

static void add_message(struct tb_draft *d, struct tb_message message)
{
    struct tb_message *messages =
        tb_list_room(d->arena, d->messages, d->nmessages, &d->room_messages, sizeof *messages);
    if (!messages) {
        return;
    }
    d->messages = messages;
    messages[d->nmessages++] = message;
}

void tb_draft_watch(struct tb_draft *d, tb_str blocker, tb_str dependent)
{
#ifdef TB_PLANT_NO_WATCH
    (void)d;
    (void)blocker;
    (void)dependent;
#else
    add_message(d, (struct tb_message){TB_MESSAGE_WATCH, blocker, dependent});
#endif
}

void tb_draft_recheck(struct tb_draft *d, tb_str dependent)
{
    add_message(d, (struct tb_message){TB_MESSAGE_RECHECK, dependent, TB_STR_NULL});
}

static int by_id(const void *a, const void *b)
{
    return tb_str_cmp(*(const tb_str *)a, *(const tb_str *)b);
}

/* In order of their ids, whatever order the edges were loaded in. */
void tb_draft_recheck_dependents(struct tb_draft *d, bool blocks_only)
{
    const struct tb_node *node = tb_world_node(d->w, d->cmd->subject);
    tb_str *ids = TB_NEW_N(d->arena, tb_str, node ? node->in.n : 0);
    if (!node || !ids) {
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < node->in.n; i++) {
        if (!blocks_only || tb_edge_blocks(&node->in.items[i])) {
            ids[n++] = node->in.items[i].ticket_id;
        }
    }
    if (n > 1) {
        qsort(ids, n, sizeof *ids, by_id);
    }
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !tb_str_eq(ids[i], ids[i - 1])) {
            tb_draft_recheck(d, ids[i]);
        }
    }
}

struct tb_decision tb_draft_finish(const struct tb_draft *d, enum tb_rule applied,
                                   enum tb_rule unchanged)
{
    if (d->decided) {
        return d->out;
    }
    enum tb_rule rule = d->nchanges ? applied : unchanged;
    return (struct tb_decision){
        .verdict = tb_rules[rule].verdict,
        .rule = tb_rules[rule].id,
        .changes = d->changes,
        .nchanges = d->nchanges,
        .messages = d->messages,
        .nmessages = d->nmessages,
    };
}

struct tb_decision tb_decision_reject(const char *rule, enum tb_rejection rejection, tb_str field,
                                      tb_str message)
{
    return (struct tb_decision){
        .verdict = TB_REJECTED,
        .rule = rule,
        .rejection = rejection,
        .field = field,
        .message = message,
    };
}

tb_str tb_say_list(struct tb_arena *arena, tb_strs list, size_t max, const char *separator)
{
    tb_str text = TB_LIT("");
    size_t n = list.n < max ? list.n : max;
    for (size_t i = 0; i < n; i++) {
        text = tb_arena_printf(arena, "%.*s%s%.*s", TB_ARG(text), i ? separator : "",
                               TB_ARG(list.items[i]));
    }
    if (list.n > max) {
        text = tb_arena_printf(arena, "%.*s and %zu more", TB_ARG(text), list.n - max);
    }
    return text;
}

bool tb_is_blank(tb_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != ' ' && (s.ptr[i] < '\t' || s.ptr[i] > '\r')) {
            return false;
        }
    }
    return true;
}
