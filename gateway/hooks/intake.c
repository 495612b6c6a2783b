/* From events to deliveries. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/crypto/crypto.h"
#include "gateway/hooks/internal.h"

enum { COMMITTED_MS = 10000 };
/* Clocks of workers and database differ: rather an event too early than one missed. */
#define EARLY_US ((int64_t)5 * 1000 * 1000)

/* ---- webhooks ---- */

static struct tb_target *target_of(struct tb_hooks *h, tb_str id)
{
    for (struct tb_target *t = h->targets; t; t = t->next) {
        if (tb_str_eq_c(id, t->id)) {
            return t;
        }
    }
    struct tb_target *t = calloc(1, sizeof *t);
    if (t && id.len < sizeof t->id) {
        memcpy(t->id, id.ptr, id.len);
        t->next = h->targets;
        h->targets = t;
        return t;
    }
    free(t);
    return NULL;
}

static void forget_targets(struct tb_hooks *h)
{
    for (struct tb_target **at = &h->targets; *at;) {
        struct tb_target *t = *at;
        if (t->known || t->sending > 0) {
            at = &t->next;
        } else {
            *at = t->next;
            free(t);
        }
    }
}

/* A text[] that was turned into lines: ids hold none. */
static tb_strs lines(tb_str text, struct tb_arena *arena)
{
    size_t n = text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        n += text.ptr[i] == '\n';
    }
    tb_str *items = TB_NEW_N(arena, tb_str, n);
    size_t from = 0;
    n = 0;
    for (size_t i = 0; items && i <= text.len && text.len > 0; i++) {
        if (i == text.len || text.ptr[i] == '\n') {
            items[n++] = tb_arena_str(arena, (tb_str){text.ptr + from, i - from});
            from = i + 1;
        }
    }
    return (tb_strs){items, items ? n : 0};
}

static bool read_row(struct tb_hooks *h, const struct tb_pg_result *r, int row)
{
    struct tb_arena *arena = h->wishes_arena;
    struct tb_target *t = target_of(h, tb_pg_str(r, row, 0));
    if (!t) {
        return false;
    }
    t->known = true;
    t->active = tb_pg_bool(r, row, 1);
    t->max_parallel = tb_pg_int(r, row, 2);
    t->max_per_second = tb_pg_int(r, row, 3);
    h->wishes[row] = (struct tb_wish){
        .id = tb_pg_str_in(r, row, 0, arena),
        .filter = {.workflows = lines(tb_pg_str(r, row, 4), arena),
                   .tickets = lines(tb_pg_str(r, row, 5), arena),
                   .types = lines(tb_pg_str(r, row, 6), arena),
                   .allowed = lines(tb_pg_str(r, row, 7), arena)},
        .since_us = tb_pg_time(r, row, 8) - EARLY_US,
    };
    return true;
}

