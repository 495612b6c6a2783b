/* Sending, outcomes and following, with a fake worker: on librdkafka's mock cluster, or on the
 * broker at KAFKA_BROKERS when run as `test_lib_client broker`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/unit/lib/fake_worker.h"
#include "ticketbus/ticketbus.h"

#define TICKET "ticket-0190b2f0-7c1e-7000-8000-00000000000"

static struct fake_worker worker;
static struct ticketbus_client *client;

static struct ticketbus_client *new_client(const char *name, const char *value)
{
    struct ticketbus_setting settings[] = {{"TICKETBUS_TOPIC_COMMANDS", worker.commands},
                                           {"TICKETBUS_TOPIC_EVENTS", worker.events},
                                           {"TICKETBUS_SOURCE", "/tests"},
                                           {"TICKETBUS_ACTOR", "tester"},
                                           {"TICKETBUS_WAIT_MS", "15000"},
                                           {name, value}};
    struct ticketbus_client_options opt = {
        .size = sizeof opt, .settings = settings, .nsettings = name ? 6 : 5};
    struct ticketbus_error err = {.text = ""};
    struct ticketbus_client *made = NULL;
    if (ticketbus_client_new(&opt, &made, &err) != TICKETBUS_OK) {
        fail_msg("%s: %s", err.field, err.text);
    }
    return made;
}

static int group_up(void **state)
{
    (void)state;
    fake_worker_start(&worker, 3);
    client = new_client(NULL, NULL);
    return 0;
}

static int group_down(void **state)
{
    (void)state;
    ticketbus_client_free(client);
    fake_worker_stop(&worker);
    return 0;
}

/* Sends and frees the command; the outcome, or NULL with err filled. */
static struct ticketbus_outcome *request(struct ticketbus_command *cmd, int timeout_ms,
                                         bool past_parked, enum ticketbus_rc expected)
{
    struct ticketbus_error err = {.text = ""};
    struct ticketbus_outcome *outcome = NULL;
    assert_non_null(cmd);
    enum ticketbus_rc rc = ticketbus_request(client, cmd, timeout_ms, past_parked, &outcome, &err);
    if (rc != expected) {
        fail_msg("%s: %s", ticketbus_rc_name(rc), err.text);
    }
    if (outcome) {
        assert_string_equal(outcome->command_id, ticketbus_command_id(cmd));
        assert_string_equal(outcome->subject, ticketbus_command_subject(cmd));
        assert_string_equal(outcome->source, "/tests");
    }
    ticketbus_command_free(cmd);
    return outcome;
}

static void applied(void **state)
{
    (void)state;
    struct ticketbus_outcome *o =
        request(ticketbus_create("wf", "A title", NULL), -1, false, TICKETBUS_OK);
    assert_int_equal(o->state, TICKETBUS_APPLIED);
    assert_int_equal(o->version, 1);
    assert_int_equal(o->nevents, 1);
    assert_string_equal(o->events[0]->type, "ticket.created");
    assert_string_equal(o->events[0]->workflow_id, "wf");
    assert_int_equal(o->events[0]->time_us, INT64_C(1769860800000000));
    assert_int_equal(strlen(o->events[0]->json), o->events[0]->json_len);
    assert_non_null(strstr(o->events[0]->json, "ticket.created"));
    assert_string_equal(o->events[0]->data, "{\"workflow_id\":\"wf\"}");
    ticketbus_outcome_free(o);
}

static void several_events(void **state)
{
    (void)state;
    static const char *const how[] = {"once", "twice", "split"};
    for (size_t i = 0; i < 3; i++) {
        struct ticketbus_outcome *o =
            request(ticketbus_resolve(TICKET "1", how[i], NULL), -1, false, TICKETBUS_OK);
        assert_int_equal(o->state, TICKETBUS_APPLIED);
        assert_int_equal(o->nevents, 2);
        assert_string_equal(o->events[0]->type, "ticket.status_changed");
        assert_string_equal(o->events[1]->type, "ticket.resolved");
        assert_int_equal(o->version, 6);
        ticketbus_outcome_free(o);
    }
}

