#include "indexer/shell/round.h"

#include "common/base/log.h"
#include "common/crash/crash.h"
#include "indexer/shell/deadletter.h"
#include "indexer/shell/refused.h"
#include "indexer/shell/slice.h"
#include "indexer/shell/usage.h"

#define VERSION_END ((int64_t)1 << 53) /* above every version */

/* ---- deciding what is to be done ---- */

static enum tb_rc plan_item(struct slice *s, const struct tb_row *row, struct item *it,
                            struct tb_error *err)
{
    it->out = (struct tb_indexed){.row = row};
    if (row->payload.is_deleted) {
        return TB_OK;
    }
    enum tb_rc rc = tb_document_build(&row->text, &s->ix->recipe, s->arena, &it->doc, err);
    if (rc != TB_OK) {
        return rc;
    }
    it->pieces = TB_NEW_N(s->arena, struct piece, it->doc.n);
    it->poison = TB_NEW_N(s->arena, bool, it->doc.n);
    if (!it->pieces || !it->poison) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    it->out.doc = &it->doc;
    it->out.poison = it->poison;
    it->out.texts_changed =
        !s->ix->secondary && !tb_str_eq_c(row->state_fingerprint, it->doc.fingerprint);
    for (size_t i = 0; i < it->doc.n; i++) {
        const struct tb_chunk *c = &it->doc.chunks[i];
        const struct tb_known_chunk *known = tb_map_get(&row->hashes, c->key);
        bool same = known && tb_str_eq_c(known->hash, c->hash);
        it->poison[i] = same && known->poison;
        it->pieces[i].refresh = same && !known->poison;
        it->pieces[i].embed = !same;
        it->pieces[i].input.text = c->text;
    }
    s->chunks += it->doc.n;
    return TB_OK;
}

/* ---- embedding ---- */

static enum tb_rc report_poison(struct tb_indexer *ix, const struct tb_index_letter *letter,
                                struct tb_error *err)
{
    tb_log_warn("%.*s at version %lld%s%.*s cannot be indexed (%s): %s", TB_ARG(letter->ticket_id),
                (long long)letter->version, letter->chunk.len ? ", part " : "",
                TB_ARG(letter->chunk), letter->stage, letter->reason);
    for (;;) {
        enum tb_rc rc = tb_index_letter_send(ix->producer, ix->dlq_topic, letter, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->kafka_patience);
        }
        if (rc != TB_EUNAVAILABLE && rc != TB_ERETRY) {
            return rc;
        }
        if (!tb_patience_wait(&ix->kafka_patience, err, 0)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
    }
}

static enum tb_rc embed_inputs(struct tb_indexer *ix, struct tb_embed_input *inputs, size_t n,
                               struct tb_arena *arena, struct tb_error *err)
{
    for (;;) {
        int64_t wait_ms = 0;
        enum tb_rc rc = tb_embed_run(ix->embedder, inputs, n, false, arena, &wait_ms, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->embed_patience);
            return TB_OK;
        }
        if (rc == TB_ENOMEM) {
            return rc;
        }
        if (!tb_patience_wait(&ix->embed_patience, err, wait_ms)) {
            return tb_fail(err, TB_EUNAVAILABLE, "stopped");
        }
        if (tb_indexer_is_retired(ix)) {
            return tb_fail(err, TB_ECONFLICT, "the collection is retired");
        }
    }
}

static enum tb_rc settle_piece(struct slice *s, struct item *it, size_t i,
                               const struct tb_embed_input *input, struct tb_error *err)
{
    it->pieces[i].input = *input;
    it->pieces[i].embed = false;
    if (input->state == TB_INPUT_DONE) {
        it->out.tokens += (int64_t)input->tokens;
        it->out.embedded++;
        s->ix->stats.embedded++;
        return TB_OK;
    }
    it->poison[i] = true;
    s->ix->stats.poison++;
    struct tb_index_letter letter = {.ticket_id = payload(it)->ticket_id,
                                     .version = payload(it)->version,
                                     .chunk = it->doc.chunks[i].key,
                                     .stage = "embed",
                                     .reason = input->reason};
    return report_poison(s->ix, &letter, err);
}

