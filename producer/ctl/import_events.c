/* Replays a change stream in the order of its ids, as one ticket.import per change that makes a
 * difference, with the time and the agent of the source.
 *
 * Repeatable without a mark of our own on the tickets: every command carries the rationale
 * "beads change N: kind", which the worker keeps in the history of the ticket, in the same
 * transaction as the change. A change whose rationale is there was applied; the rest of the stream
 * is only folded in memory to know the state in between. That survives a run cut short, a stream
 * that has grown, the end of the outcomes' retention, and changes made here since. */
#include "producer/ctl/import_events.h"

#include <stdlib.h>
#include <string.h>

#include "producer/ctl/importer.h"
#include "producer/ctl/lines.h"

#define REASON_PATTERN "beads change %"

struct kind {
    tb_str name;
    size_t applied;
    size_t merged;
    size_t skipped;
    size_t rejected;
};

struct run {
    struct ctl_importer im;
    struct ctl_state state;
    struct ctl_beads_change *changes;
    size_t n;
    struct tb_map tickets; /* issue id -> struct ctl_replay */
    struct kind kinds[64];
    size_t nkinds;
    struct ctl_strings why; /* reasons for skipping, one per change */
    size_t lines;
    size_t invalid;
    size_t already; /* applied by an earlier run */
    size_t placeholders;
    bool *refused; /* by change */
    struct step *steps;
    size_t nsteps;
};

/* A change that makes a difference, to be sent. */
struct step {
    size_t change;
    tb_str ticket_id;
    struct tb_import_data data;
    tb_str rationale;
};

/* ---- reading ---- */