static void no_effect(void **state)
{
    (void)state;
    struct ticketbus_outcome *o =
        request(ticketbus_comment(TICKET "2", "reject", NULL), -1, false, TICKETBUS_OK);
    assert_int_equal(o->state, TICKETBUS_REJECTED);
    assert_string_equal(o->code, "ticket_not_found");
    assert_string_equal(o->field, "subject");
    assert_string_equal(o->message, "No such ticket.");
    assert_int_equal(o->version, 0);
    ticketbus_outcome_free(o);
    o = request(ticketbus_comment(TICKET "2", "unchanged", NULL), -1, false, TICKETBUS_OK);
    assert_int_equal(o->state, TICKETBUS_UNCHANGED);
    assert_null(o->code);
    ticketbus_outcome_free(o);
}

static void parked(void **state)
{
    (void)state;
    struct ticketbus_outcome *o =
        request(ticketbus_comment(TICKET "3", "park", NULL), -1, false, TICKETBUS_OK);
    assert_int_equal(o->state, TICKETBUS_PARKED);
    ticketbus_outcome_free(o);
    o = request(ticketbus_comment(TICKET "3", "park then apply", NULL), -1, true, TICKETBUS_OK);
    assert_int_equal(o->state, TICKETBUS_APPLIED);
    assert_int_equal(o->nevents, 1);
    ticketbus_outcome_free(o);
    o = request(ticketbus_comment(TICKET "3", "park", NULL), 700, true, TICKETBUS_EUNKNOWN);
    assert_int_equal(o->state, TICKETBUS_PENDING);
    ticketbus_outcome_free(o);
}

/* No answer in time; sending the same command again carries the same bytes. */
static void unknown_then_again(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct ticketbus_command *cmd = ticketbus_comment(TICKET "4", "silent", &err);
    struct ticketbus_outcome *o = NULL;
    int64_t before = tb_clock_mono_us();
    assert_int_equal(ticketbus_request(client, cmd, 600, false, &o, &err), TICKETBUS_EUNKNOWN);
    int64_t took = (tb_clock_mono_us() - before) / 1000;
    assert_true(took >= 590 && took < 3000);
    assert_int_equal(o->state, TICKETBUS_PENDING);
    ticketbus_outcome_free(o);
    char *bytes = strdup(ticketbus_command_json(cmd, NULL));
    assert_int_equal(ticketbus_send(client, cmd, &err), TICKETBUS_OK);
    assert_string_equal(ticketbus_command_json(cmd, NULL), bytes);
    free(bytes);
    ticketbus_command_free(cmd);
}

struct tally {
    atomic_int told;
    atomic_int applied;
    atomic_int rejected;
    atomic_int delivered;
};

static void on_outcome(enum ticketbus_rc rc, struct ticketbus_outcome *o,
                       const struct ticketbus_error *err, void *arg)
{
    struct tally *t = arg;
    (void)err;
    if (rc == TICKETBUS_OK) {
        (void)atomic_fetch_add(&t->applied, o->state == TICKETBUS_APPLIED);
        (void)atomic_fetch_add(&t->rejected, o->state == TICKETBUS_REJECTED);
    }
    ticketbus_outcome_free(o);
    (void)atomic_fetch_add(&t->told, 1);
}

static void on_delivery(const struct ticketbus_delivery *d, void *arg)
{
    struct tally *t = arg;
    (void)atomic_fetch_add(&t->delivered, d->rc == TICKETBUS_OK);
    (void)atomic_fetch_add(&t->told, 1);
}