/* Embeds every piece marked so. */
enum tb_rc tb_slice_embed(struct slice *s, struct tb_error *err)
{
    struct tb_embed_input *inputs = TB_NEW_N(s->arena, struct tb_embed_input, s->chunks + 1);
    size_t n = 0;
    for (size_t k = 0; inputs && k < s->n; k++) {
        for (size_t i = 0; s->items[k].out.doc && i < s->items[k].doc.n; i++) {
            if (s->items[k].pieces[i].embed) {
                const struct tb_chunk *c = &s->items[k].doc.chunks[i];
                inputs[n++] = (struct tb_embed_input){.text = c->text, .tokens = c->tokens};
            }
        }
    }
    if (!inputs) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = n ? embed_inputs(s->ix, inputs, n, s->arena, err) : TB_OK;
    size_t at = 0;
    for (size_t k = 0; rc == TB_OK && k < s->n; k++) {
        struct item *it = &s->items[k];
        for (size_t i = 0; rc == TB_OK && it->out.doc && i < it->doc.n; i++) {
            if (it->pieces[i].embed) {
                rc = settle_piece(s, it, i, &inputs[at++], err);
            }
        }
        if (it->out.doc && it->pieces[0].input.vector && !s->ix->secondary) {
            it->out.first_vector = it->pieces[0].input.vector;
        }
    }
    return rc;
}

/* ---- the database ---- */

static enum tb_rc write_state(struct slice *s, struct tb_error *err)
{
    struct tb_indexer *ix = s->ix;
    struct tb_indexed *items = TB_NEW_N(s->arena, struct tb_indexed, s->n + 1);
    if (!items) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t k = 0; k < s->n; k++) {
        items[k] = s->items[k].out;
    }
    const struct tb_state_into into = {.collection = ix->collection,
                                       .recipe = ix->recipe_name,
                                       .model = &ix->model,
                                       .price = ix->price};
    for (size_t from = 0; from < s->n;) {
        size_t n = s->n - from < TB_STATE_BATCH ? s->n - from : TB_STATE_BATCH;
        enum tb_rc rc = tb_state_write(ix->pg, &into, items + from, n, s->arena, err);
        if (rc == TB_OK) {
            tb_patience_over(&ix->pg_patience);
            tb_usage_tell(ix->price, items + from, n, s->arena);
            from += n;
            continue;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    for (size_t k = 0; k < s->n; k++) {
        s->items[k].out = items[k];
    }
    return TB_OK;
}

/* ---- putting it together ---- */

static enum tb_rc run_slice(struct slice *s, struct tb_error *err)
{
    TB_CRASH_POINT("before_embed");
    enum tb_rc rc = tb_slice_embed(s, err);
    if (rc == TB_OK) {
        TB_CRASH_POINT("after_embed");
        rc = tb_slice_write_points(s, err);
    }
    if (rc == TB_OK) {
        TB_CRASH_POINT("after_points");
        rc = tb_slice_confirm(s, err);
    }
    if (rc == TB_OK) {
        rc = tb_slice_tell_similar(s, err);
    }
    if (rc == TB_OK) {
        TB_CRASH_POINT("before_state");
        rc = write_state(s, err);
    }
    if (rc == TB_OK) {
        TB_CRASH_POINT("after_state");
        rc = tb_slice_yield(s, err);
    }
    for (size_t k = 0; rc == TB_OK && k < s->n; k++) {
        s->ix->done(payload(&s->items[k])->ticket_id, s->ix->arg);
        s->ix->stats.tickets++;
        s->ix->stats.deleted += !s->items[k].out.doc;
    }
    return rc;
}

static enum tb_rc bury(struct tb_indexer *ix, const struct tb_row *row, const struct tb_error *why,
                       struct tb_arena *arena, struct tb_error *err)
{
    bool known = false;
    struct tb_index_letter letter = {.ticket_id = row->payload.ticket_id,
                                     .version = row->payload.version,
                                     .stage = why->code[0] && strlen(why->code) == 5 ? "database"
                                                                                     : "store",
                                     .reason = why->text};
    ix->stats.dead++;
    enum tb_rc rc = tb_refused_known(ix, row, arena, &known, err);
    if (rc != TB_OK || (known && !ix->asked)) {
        return rc;
    }
    rc = report_poison(ix, &letter, err);
    return rc == TB_OK ? tb_refused_remember(ix, row, letter.stage, arena, err) : rc;
}

/* Plans and runs as many rows as make a slice. What is refused for its data is halved until the
 * ticket at fault stands alone. */
static enum tb_rc run_some(struct tb_indexer *ix, const struct tb_row *rows, size_t n,
                           struct tb_arena *arena, size_t *ret_n, struct tb_error *err)
{
    struct slice s = {.ix = ix, .arena = arena, .items = TB_NEW_N(arena, struct item, n)};
    if (!s.items) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = TB_OK;
    while (rc == TB_OK && s.n < n && s.chunks < ix->slice_chunks) {
        rc = plan_item(&s, &rows[s.n], &s.items[s.n], err);
        s.n++;
    }
    rc = rc == TB_OK ? run_slice(&s, err) : rc;
    *ret_n = s.n;
    if (rc == TB_EDATA && s.n == 1) {
        struct tb_error why = *err;
        rc = bury(ix, rows, &why, arena, err);
        if (rc == TB_OK) {
            ix->done(rows->payload.ticket_id, ix->arg);
        }
    } else if (rc == TB_EDATA) {
        rc = tb_round_rows(ix, rows, s.n / 2, err);
        rc = rc == TB_OK ? tb_round_rows(ix, rows + s.n / 2, s.n - s.n / 2, err) : rc;
    }
    return rc;
}

enum tb_rc tb_round_rows(struct tb_indexer *ix, const struct tb_row *rows, size_t n,
                         struct tb_error *err)
{
    struct tb_arena *arena = tb_arena_new(0); /* of one slice at a time */
    enum tb_rc rc = arena ? TB_OK : tb_fail(err, TB_ENOMEM, "out of memory");
    for (size_t at = 0; rc == TB_OK && at < n;) {
        size_t used = 0;
        if (atomic_load(ix->stop)) {
            rc = tb_fail(err, TB_EUNAVAILABLE, "stopped");
            break;
        }
        tb_arena_reset(arena);
        rc = run_some(ix, rows + at, n - at, arena, &used, err);
        at += used;
    }
    tb_arena_free(arena);
    return rc;
}

/* Tickets whose rows are gone for good: nothing of them stays. */
static enum tb_rc forget(struct tb_indexer *ix, const tb_str *ids, size_t n, struct tb_arena *arena,
                         struct tb_error *err)
{
    struct slice s = {.ix = ix, .arena = arena};
    struct tb_store_purge *purges = TB_NEW_N(arena, struct tb_store_purge, n + 1);
    if (!purges) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        purges[i] = (struct tb_store_purge){ids[i], VERSION_END};
    }
    struct tb_store_batch batch = {.purges = purges, .npurges = n};
    enum tb_rc rc = n ? tb_slice_apply(&s, &batch, err) : TB_OK;
    while (n && rc == TB_OK) {
        rc = tb_state_forget(ix->pg, ix->collection, ids, n, arena, err);
        if (rc == TB_OK) {
            break;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
    }
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        ix->done(ids[i], ix->arg);
    }
    return rc;
}

