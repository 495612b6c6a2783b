/* Not a test: measures what one command costs in decoding, rendering its event and encoding.
 *
 *     build/release/tests/unit/json/bench_codec [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/json/command.h"
#include "common/json/dom.h"
#include "common/json/event.h"

static const char create[] =
    "{\"specversion\":\"1.0\",\"id\":\"01936a5d-ac96-774b-bcce-b302099a8057\","
    "\"source\":\"/orchestrators/fleet-7\",\"type\":\"ticket.create\","
    "\"subject\":\"ticket-01936a5d-ac96-774b-bcce-b302099a8057\","
    "\"time\":\"2026-11-23T20:08:00.123456Z\",\"datacontenttype\":\"application/json\","
    "\"actor\":\"agent-planner-3\",\"actortype\":\"orchestrator\",\"correlationid\":\"run-4711\","
    "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\","
    "\"tenant\":\"acme\",\"data\":{\"workflow_id\":\"workflow-shop\","
    "\"title\":\"Checkout fails when the basket holds a voucher\","
    "\"description\":\"Steps:\\n1. Put a voucher into the basket\\n2. Go to the checkout\\n\\n"
    "The page shows \\\"500\\\" and the order is lost. Happens since the release of Monday; the "
    "log "
    "names VoucherService and a missing currency. See also the ticket on rounding.\","
    "\"ticket_type\":\"bug\",\"priority\":\"high\",\"assigned_agent_id\":null,"
    "\"tags\":[\"checkout\",\"voucher\",\"regression\"],"
    "\"related_task_ids\":[\"task-1\",\"task-2\"],\"rationale\":\"Customers lose orders.\"}}";

static const char status[] =
    "{\"specversion\":\"1.0\",\"id\":\"01936a5d-ac96-774b-bcce-b302099a8058\","
    "\"source\":\"/orchestrators/fleet-7\",\"type\":\"ticket.change_status\","
    "\"subject\":\"ticket-01936a5d-ac96-774b-bcce-b302099a8057\","
    "\"actor\":\"agent-worker-12\",\"data\":{\"new_status\":\"in_progress\","
    "\"comment\":\"Taking this one.\"}}";

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

#define REPEATS 9

/* The median of several rounds, in microseconds per call. */
static void report(const char *name, void (*work)(void *), void *arg, int rounds)
{
    double took[REPEATS];
    for (int r = 0; r < REPEATS; r++) {
        int64_t start = tb_clock_mono_us();
        for (int i = 0; i < rounds; i++) {
            work(arg);
        }
        took[r] = (double)(tb_clock_mono_us() - start) / rounds;
    }
    qsort(took, REPEATS, sizeof took[0], by_value);
    printf("%-44s %8.2f us\n", name, took[REPEATS / 2]);
}

struct bench {
    struct tb_arena *arena;
    tb_str text;
    struct tb_command cmd;
    const struct tb_change *change;
    tb_buf out;
    float *floats;
    int calls;
};

static void decode(void *arg)
{
    struct bench *b = arg;
    struct tb_decode_failure fail;
    if (b->calls++ % 500 == 0) {
        tb_arena_reset(b->arena);
    }
    if (tb_command_decode(b->text, NULL, b->arena, &b->cmd, &fail) != TB_OK) {
        abort();
    }
}

static void render(void *arg)
{
    struct bench *b = arg;
    const struct tb_event_args args = {
        .kind = b->change->event,
        .id = TB_LIT("evt-01936a5d-ac96-574b-bcce-b302099a8057"),
        .time_us = 1795464480123456,
        .cmd = &b->cmd,
        .index = 1,
        .count = 1,
        .rule = "create.ok",
        .sequence = 1,
        .change = b->change,
    };
    tb_buf_clear(&b->out);
    tb_event_render(&args, &b->out);
}

static void encode(void *arg)
{
    struct bench *b = arg;
    tb_buf_clear(&b->out);
    tb_command_encode(&b->cmd, &b->out);
}