static void settle(atomic_int *n, int expected)
{
    for (int i = 0; i < 3000 && atomic_load(n) < expected; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(atomic_load(n), expected);
}

static void many_at_once(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct tally t = {0};
    struct ticketbus_error err = {.text = ""};
    for (int i = 0; i < N; i++) {
        char ticket[80];
        (void)snprintf(ticket, sizeof ticket, "ticket-0190b2f0-7c1e-7000-8000-%012d", i % 500);
        struct ticketbus_command *cmd = ticketbus_comment(ticket, i % 3 ? "fine" : "reject", &err);
        assert_non_null(cmd);
        assert_int_equal(ticketbus_request_async(client, cmd, 20000, false, on_outcome, &t, &err),
                         TICKETBUS_OK);
        ticketbus_command_free(cmd);
    }
    settle(&t.told, N);
    assert_int_equal(atomic_load(&t.applied), N - N / 3);
    assert_int_equal(atomic_load(&t.rejected), N / 3);
}

static void publish_and_flush(void **state)
{
    (void)state;
    enum { N = 2000 };
    struct tally t = {0};
    struct ticketbus_error err = {.text = ""};
    int before = atomic_load(&worker.received);
    for (int i = 0; i < N; i++) {
        struct ticketbus_command *cmd = ticketbus_comment(TICKET "5", "fine", &err);
        assert_int_equal(ticketbus_publish(client, cmd, on_delivery, &t, &err), TICKETBUS_OK);
        ticketbus_command_free(cmd);
    }
    assert_int_equal(ticketbus_client_flush(client, 10000, &err), TICKETBUS_OK);
    settle(&t.told, N);
    assert_int_equal(atomic_load(&t.delivered), N);
    for (int i = 0; i < 1000 && atomic_load(&worker.received) < before + N; i++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(atomic_load(&worker.received), before + N);
}

static void too_large(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct ticketbus_client *small = new_client("TICKETBUS_MESSAGE_MAX_BYTES", "10000");
    char text[11001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct ticketbus_command *cmd = ticketbus_comment(TICKET "6", text, &err);
    assert_int_equal(ticketbus_publish(small, cmd, NULL, NULL, &err), TICKETBUS_ELIMIT);
    assert_string_equal(err.code, "message_too_large");
    struct ticketbus_outcome *o = NULL;
    assert_int_equal(ticketbus_request(small, cmd, 1000, false, &o, &err), TICKETBUS_ELIMIT);
    assert_null(o);
    /* Sealed for a roomier client, refused all the same. */
    assert_int_equal(ticketbus_command_seal(cmd, client, &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_publish(small, cmd, NULL, NULL, &err), TICKETBUS_ELIMIT);
    assert_string_equal(err.code, "message_too_large");
    ticketbus_command_free(cmd);
    ticketbus_client_free(small);
}

static void nobody_there(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct ticketbus_setting settings[] = {{"KAFKA_BROKERS", "127.0.0.1:1"},
                                           {"TICKETBUS_WAIT_MS", "1500"}};
    struct ticketbus_client_options opt = {
        .size = sizeof opt, .settings = settings, .nsettings = 2};
    struct ticketbus_client *lost = NULL;
    assert_int_equal(ticketbus_client_new(&opt, &lost, &err), TICKETBUS_OK);
    struct ticketbus_command *cmd = ticketbus_comment(TICKET "7", "x", &err);
    assert_int_equal(ticketbus_send(lost, cmd, &err), TICKETBUS_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    struct tally t = {0};
    assert_int_equal(ticketbus_publish(lost, cmd, on_delivery, &t, &err), TICKETBUS_OK);
    assert_int_equal(ticketbus_client_flush(lost, 100, &err), TICKETBUS_EUNAVAILABLE);
    ticketbus_client_free(lost);
    assert_int_equal(atomic_load(&t.told), 1); /* told, though not sent */
    assert_int_equal(atomic_load(&t.delivered), 0);
    ticketbus_command_free(cmd);
    settings[0] = (struct ticketbus_setting){"KAFKA_BROKER", "x"};
    assert_int_equal(ticketbus_client_new(&opt, &lost, &err), TICKETBUS_ENOTFOUND);
    assert_string_equal(err.field, "KAFKA_BROKER");
}

/* Whoever waits when the client goes is told so. */
static void closing_tells(void **state)
{
    (void)state;
    struct ticketbus_error err;
    struct tally t = {0};
    struct ticketbus_client *brief = new_client(NULL, NULL);
    struct ticketbus_command *cmd = ticketbus_comment(TICKET "8", "silent", &err);
    assert_int_equal(ticketbus_request_async(brief, cmd, 60000, false, on_outcome, &t, &err),
                     TICKETBUS_OK);
    ticketbus_command_free(cmd);
    ticketbus_client_free(brief);
    assert_int_equal(atomic_load(&t.told), 1);
    assert_int_equal(atomic_load(&t.applied), 0);
}

/* ---- following ---- */

static struct ticketbus_consumer *follow(const char *topic, struct ticketbus_consumer_options opt)
{
    struct ticketbus_error err = {.text = ""};
    struct ticketbus_consumer *c = NULL;
    opt.size = sizeof opt;
    opt.topic = topic;
    if (ticketbus_consumer_new(&opt, &c, &err) != TICKETBUS_OK) {
        fail_msg("%s", err.text);
    }
    return c;
}

static struct tb_producer *writer(void)
{
    struct tb_error err;
    struct tb_producer *p = NULL;
    struct tb_producer_options opt = {.client_id = "writer", .timeout_ms = 10000};
    assert_tb_ok(tb_producer_new(rig.cfg, &opt, &p, &err), err);
    return p;
}

static void flushed(struct tb_producer *p)
{
    struct tb_error err;
    assert_tb_ok(tb_producer_flush(p, 10000, &err), err);
}

static void expect_event(struct ticketbus_consumer *c, const char *subject, int64_t sequence)
{
    struct ticketbus_error err = {.text = ""};
    const struct ticketbus_event *e = NULL;
    enum ticketbus_rc rc = ticketbus_consumer_next(c, 10000, &e, &err);
    if (rc == TICKETBUS_OK && e) {
        assert_string_equal(e->subject, subject);
        assert_int_equal(e->sequence, sequence);
    } else {
        fail_msg("%s %lld: %s", subject, (long long)sequence, err.text);
    }
}

static void expect_nothing(struct ticketbus_consumer *c, int ms)
{
    struct ticketbus_error err = {.text = ""};
    const struct ticketbus_event *e = NULL;
    assert_int_equal(ticketbus_consumer_next(c, ms, &e, &err), TICKETBUS_OK);
    assert_null(e);
}

static void order_repeats_and_gaps(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    struct tb_producer *p = writer();
    struct ticketbus_error err;
    fake_event(p, topic, "a", 1, "a1", "wf");
    fake_event(p, topic, "b", 1, "b1", "other");
    fake_event(p, topic, "a", 1, "a1", "wf");
    fake_event(p, topic, "a", 0, "r1", "wf");
    fake_event(p, topic, "a", 0, "r1", "wf");
    fake_event(p, topic, "a", 3, "a3", "wf");
    fake_event(p, topic, "b", 2, "b2", "wf");
    flushed(p);
    static const char *const workflows[] = {"wf"};
    struct ticketbus_consumer *c =
        follow(topic, (struct ticketbus_consumer_options){
                          .workflows = workflows, .nworkflows = 1, .gap_timeout_ms = 400});
    expect_event(c, "a", 1);
    expect_event(c, "a", 0);
    expect_event(c, "b", 2); /* b1 is of another workflow */
    const struct ticketbus_event *e = NULL;
    assert_int_equal(ticketbus_consumer_next(c, 3000, &e, &err), TICKETBUS_ECONFLICT);
    assert_string_equal(err.code, "gap");
    assert_string_equal(err.field, "a");
    fake_event(p, topic, "a", 2, "a2", "wf");
    flushed(p);
    expect_event(c, "a", 2);
    expect_event(c, "a", 3);
    fake_event(p, topic, "a", 9, "a9", "wf");
    flushed(p);
    assert_int_equal(ticketbus_consumer_next(c, 3000, &e, &err), TICKETBUS_ECONFLICT);
    assert_int_equal(ticketbus_consumer_skip_gap(c, "b", &err), TICKETBUS_ENOTFOUND);
    assert_int_equal(ticketbus_consumer_skip_gap(c, "a", &err), TICKETBUS_OK);
    expect_event(c, "a", 9);
    /* What is no event is told and passed over. */
    struct tb_error te;
    assert_tb_ok(tb_producer_send(p, topic, TB_LIT("x"), TB_LIT("{"), NULL, 0, 0, &te), te);
    fake_event(p, topic, "a", 10, "a10", "wf");
    flushed(p);
    assert_int_equal(ticketbus_consumer_next(c, 5000, &e, &err), TICKETBUS_EDATA);
    expect_event(c, "a", 10);
    expect_nothing(c, 200);
    ticketbus_consumer_free(c);
    tb_producer_free(p);
}

static void full_of_held(void **state)
{
    (void)state;
    const char *topic = rig_topic(1);
    struct tb_producer *p = writer();
    struct ticketbus_error err;
    fake_event(p, topic, "a", 1, "a1", "wf");
    for (int i = 3; i < 10; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "a%d", i);
        fake_event(p, topic, "a", i, id, "wf");
    }
    fake_event(p, topic, "b", 1, "b1", "wf");
    flushed(p);
    struct ticketbus_consumer *c =
        follow(topic, (struct ticketbus_consumer_options){.held_max = 3});
    expect_event(c, "a", 1);
    const struct ticketbus_event *e = NULL;
    assert_int_equal(ticketbus_consumer_next(c, 10000, &e, &err), TICKETBUS_ECONFLICT);
    assert_string_equal(err.code, "gap");
    assert_int_equal(ticketbus_consumer_skip_gap(c, "a", &err), TICKETBUS_OK);
    for (int i = 3; i < 10; i++) {
        expect_event(c, "a", i);
    }
    expect_event(c, "b", 1);
    ticketbus_consumer_free(c);
    tb_producer_free(p);
}

static void checkpoints(void **state)
{
    (void)state;
    const char *topic = rig_topic(2);
    char dir[] = "/tmp/ticketbus-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct ticketbus_consumer_options opt = {.checkpoint_dir = dir};
    struct tb_producer *p = writer();
    struct ticketbus_error err = {.text = ""};
    fake_event(p, topic, "a", 1, "a1", "wf");
    fake_event(p, topic, "a", 2, "a2", "wf");
    fake_event(p, topic, "a", 0, "r1", "wf");
    flushed(p);
    struct ticketbus_consumer *c = follow(topic, opt);
    expect_event(c, "a", 1);
    assert_int_equal(ticketbus_consumer_checkpoint(c, &err), TICKETBUS_OK);
    expect_event(c, "a", 2);
    ticketbus_consumer_free(c);
    c = follow(topic, opt); /* a2 was not saved */
    expect_event(c, "a", 2);
    expect_event(c, "a", 0);
    assert_int_equal(ticketbus_consumer_checkpoint(c, &err), TICKETBUS_OK);
    ticketbus_consumer_free(c);
    /* Published again while we were away, with news behind a gap. */
    fake_event(p, topic, "a", 1, "a1", "wf");
    fake_event(p, topic, "a", 2, "a2", "wf");
    fake_event(p, topic, "a", 0, "r1", "wf");
    fake_event(p, topic, "a", 4, "a4", "wf");
    flushed(p);
    c = follow(topic, opt);
    expect_nothing(c, 600);
    assert_int_equal(ticketbus_consumer_checkpoint(c, &err), TICKETBUS_OK);
    ticketbus_consumer_free(c);
    fake_event(p, topic, "a", 3, "a3", "wf");
    flushed(p);
    c = follow(topic, opt); /* what was held is read again */
    expect_event(c, "a", 3);
    expect_event(c, "a", 4);
    assert_int_equal(ticketbus_consumer_checkpoint(c, &err), TICKETBUS_OK);
    ticketbus_consumer_free(c);

    /* A topic with other records at these places is not taken for the same. */
    const char *anew = rig_topic(2);
    for (int i = 1; i < 40; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "z%d", i);
        fake_event(p, anew, "a", i, id, "wf");
    }
    flushed(p);
    for (int i = 0; i < 2; i++) {
        char text[8192];
        char old_path[300];
        char new_path[300];
        (void)snprintf(old_path, sizeof old_path, "%s/%s-%d.checkpoint", dir, topic, i);
        (void)snprintf(new_path, sizeof new_path, "%s/%s-%d.checkpoint", dir, anew, i);
        FILE *f = fopen(old_path, "r");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text - 1, f);
        (void)fclose(f);
        text[n] = '\0';
        char *at = strstr(text, topic);
        f = fopen(new_path, "w");
        (void)fprintf(f, "%.*s%s%s", (int)(at - text), text, anew, at + strlen(topic));
        (void)fclose(f);
        assert_int_equal(unlink(old_path), 0);
    }
    c = follow(anew, opt);
    const struct ticketbus_event *e = NULL;
    assert_int_equal(ticketbus_consumer_next(c, 5000, &e, &err), TICKETBUS_ECONFLICT);
    assert_string_equal(err.code, "position");
    ticketbus_consumer_free(c);
    for (int i = 0; i < 2; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s-%d.checkpoint", dir, anew, i);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
    tb_producer_free(p);
}

static void from_a_snapshot_and_from_the_end(void **state)
{
    (void)state;
    const char *topic = rig_topic(2);
    struct tb_producer *p = writer();
    struct ticketbus_error err;
    for (int i = 1; i <= 5; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "a%d", i);
        fake_event(p, topic, "a", i, id, "wf");
    }
    flushed(p);
    struct ticketbus_consumer *c = follow(topic, (struct ticketbus_consumer_options){.start = 0});
    assert_int_equal(ticketbus_consumer_seed(c, "a", 3, &err), TICKETBUS_OK);
    expect_event(c, "a", 4);
    expect_event(c, "a", 5);
    ticketbus_consumer_free(c);
    c = follow(topic, (struct ticketbus_consumer_options){.start = TICKETBUS_FROM_END});
    expect_nothing(c, 300);
    fake_event(p, topic, "a", 6, "a6", "wf");
    flushed(p);
    expect_event(c, "a", 6);
    assert_int_equal(ticketbus_consumer_checkpoint(c, &err), TICKETBUS_ECONFLICT);
    ticketbus_consumer_free(c);
    tb_producer_free(p);
}

/* Two members share the partitions through checkpoints both can reach. */
static void a_group(void **state)
{
    (void)state;
    const char *topic = rig_topic(4);
    char dir[] = "/tmp/ticketbus-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct ticketbus_consumer_options opt = {.checkpoint_dir = dir, .group = rig_name("group")};
    struct tb_producer *p = writer();
    struct ticketbus_consumer *both[2] = {follow(topic, opt), NULL};
    enum { TICKETS = 20, VERSIONS = 30 };
    int64_t last[TICKETS] = {0};
    int got = 0;
    int repeats = 0;
    bool shared = false;
    for (int version = 1; version <= VERSIONS; version++) {
        for (int i = 0; i < TICKETS; i++) {
            char subject[16];
            char id[24];
            (void)snprintf(subject, sizeof subject, "t%d", i);
            (void)snprintf(id, sizeof id, "t%d-%d", i, version);
            fake_event(p, topic, subject, version, id, "wf");
        }
        flushed(p);
        if (version == VERSIONS / 2) {
            both[1] = follow(topic, opt);
        }
    }
    int64_t deadline = tb_clock_mono_us() + INT64_C(60000000);
    int quiet = 0;
    while ((got < TICKETS * VERSIONS || quiet < 40) && tb_clock_mono_us() < deadline) {
        for (int m = 0; m < 2; m++) {
            struct ticketbus_error err = {.text = ""};
            const struct ticketbus_event *e = NULL;
            enum ticketbus_rc rc = ticketbus_consumer_next(both[m], 20, &e, &err);
            if (rc != TICKETBUS_OK && strcmp(err.code, "revoked") != 0) {
                fail_msg("%s", err.text);
            }
            quiet = e ? 0 : quiet + 1;
            if (!e) {
                continue;
            }
            shared = shared || m == 1;
            int i = (int)strtol(e->subject + 1, NULL, 10);
            /* Saved at once, so nothing comes twice and nothing is missed. */
            repeats += e->sequence <= last[i];
            assert_true(e->sequence <= last[i] + 1);
            last[i] = e->sequence > last[i] ? e->sequence : last[i];
            got++;
            assert_int_equal(ticketbus_consumer_checkpoint(both[m], &err), TICKETBUS_OK);
        }
    }
    assert_int_equal(got, TICKETS * VERSIONS);
    assert_int_equal(repeats, 0);
    (void)shared;
    for (int m = 0; m < 2; m++) {
        ticketbus_consumer_free(both[m]);
    }
    for (int i = 0; i < 4; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/%s-%d.checkpoint", dir, topic, i);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
    tb_producer_free(p);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1 && !getenv("KAFKA_BROKERS")) {
        return 77;
    }
    if (argc > 1) {
        rig_up_broker();
    } else {
        rig_up_mock();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applied),
        cmocka_unit_test(several_events),
        cmocka_unit_test(no_effect),
        cmocka_unit_test(parked),
        cmocka_unit_test(unknown_then_again),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(publish_and_flush),
        cmocka_unit_test(too_large),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(closing_tells),
        cmocka_unit_test(order_repeats_and_gaps),
        cmocka_unit_test(full_of_held),
        cmocka_unit_test(checkpoints),
        cmocka_unit_test(from_a_snapshot_and_from_the_end),
        cmocka_unit_test(a_group),
    };
    int failed = cmocka_run_group_tests(tests, group_up, group_down);
    rig_down();
    return failed;
}