enum tb_rc tb_hooks_read(struct tb_hooks *h, struct tb_error *err)
{
    static const char sql[] =
        "SELECT id, status = 'active', max_parallel, max_per_second,"
        " array_to_string(workflow_ids, E'\\n'), array_to_string(ticket_ids, E'\\n'),"
        " array_to_string(event_types, E'\\n'), array_to_string(allowed_workflow_ids, E'\\n'),"
        " created_at FROM webhooks ORDER BY id";
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(h->pg, sql, NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_arena_reset(h->wishes_arena);
    h->nwishes = 0;
    int n = tb_pg_rows(r);
    h->wishes = TB_NEW_N(h->wishes_arena, struct tb_wish, (size_t)n);
    bool fine = h->wishes != NULL;
    for (struct tb_target *t = h->targets; t; t = t->next) {
        t->known = false;
    }
    for (int i = 0; fine && i < n; i++) {
        fine = read_row(h, r, i);
    }
    tb_pg_result_free(r);
    if (!fine || tb_arena_failed(h->wishes_arena)) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    h->nwishes = (size_t)n;
    forget_targets(h);
    h->read_us = tb_clock_mono_us();
    return TB_OK;
}

/* ---- deliveries ---- */

/* Rows about to be written, column by column. */
struct rows {
    size_t n, room;
    tb_str *id, *webhook, *event, *type, *subject, *payload;
    int64_t *partition, *offset;
};

static tb_str *grow_strs(tb_str *old, size_t n, size_t room, struct tb_arena *arena)
{
    tb_str *items = TB_NEW_N(arena, tb_str, room);
    if (items && n) {
        memcpy(items, old, n * sizeof *items);
    }
    return items;
}

static int64_t *grow_ints(int64_t *old, size_t n, size_t room, struct tb_arena *arena)
{
    int64_t *items = TB_NEW_N(arena, int64_t, room);
    if (items && n) {
        memcpy(items, old, n * sizeof *items);
    }
    return items;
}

static bool grow(struct rows *r, struct tb_arena *arena)
{
    if (r->n < r->room) {
        return true;
    }
    size_t room = r->room ? r->room * 2 : 64;
    tb_str **strs[] = {&r->id, &r->webhook, &r->event, &r->type, &r->subject, &r->payload};
    for (size_t i = 0; i < TB_COUNT(strs); i++) {
        *strs[i] = grow_strs(*strs[i], r->n, room, arena);
    }
    r->partition = grow_ints(r->partition, r->n, room, arena);
    r->offset = grow_ints(r->offset, r->n, room, arena);
    r->room = room;
    return !tb_arena_failed(arena);
}

/* The same webhook and event, the same id, however often the event is read. */
static tb_str delivery_id(tb_str webhook, tb_str event, struct tb_arena *arena)
{
    char text[TB_UUID_TEXT_LEN + 1];
    tb_str name = tb_arena_printf(arena, "webhook %.*s %.*s", TB_ARG(webhook), TB_ARG(event));
    struct tb_uuid uuid = tb_uuid_v5(&tb_uuid_namespace, name.ptr, name.len);
    tb_uuid_format(&uuid, text);
    return tb_arena_printf(arena, "delivery-%s", text);
}

static void add(struct tb_hooks *h, struct rows *rows, const struct tb_wish *wish,
                const struct tb_note *note, tb_str payload, const struct tb_kafka_message *m)
{
    if (!grow(rows, h->arena)) {
        return;
    }
    size_t i = rows->n++;
    rows->id[i] = delivery_id(wish->id, note->id, h->arena);
    rows->webhook[i] = wish->id;
    rows->event[i] = note->id;
    rows->type[i] = note->type;
    rows->subject[i] = note->subject;
    rows->payload[i] = payload;
    rows->partition[i] = m->partition;
    rows->offset[i] = m->offset;
}

static void match(struct tb_hooks *h, struct rows *rows, const struct tb_kafka_message *m)
{
    struct tb_note note;
    struct tb_error why;
    /* What is marked as a repeat was told when it was new. */
    if (h->nwishes == 0 || tb_kafka_message_header(m, "ticketbus-repeat").ptr) {
        return;
    }
    if (tb_note_read(m->value, h->arena, &note, &why) != TB_OK) {
        tb_log_debug("partition %d offset %lld holds no event: %s", m->partition,
                     (long long)m->offset, why.text);
        return;
    }
    h->stats.events++;
    tb_str payload = TB_STR_NULL;
    for (size_t i = 0; i < h->nwishes; i++) {
        const struct tb_wish *wish = &h->wishes[i];
        if (m->timestamp_us < wish->since_us || !tb_filter_match(&wish->filter, &note)) {
            continue;
        }
        payload = payload.ptr ? payload : tb_arena_str(h->arena, m->value);
        add(h, rows, wish, &note, payload, m);
    }
}

static enum tb_rc store(struct tb_hooks *h, const struct rows *rows, struct tb_error *err)
{
    static const char sql[] =
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, subject,"
        "  topic_partition, record_offset, payload)"
        " SELECT n.id, n.webhook, n.event, n.type, n.subject, n.partition, n.record_offset,"
        "  n.payload FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],"
        "  $6::bigint[], $7::bigint[], $8::text[])"
        "  AS n(id, webhook, event, type, subject, partition, record_offset, payload)"
        " JOIN webhooks w ON w.id = n.webhook ON CONFLICT (id) DO NOTHING";
    struct tb_pg_params p;
    struct tb_pg_result *r = NULL;
    tb_pg_params_init(&p, h->arena);
    tb_pg_add_texts(&p, rows->id, rows->n);
    tb_pg_add_texts(&p, rows->webhook, rows->n);
    tb_pg_add_texts(&p, rows->event, rows->n);
    tb_pg_add_texts(&p, rows->type, rows->n);
    tb_pg_add_texts(&p, rows->subject, rows->n);
    tb_pg_add_bigints(&p, rows->partition, rows->n);
    tb_pg_add_bigints(&p, rows->offset, rows->n);
    tb_pg_add_texts(&p, rows->payload, rows->n);
    enum tb_rc rc = tb_pg_exec(h->pg, sql, &p, &r, err);
    if (rc == TB_OK) {
        h->stats.deliveries += (uint64_t)tb_pg_affected(r);
        h->claim_us = 0;
    }
    tb_pg_result_free(r);
    return rc;
}

/* ---- Kafka ---- */

/* Goes on at `next`, from where the group has committed when `anew`. */
static enum tb_rc start(struct tb_hooks *h, bool anew, struct tb_error *err)
{
    struct tb_position at[TB_HOOKS_PARTITIONS_MAX];
    enum tb_rc rc = TB_OK;
    for (size_t i = 0; i < h->nowned; i++) {
        at[i] =
            (struct tb_position){(int32_t)h->owned[i], anew ? TB_POSITION_COMMITTED : h->next[i]};
    }
    if (anew && h->nowned) {
        rc = tb_consumer_committed(h->consumer, at, h->nowned, COMMITTED_MS, err);
    }
    for (size_t i = 0; rc == TB_OK && i < h->nowned; i++) {
        h->next[i] = at[i].offset;
    }
    return rc == TB_OK ? tb_consumer_start(h->consumer, at, h->nowned, err) : rc;
}

static enum tb_rc assigned(struct tb_hooks *h, struct tb_error *err)
{
    size_t n;
    const int32_t *partitions = tb_consumer_assignment(h->consumer, &n);
    if (n > TB_HOOKS_PARTITIONS_MAX) {
        return tb_fail(err, TB_ELIMIT, "more than %d partitions", TB_HOOKS_PARTITIONS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        h->owned[i] = partitions[i];
    }
    h->nowned = n;
    enum tb_rc rc = start(h, true, err);
    if (rc == TB_OK) {
        tb_log_info("webhooks: %zu partitions are ours", n);
    }
    return rc;
}

/* The log was cut before we came: what is gone cannot be told to anybody. */
static enum tb_rc gone(struct tb_hooks *h, int32_t partition, struct tb_error *err)
{
    tb_log_error("webhooks: events of partition %d were deleted before they were read; receivers "
                 "miss them",
                 partition);
    for (size_t i = 0; i < h->nowned; i++) {
        if (h->owned[i] == partition) {
            h->next[i] = TB_POSITION_BEGINNING;
        }
    }
    return start(h, false, err);
}

static void commit(struct tb_hooks *h)
{
    struct tb_position at[TB_HOOKS_PARTITIONS_MAX];
    struct tb_error err;
    size_t n = 0;
    for (size_t i = 0; i < h->nowned; i++) {
        if (h->next[i] >= 0) {
            at[n++] = (struct tb_position){(int32_t)h->owned[i], h->next[i]};
        }
    }
    if (n && tb_consumer_commit(h->consumer, at, n, &err) != TB_OK) {
        tb_log_warn("webhooks: %s", err.text);
    }
    h->moved = false;
    h->commit_us = tb_clock_mono_us();
}

static void moved_to(struct tb_hooks *h, const int64_t *next)
{
    for (size_t i = 0; i < h->nowned; i++) {
        h->moved = h->moved || h->next[i] != next[i];
        h->next[i] = next[i];
    }
}

static bool place_of(const struct tb_hooks *h, int32_t partition, size_t *ret)
{
    for (*ret = 0; *ret < h->nowned; (*ret)++) {
        if (h->owned[*ret] == partition) {
            return true;
        }
    }
    return false;
}

enum tb_rc tb_hooks_take(struct tb_hooks *h, int timeout_ms, size_t *ret_n, struct tb_error *err)
{
    struct rows rows = {0};
    int64_t next[TB_HOOKS_PARTITIONS_MAX];
    bool looked = false;
    enum tb_rc rc = TB_OK;
    *ret_n = 0;
    memcpy(next, h->next, sizeof next);
    enum tb_poll got = TB_POLL_NONE;
    while (rc == TB_OK && *ret_n < TB_HOOKS_BATCH) {
        struct tb_kafka_message m = {0};
        size_t at;
        got = tb_consumer_poll(h->consumer, *ret_n ? 0 : timeout_ms, &m, err);
        if (got == TB_POLL_MESSAGE && place_of(h, m.partition, &at)) {
            /* Read now, so that no webhook made before this event is missed. */
            rc = looked ? TB_OK : tb_hooks_read(h, err);
            looked = true;
            if (rc == TB_OK) {
                match(h, &rows, &m);
                next[at] = m.offset + 1;
                (*ret_n)++;
            }
        } else if (got == TB_POLL_OFFSET_GONE) {
            rc = gone(h, m.partition, err);
            memcpy(next, h->next, sizeof next);
        }
        tb_kafka_message_free(&m);
        if (got != TB_POLL_MESSAGE) {
            break;
        }
    }
    if (rc == TB_OK && rows.n) {
        rc = store(h, &rows, err);
    }
    if (rc == TB_OK && tb_arena_failed(h->arena)) {
        rc = tb_fail(err, TB_ENOMEM, "out of memory");
    }
    if (rc == TB_OK) {
        moved_to(h, next);
    } else {
        struct tb_error ignored;
        (void)!start(h, false, &ignored); /* the same ones again */
        return rc;
    }
    if (h->moved && tb_clock_mono_us() - h->commit_us > 500000) {
        commit(h);
    }
    if (got == TB_POLL_ASSIGNED) {
        return assigned(h, err);
    }
    if (got == TB_POLL_REVOKED) {
        h->nowned = 0;
    } else if (got == TB_POLL_FATAL) {
        return TB_EFATAL;
    } else if (got == TB_POLL_ERROR) {
        tb_log_warn("webhooks: Kafka: %s", err->text);
    }
    return TB_OK;
}