/* Sorts the work: ids that need their rows, ids without a row; those known already drop out. */
static enum tb_rc sort_out(struct tb_indexer *ix, const struct tb_work *work, size_t n,
                           struct tb_arena *arena, tb_str *due, size_t *ndue, tb_str *gone,
                           size_t *ngone, struct tb_error *err)
{
    tb_str *ids = TB_NEW_N(arena, tb_str, n + 1);
    struct tb_head *heads = TB_NEW_N(arena, struct tb_head, n + 1);
    if (!ids || !heads) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = work[i].ticket_id;
    }
    for (;;) {
        enum tb_rc rc = tb_indexer_connect(ix, err);
        if (rc == TB_OK) {
            rc = tb_rows_heads(ix->pg, ix->collection, ix->recipe_name, ids, n, arena, heads, err);
            if (rc == TB_OK) {
                break;
            }
            rc = tb_indexer_retry_pg(ix, rc, err);
        }
        if (rc != TB_OK) {
            return rc;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (heads[i].version == 0) {
            gone[(*ngone)++] = ids[i];
        } else if (heads[i].state_version < heads[i].version || !heads[i].same_recipe) {
            due[(*ndue)++] = ids[i];
        } else {
            ix->stats.skipped++;
            ix->done(ids[i], ix->arg);
        }
    }
    return TB_OK;
}

enum tb_rc tb_round_run(struct tb_indexer *ix, const struct tb_work *work, size_t n,
                        struct tb_arena *arena, struct tb_error *err)
{
    tb_str *due = TB_NEW_N(arena, tb_str, n + 1);
    tb_str *gone = TB_NEW_N(arena, tb_str, n + 1);
    size_t ndue = 0;
    size_t ngone = 0;
    if (!due || !gone) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = sort_out(ix, work, n, arena, due, &ndue, gone, &ngone, err);
    if (rc == TB_OK) {
        rc = forget(ix, gone, ngone, arena, err);
    }
    if (rc != TB_OK || ndue == 0) {
        return rc;
    }
    struct tb_row *rows;
    size_t nrows;
    for (;;) {
        rc = tb_rows_load(ix->pg, ix->collection, due, ndue, arena, &rows, &nrows, err);
        if (rc == TB_OK) {
            break;
        }
        rc = tb_indexer_retry_pg(ix, rc, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return tb_round_rows(ix, rows, nrows, err);
}