static int by_id(const void *a, const void *b)
{
    const struct ctl_beads_change *x = a;
    const struct ctl_beads_change *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static enum tb_rc read_changes(struct run *r, const char *path, struct tb_error *err)
{
    struct ctl *ctl = r->im.ctl;
    tb_str text;
    enum tb_rc rc = ctl_read_file(ctl, path, &text, err);
    if (rc != TB_OK) {
        return rc;
    }
    size_t room = 1;
    for (size_t i = 0; i < text.len; i++) {
        room += text.ptr[i] == '\n';
    }
    r->changes = TB_NEW_N(ctl->arena, struct ctl_beads_change, room);
    tb_str line;
    size_t number = 0;
    while (r->changes && ctl_next_line(&text, &line, &number)) {
        struct tb_error why = {0};
        r->lines++;
        if (ctl_beads_change_parse(line, ctl->arena, &r->changes[r->n], &why) == TB_OK) {
            r->n++;
        } else {
            ctl_say("%s, line %zu: %s", path, number, why.text);
            r->invalid++;
        }
    }
    if (!r->changes || tb_arena_failed(ctl->arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    qsort(r->changes, r->n, sizeof *r->changes, by_id);
    return TB_OK;
}

/* The tickets named, with the first state that the stream tells of each. */
static enum tb_rc find_tickets(struct run *r, struct tb_error *err)
{
    struct tb_arena *arena = r->im.ctl->arena;
    tb_map_init(&r->tickets, arena);
    for (size_t i = 0; i < r->n; i++) {
        const struct ctl_beads_change *c = &r->changes[i];
        struct ctl_replay *t = tb_map_get(&r->tickets, c->issue_id);
        if (!t) {
            t = TB_NEW(arena, struct ctl_replay);
            tb_str id = ctl_beads_ticket_id(r->im.workflow, c->issue_id, arena);
            struct ctl_current *now = ctl_current_new(id, arena);
            if (!t || !now || !tb_map_put(&r->tickets, c->issue_id, t)) {
                return tb_fail(err, TB_ENOMEM, "out of memory");
            }
            *t = (struct ctl_replay){.id = id, .now = now};
            t->issue.priority = CTL_BEADS_NO_PRIORITY;
            t->issue.created_at = TB_TIME_NONE;
            t->issue.closed_at = TB_TIME_NONE;
        }
        if (!t->has_title && c->has_before && c->before.title.len) {
            t->issue = c->before;
            t->has_title = true;
        }
    }
    for (size_t i = 0; i < r->tickets.n; i++) {
        const struct ctl_replay *t = r->tickets.entries[i].value;
        r->placeholders += !t->has_title;
    }
    return TB_OK;
}

static enum tb_rc make_board(struct run *r, struct tb_error *err)
{
    struct tb_arena *arena = r->im.ctl->arena;
    struct ctl_strings statuses = {.arena = arena};
    struct ctl_strings types = {.arena = arena};
    struct ctl_strings priorities = {.arena = arena};
    ctl_strings_put(&statuses, TB_LIT("open"));
    ctl_strings_put(&types, TB_LIT("task"));
    for (size_t i = 0; i < r->n; i++) {
        const struct ctl_beads_issue *parts[] = {&r->changes[i].before, &r->changes[i].changed};
        bool given[] = {r->changes[i].has_before, r->changes[i].has_changed};
        for (size_t k = 0; k < TB_COUNT(parts); k++) {
            if (given[k] && parts[k]->status.len) {
                ctl_strings_put(&statuses, ctl_beads_status(parts[k]));
            }
            if (given[k] && parts[k]->type.len) {
                ctl_strings_put(&types, parts[k]->type);
            }
            if (given[k] && parts[k]->priority >= 0) {
                ctl_strings_put(&priorities, ctl_beads_priority(parts[k], arena));
            }
        }
    }
    ctl_strings_put(&statuses, TB_LIT("closed"));
    return ctl_importer_board(&r->im, &r->state, ctl_strings_of(&statuses), ctl_strings_of(&types),
                              ctl_strings_of(&priorities), err);
}

/* ---- replaying ---- */

static struct kind *kind_of(struct run *r, tb_str name)
{
    for (size_t i = 0; i < r->nkinds; i++) {
        if (tb_str_eq(r->kinds[i].name, name)) {
            return &r->kinds[i];
        }
    }
    if (r->nkinds + 1 >= TB_COUNT(r->kinds)) { /* the last place gathers the rest */
        r->kinds[r->nkinds].name = TB_LIT("other");
        return &r->kinds[r->nkinds];
    }
    r->kinds[r->nkinds] = (struct kind){.name = name};
    return &r->kinds[r->nkinds++];
}

/* Notes the change as one to send, unless an earlier run has. */
static void plan_step(struct run *r, size_t i, const struct ctl_replay *t,
                      const struct tb_import_data *data)
{
    const struct ctl_beads_change *c = &r->changes[i];
    struct tb_arena *arena = r->im.ctl->arena;
    tb_str reason =
        tb_arena_printf(arena, "beads change %lld: %.*s", (long long)c->id, TB_ARG(c->kind));
    if (tb_map_get(&r->state.reasons, ctl_state_reason_key(t->id, reason, arena))) {
        r->already++;
    } else {
        r->steps[r->nsteps++] = (struct step){i, t->id, *data, reason};
    }
}

/* Folds the whole stream in memory. */
static void fold(struct run *r)
{
    struct tb_arena *arena = r->im.ctl->arena;
    for (size_t i = 0; i < r->n; i++) {
        const struct ctl_beads_change *c = &r->changes[i];
        struct ctl_replay *t = tb_map_get(&r->tickets, c->issue_id);
        struct kind *kind = kind_of(r, c->kind);
        struct tb_import_data data;
        const char *why = "";
        bool repeated = i && c->id == r->changes[i - 1].id;
        enum ctl_replayed what = repeated
                                     ? CTL_REPLAY_SKIPPED
                                     : ctl_replay_change(t, c, r->im.workflow, arena, &data, &why);
        if (what == CTL_REPLAY_APPLY) {
            kind->applied++;
            plan_step(r, i, t, &data);
        } else if (what == CTL_REPLAY_MERGED) {
            kind->merged++;
        } else {
            kind->skipped++;
            ctl_strings_add(&r->why, tb_str_of(repeated ? "the same change again" : why));
        }
    }
}

static enum tb_rc replay(struct run *r, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    fold(r);
    ctl_progress_start(&r->im.progress, "replaying", r->nsteps);
    for (size_t i = 0; rc == TB_OK && i < r->nsteps; i++) {
        const struct step *s = &r->steps[i];
        rc = ctl_importer_send(&r->im, s->ticket_id, &s->data, s->rationale, s->change, err);
    }
    ctl_importer_wait(&r->im);
    ctl_progress_end(&r->im.progress);
    for (size_t i = 0; i < r->n; i++) {
        if (r->refused[i]) {
            struct kind *kind = kind_of(r, r->changes[i].kind);
            kind->applied--;
            kind->rejected++;
        }
    }
    return rc;
}

/* ---- the summary ---- */

static void put_count(struct tb_json *w, const char *name, size_t n)
{
    tb_json_key(w, name);
    tb_json_int(w, (int64_t)n);
}

static struct kind totals(const struct run *r)
{
    struct kind all = {.name = TB_LIT("all")};
    for (size_t i = 0; i < r->nkinds; i++) {
        all.applied += r->kinds[i].applied;
        all.merged += r->kinds[i].merged;
        all.skipped += r->kinds[i].skipped;
        all.rejected += r->kinds[i].rejected;
    }
    all.skipped += r->invalid;
    return all;
}

static void put_kind(struct tb_json *w, const struct kind *k)
{
    put_count(w, "applied", k->applied);
    put_count(w, "merged", k->merged);
    put_count(w, "skipped", k->skipped);
    put_count(w, "rejected", k->rejected);
}

static void put_reasons(struct tb_json *w, const struct run *r, const struct kind *all)
{
    tb_json_key(w, "reasons");
    tb_json_open(w, '{');
    if (all->merged) {
        put_count(w, "no difference from the state so far", all->merged);
    }
    if (r->invalid) {
        put_count(w, "not a change", r->invalid);
    }
    for (size_t i = 0; i < r->why.n; i++) {
        size_t n = 0;
        bool first = true;
        for (size_t k = 0; k < r->why.n; k++) {
            bool equal = tb_str_eq(r->why.items[k], r->why.items[i]);
            n += equal;
            first = first && !(equal && k < i);
        }
        if (first) {
            tb_json_key_str(w, r->why.items[i]);
            tb_json_int(w, (int64_t)n);
        }
    }
    tb_json_close(w, '}');
}

static void print_json(const struct run *r)
{
    struct tb_json w = {.buf = &r->im.ctl->out};
    struct kind all = totals(r);
    tb_json_open(&w, '{');
    put_count(&w, "changes", r->lines);
    put_kind(&w, &all);
    put_count(&w, "sent", r->im.sent);
    put_count(&w, "already", r->already);
    put_count(&w, "tickets", r->tickets.n);
    put_count(&w, "placeholders", r->placeholders);
    tb_json_key(&w, "kinds");
    tb_json_open(&w, '{');
    for (size_t i = 0; i < r->nkinds; i++) {
        tb_json_key_str(&w, r->kinds[i].name);
        tb_json_open(&w, '{');
        put_kind(&w, &r->kinds[i]);
        tb_json_close(&w, '}');
    }
    tb_json_close(&w, '}');
    put_reasons(&w, r, &all);
    tb_json_key(&w, "workflow");
    tb_json_string(&w, r->im.workflow);
    tb_json_key(&w, "board");
    tb_json_string(&w, tb_str_of(r->im.board));
    tb_json_key(&w, "dry_run");
    tb_json_bool(&w, r->im.dry_run);
    tb_json_close(&w, '}');
    tb_buf_add_char(&r->im.ctl->out, '\n');
}

static void print_text(const struct run *r)
{
    tb_buf *out = &r->im.ctl->out;
    struct kind all = totals(r);
    tb_buf_printf(out,
                  "%zu changes of %zu tickets, workflow %.*s (board %s): %zu applied (%zu before), "
                  "%zu merged, %zu skipped, %zu rejected; %zu tickets without a title\n",
                  r->lines, r->tickets.n, TB_ARG(r->im.workflow), r->im.board, all.applied,
                  r->already, all.merged, all.skipped, all.rejected, r->placeholders);
    for (size_t i = 0; i < r->nkinds; i++) {
        const struct kind *k = &r->kinds[i];
        tb_buf_printf(out, "  %-16.*s %zu applied, %zu merged, %zu skipped, %zu rejected\n",
                      TB_ARG(k->name), k->applied, k->merged, k->skipped, k->rejected);
    }
}

static enum tb_rc run_changes(struct run *r, const char *path, struct tb_error *err)
{
    struct ctl *ctl = r->im.ctl;
    r->why.arena = ctl->arena;
    enum tb_rc rc = read_changes(r, path, err);
    rc = rc == TB_OK ? find_tickets(r, err) : rc;
    rc = rc == TB_OK ? ctl_state_read(ctl, r->im.workflow, REASON_PATTERN, &r->state, err) : rc;
    rc = rc == TB_OK ? make_board(r, err) : rc;
    r->refused = TB_NEW_N(ctl->arena, bool, r->n);
    r->steps = TB_NEW_N(ctl->arena, struct step, r->n);
    tb_str *names = TB_NEW_N(ctl->arena, tb_str, r->n);
    if (rc == TB_OK && (!r->refused || !r->steps || !names)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; rc == TB_OK && i < r->n; i++) {
        names[i] = r->changes[i].issue_id;
    }
    r->im.answers = r->refused;
    r->im.names = names;
    return rc == TB_OK ? replay(r, err) : rc;
}

int ctl_import_events(struct ctl *ctl, const char *path, tb_str workflow)
{
    struct tb_error err = {0};
    struct run *r = TB_NEW(ctl->arena, struct run);
    if (!r) {
        return CTL_REJECTED;
    }
    enum tb_rc rc = ctl_importer_init(&r->im, ctl, workflow, &err);
    rc = rc == TB_OK ? run_changes(r, path, &err) : rc;
    int code = CTL_DONE;
    if (rc == TB_OK) {
        tb_buf_add_str(&ctl->out, tb_buf_str(&r->im.refused));
        if (ctl->json) {
            print_json(r);
        } else {
            print_text(r);
        }
        code = r->im.nrefused || r->invalid ? CTL_REJECTED : CTL_DONE;
    }
    ctl_importer_dispose(&r->im);
    return rc == TB_OK ? code : ctl_fail(&err);
}