static void hash(void *arg)
{
    struct bench *b = arg;
    if (!tb_command_hash(&b->cmd, b->cmd.body_hash)) {
        abort();
    }
}

static void read_event(void *arg)
{
    struct bench *b = arg;
    struct tb_event event;
    tb_arena_reset(b->arena);
    if (tb_event_decode(b->text, b->arena, &event, NULL) != TB_OK) {
        abort();
    }
}

#define DIMENSIONS 384

static void vector(void *arg)
{
    struct bench *b = arg;
    struct tb_dom *dom;
    if (tb_dom_parse(b->text, 0, &dom, NULL) != TB_OK ||
        !tb_node_floats(tb_dom_root(dom), b->floats, DIMENSIONS)) {
        abort();
    }
    tb_dom_free(dom);
}

static void measure_commands(struct bench *b, int rounds)
{
    struct tb_diff diffs[TB_TICKET_FIELDS_];
    struct tb_ticket none = tb_ticket_absent(TB_LIT("ticket-x"));
    for (int f = 0; f < TB_TICKET_FIELDS_; f++) {
        diffs[f] = (struct tb_diff){(enum tb_ticket_field)f, none.fields[f], none.fields[f]};
    }
    b->text = tb_str_of(create);
    report("ticket.create: decode and hash", decode, b, rounds);
    report("ticket.create: hash alone", hash, b, rounds);
    report("ticket.create: encode", encode, b, rounds);
    const struct tb_create_data *data = b->cmd.data;
    diffs[TB_TICKET_WORKFLOW_ID].after.as.str = data->workflow_id;
    diffs[TB_TICKET_TITLE].after.as.str = data->title;
    diffs[TB_TICKET_DESCRIPTION].after.as.str = data->description;
    diffs[TB_TICKET_TAGS].after.as.strs = data->tags;
    diffs[TB_TICKET_CREATED_AT].after.as.time = 1795464480123456;
    diffs[TB_TICKET_UPDATED_AT].after.as.time = 1795464480123456;
    struct tb_change change = {.event = TB_EVENT_CREATED,
                               .diffs = diffs,
                               .ndiffs = TB_TICKET_FIELDS_,
                               .agent_id = TB_LIT("agent-planner-3"),
                               .at = 1795464480123456,
                               .description = TB_LIT("created")};
    b->change = &change;
    report("ticket.created: render", render, b, rounds);
    printf("%-44s %8zu bytes\n", "", b->out.len);
    tb_str event = tb_buf_take(&b->out, b->arena);
    char *copy = strndup(event.ptr, event.len);
    b->text = tb_str_of(copy);
    report("ticket.created: read by a consumer", read_event, b, rounds);
    free(copy);

    b->text = tb_str_of(status);
    b->calls = 0;
    report("ticket.change_status: decode and hash", decode, b, rounds);
    diffs[0] = diffs[TB_TICKET_STATUS];
    diffs[1] = diffs[TB_TICKET_UPDATED_AT];
    change.event = TB_EVENT_STATUS_CHANGED;
    change.ndiffs = 2;
    report("ticket.status_changed: render", render, b, rounds);
}

static void measure_vector(struct bench *b, int rounds)
{
    tb_buf text;
    tb_buf_init(&text, 1 << 20);
    for (int i = 0; i < DIMENSIONS; i++) {
        tb_buf_printf(&text, "%c%.9g", i ? ',' : '[', (i - 190) / 1773.0);
    }
    tb_buf_add_char(&text, ']');
    float v[DIMENSIONS];
    b->floats = v;
    b->text = tb_buf_str(&text);
    report("vector of 384 numbers: parse", vector, b, rounds / 50);
    tb_buf_dispose(&text);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 20000;
    struct bench b = {.arena = tb_arena_new(0)};
    tb_buf_init(&b.out, 1 << 20);
    if (!b.arena || rounds < 50) {
        return 2;
    }
    measure_commands(&b, rounds);
    measure_vector(&b, rounds);
    tb_buf_dispose(&b.out);
    tb_arena_free(b.arena);
    return 0;
}
