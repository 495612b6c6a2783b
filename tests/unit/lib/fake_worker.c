#include "tests/unit/lib/fake_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/json/command.h"

struct answer {
    struct tb_producer *p;
    const char *topic;
    const struct tb_command *cmd;
};

static void emit(struct tb_producer *p, const char *topic, tb_str key, const tb_buf *json)
{
    struct tb_error err;
    assert_tb_ok(tb_producer_send(p, topic, key, tb_buf_str(json), NULL, 0, 0, &err), err);
}

static void event(const struct answer *a, const char *type, int64_t sequence, int index, int count,
                  const char *data)
{
    tb_buf json;
    tb_buf_init(&json, 1 << 20);
    tb_buf_printf(&json,
                  "{\"specversion\":\"1.0\",\"id\":\"ev-%.*s-%d\",\"source\":\"/fake\","
                  "\"type\":\"%s\",\"subject\":\"%.*s\",\"time\":\"2026-01-31T12:00:00Z\",",
                  TB_ARG(a->cmd->id), index, type, TB_ARG(a->cmd->subject));
    if (sequence) {
        tb_buf_printf(&json, "\"sequence\":\"%d\",", (int)sequence);
    }
    tb_buf_printf(&json,
                  "\"causationid\":\"%.*s\",\"causationsource\":\"%.*s\",\"causationindex\":%d,"
                  "\"causationcount\":%d,\"data\":{\"workflow_id\":\"wf\"%s}}",
                  TB_ARG(a->cmd->id), TB_ARG(a->cmd->source), index, count, data);
    emit(a->p, a->topic, a->cmd->subject, &json);
    tb_buf_dispose(&json);
}

void fake_event(struct tb_producer *p, const char *topic, const char *subject, int64_t sequence,
                const char *id, const char *workflow)
{
    tb_buf json;
    tb_buf_init(&json, 1 << 20);
    tb_buf_printf(&json,
                  "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/fake\",\"type\":\"%s\","
                  "\"subject\":\"%s\",",
                  id, sequence ? "ticket.updated" : "command.rejected", subject);
    if (sequence) {
        tb_buf_printf(&json, "\"sequence\":\"%d\",", (int)sequence);
    }
    tb_buf_printf(&json, "\"causationid\":\"c\",\"data\":{\"workflow_id\":\"%s\"}}", workflow);
    emit(p, topic, tb_str_of(subject), &json);
    tb_buf_dispose(&json);
}

static tb_str text_of(const struct tb_command *cmd)
{
    switch ((int)cmd->type->kind) {
    case TB_CMD_CREATE:
        return ((const struct tb_create_data *)cmd->data)->title;
    case TB_CMD_COMMENT:
        return ((const struct tb_comment_data *)cmd->data)->comment_text;
    case TB_CMD_RESOLVE:
        return ((const struct tb_resolve_data *)cmd->data)->resolution_comment;
    default:
        return TB_STR_NULL;
    }
}

static void answer(const struct answer *a)
{
    tb_str text = text_of(a->cmd);
    int times = tb_str_eq_c(text, "twice") ? 2 : 1;
    if (tb_str_eq_c(text, "silent")) {
        return;
    }
    if (tb_str_eq_c(text, "reject")) {
        event(
            a, "command.rejected", 0, 1, 1,
            ",\"code\":\"ticket_not_found\",\"field\":\"subject\",\"message\":\"No such ticket.\"");
        return;
    }
    if (tb_str_eq_c(text, "unchanged")) {
        event(a, "command.unchanged", 0, 1, 1, ",\"message\":\"Nothing to do.\"");
        return;
    }
    if (tb_str_starts(text, "park")) {
        event(a, "command.parked", 0, 1, 1, ",\"code\":\"poison\",\"message\":\"It waits.\"");
        if (tb_str_eq_c(text, "park")) {
            return;
        }
    }
    if (a->cmd->type->kind == TB_CMD_RESOLVE) {
        for (int i = 0; i < times; i++) {
            event(a, "ticket.status_changed", 5, 1, 2, "");
            if (tb_str_eq_c(text, "split")) {
                (void)!tb_producer_flush(a->p, 5000, NULL);
                (void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
            }
            event(a, "ticket.resolved", 6, 2, 2, "");
        }
        return;
    }
    event(a, a->cmd->type->kind == TB_CMD_CREATE ? "ticket.created" : "ticket.commented", 1, 1, 1,
          "");
}

static void *work(void *arg)
{
    struct fake_worker *w = arg;
    struct tb_error err;
    struct tb_producer *p = NULL;
    struct tb_consumer *c = NULL;
    struct tb_producer_options po = {.client_id = "fake-out", .timeout_ms = 10000};
    struct tb_consumer_options co = {.topic = w->commands, .client_id = "fake-in"};
    assert_tb_ok(tb_producer_new(rig.cfg, &po, &p, &err), err);
    assert_tb_ok(tb_consumer_new(rig.cfg, &co, &c, &err), err);
    struct tb_position positions[16];
    for (int32_t i = 0; i < w->partitions; i++) {
        positions[i] = (struct tb_position){i, TB_POSITION_BEGINNING};
    }
    assert_tb_ok(tb_consumer_start(c, positions, (size_t)w->partitions, &err), err);
    struct tb_arena *arena = tb_arena_new(0);
    while (!atomic_load(&w->stop)) {
        struct tb_kafka_message m;
        struct tb_command cmd;
        struct tb_decode_failure why;
        if (tb_consumer_poll(c, 5, &m, &err) == TB_POLL_MESSAGE &&
            tb_command_decode(m.value, NULL, arena, &cmd, &why) == TB_OK) {
            assert_true(tb_str_eq(m.key, cmd.subject));
            assert_true(tb_str_eq_c(tb_kafka_message_header(&m, "content-type"),
                                    "application/cloudevents+json"));
            assert_int_equal(m.partition, tb_partition_of(m.key, w->partitions));
            (void)atomic_fetch_add(&w->received, 1);
            answer(&(struct answer){p, w->events, &cmd});
        }
        tb_kafka_message_free(&m);
        (void)tb_producer_poll(p, 0);
        tb_arena_reset(arena);
    }
    tb_arena_free(arena);
    tb_producer_free(p);
    tb_consumer_free(c);
    return NULL;
}

void fake_worker_start(struct fake_worker *w, int32_t partitions)
{
    *w = (struct fake_worker){.partitions = partitions};
    w->commands = rig_topic(partitions);
    w->events = rig_topic(partitions + 1);
    assert_int_equal(pthread_create(&w->thread, NULL, work, w), 0);
}

void fake_worker_stop(struct fake_worker *w)
{
    atomic_store(&w->stop, true);
    (void)pthread_join(w->thread, NULL);
}
