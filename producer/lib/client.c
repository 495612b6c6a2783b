/* The client: making, sending, acknowledging. */
#include "producer/lib/client.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/json/event.h"

enum { PUMP_MS = 100, FULL_QUEUE_SLEEP_NS = 1000000, DELIVERY_MS = 30000 };

const struct tb_header tb_lib_content_type = {"content-type",
                                              {TB_CONTENT_TYPE, sizeof TB_CONTENT_TYPE - 1}};

/* One message on its way. */
struct ticketbus_sending {
    struct ticketbus_sending *prev;
    struct ticketbus_sending *next;
    ticketbus_delivery_fn *fn;
    void *arg;
    struct ticketbus_waiter *waiter;
};

/* ---- acknowledgements, in the pump's thread ---- */

static void unlink_sending(struct ticketbus_client *client, struct ticketbus_sending *s)
{
    (void)pthread_mutex_lock(&client->lock);
    if (s->prev) {
        s->prev->next = s->next;
    } else {
        client->sendings = s->next;
    }
    if (s->next) {
        s->next->prev = s->prev;
    }
    (void)pthread_mutex_unlock(&client->lock);
}

static void finish(struct ticketbus_client *client, struct ticketbus_sending *s,
                   const struct ticketbus_delivery *delivery)
{
    unlink_sending(client, s);
    if (s->waiter) {
        if (delivery->rc != TICKETBUS_OK) {
            tb_lib_watch_fail(s->waiter, delivery->rc, delivery->text);
        }
        tb_lib_waiter_release(s->waiter);
    }
    if (s->fn) {
        s->fn(delivery, s->arg);
    }
    free(s);
}

void tb_lib_client_trouble(struct ticketbus_client *client, char out[256])
{
    (void)pthread_mutex_lock(&client->lock);
    (void)snprintf(out, 256, "%s", client->trouble);
    (void)pthread_mutex_unlock(&client->lock);
}

static void note_trouble(struct ticketbus_client *client)
{
    const char *trouble = tb_producer_trouble(client->producer);
    (void)pthread_mutex_lock(&client->lock);
    (void)snprintf(client->trouble, sizeof client->trouble, "%s", trouble ? trouble : "");
    (void)pthread_mutex_unlock(&client->lock);
}

static void on_delivery(const struct tb_delivery *d, void *arg)
{
    struct ticketbus_client *client = arg;
    struct ticketbus_sending *s = NULL;
    memcpy(&s, &d->tag, sizeof(void *));
    char text[400] = "";
    if (d->rc != TB_OK) {
        const char *trouble = tb_producer_trouble(client->producer);
        (void)snprintf(text, sizeof text, "%s%s%.250s",
                       d->rc == TB_EDATA      ? "the broker refused the message"
                       : d->rc == TB_EUNKNOWN ? "the broker did not say whether it has the message"
                                              : "the message did not reach a broker",
                       trouble ? ": " : "", trouble ? trouble : "");
    }
    struct ticketbus_delivery delivery = {.rc = (enum ticketbus_rc)d->rc,
                                          .partition = d->partition,
                                          .offset = d->offset,
                                          .text = text};
    if (d->rc != TB_OK && d->rc != TB_EDATA && d->rc != TB_EUNKNOWN) {
        delivery.rc = TICKETBUS_EUNAVAILABLE;
    }
    finish(client, s, &delivery);
}

static enum ticketbus_rc make_producer(struct ticketbus_client *client, struct tb_producer **ret,
                                       struct ticketbus_error *err)
{
    struct tb_error e = {.rc = TB_OK};
    struct tb_producer_options opt = {.client_id = client->client_id,
                                      .timeout_ms =
                                          client->wait_ms > 0 ? client->wait_ms : DELIVERY_MS,
                                      .on_delivery = on_delivery,
                                      .arg = client};
    return tb_producer_new(client->cfg, &opt, ret, &e) == TB_OK ? TICKETBUS_OK
                                                                : tb_lib_fail_from(err, &e);
}

/* After a fatal error librdkafka fails what was queued; when that is told, start afresh. Commands
 * may be sent twice that way, which their ids make harmless. */
static void replace_failed(struct ticketbus_client *client)
{
    struct tb_producer *fresh = NULL;
    if (!tb_producer_fatal(client->producer) || tb_producer_pending(client->producer) > 0 ||
        make_producer(client, &fresh, NULL) != TICKETBUS_OK) {
        return;
    }
    (void)pthread_rwlock_wrlock(&client->producer_lock);
    struct tb_producer *failed = client->producer;
    client->producer = fresh;
    (void)pthread_rwlock_unlock(&client->producer_lock);
    tb_producer_free(failed);
}

static void *pump(void *arg)
{
    struct ticketbus_client *client = arg;
    while (!atomic_load(&client->stop)) {
        (void)tb_producer_poll(client->producer, PUMP_MS);
        note_trouble(client);
        replace_failed(client);
    }
    return NULL;
}

/* ---- making ---- */

static const char *user_name(char out[64])
{
    char room[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(getuid(), &entry, room, sizeof room, &found) == 0 && found) {
        (void)snprintf(out, 64, "%s", found->pw_name);
    } else {
        (void)snprintf(out, 64, "uid-%u", (unsigned)getuid());
    }
    return out;
}

static enum ticketbus_rc load(struct ticketbus_client *client,
                              const struct ticketbus_client_options *opt,
                              struct ticketbus_error *err)
{
    enum ticketbus_rc rc = tb_lib_settings_load(opt ? opt->settings : NULL,
                                                opt ? opt->nsettings : 0, &client->cfg, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    const struct tb_config *cfg = client->cfg;
    client->source = tb_config_str(cfg, TB_CFG(SOURCE));
    client->actor = tb_config_str(cfg, TB_CFG(ACTOR));
    client->actor_type = tb_config_str(cfg, TB_CFG(ACTOR_TYPE));
    client->commands = tb_config_str(cfg, TB_CFG(TOPIC_COMMANDS));
    client->events = tb_config_str(cfg, TB_CFG(TOPIC_EVENTS));
    client->message_max = (size_t)tb_config_int(cfg, TB_CFG(MESSAGE_MAX_BYTES));
    client->wait_ms = tb_config_int(cfg, TB_CFG(WAIT_MS));
    if (!*client->actor) {
        client->actor = user_name(client->user);
    }
    tb_lib_settings_client_id(opt ? opt->client_id : NULL, client->client_id);
    rc = make_producer(client, &client->producer, err);
    if (rc == TICKETBUS_OK) {
        rc = tb_lib_watcher_new(client, &client->watcher, err);
    }
    if (rc == TICKETBUS_OK) {
        client->pumping = pthread_create(&client->pump, NULL, pump, client) == 0;
        rc = client->pumping ? rc
                             : tb_lib_fail(err, TICKETBUS_ERETRY, "a thread could not be started");
    }
    return rc;
}

enum ticketbus_rc ticketbus_client_new(const struct ticketbus_client_options *opt,
                                       struct ticketbus_client **ret, struct ticketbus_error *err)
{
    *ret = NULL;
    if (opt && opt->size != sizeof *opt) {
        return tb_lib_fail(err, TICKETBUS_EINVAL,
                           "options.size is not that of this version of the library");
    }
    struct ticketbus_client *client = calloc(1, sizeof *client);
    if (!client) {
        return tb_lib_no_memory(err);
    }
    (void)pthread_rwlock_init(&client->producer_lock, NULL);
    (void)pthread_mutex_init(&client->asking, NULL);
    (void)pthread_mutex_init(&client->lock, NULL);
    enum ticketbus_rc rc = load(client, opt, err);
    if (rc != TICKETBUS_OK) {
        ticketbus_client_free(client);
        return rc;
    }
    *ret = client;
    return TICKETBUS_OK;
}

void ticketbus_client_free(struct ticketbus_client *client)
{
    if (!client) {
        return;
    }
    if (client->pumping) {
        atomic_store(&client->stop, true);
        (void)pthread_join(client->pump, NULL);
    }
    struct ticketbus_delivery delivery = {
        .rc = TICKETBUS_EUNKNOWN, .partition = -1, .offset = -1, .text = "the client was closed"};
    while (client->sendings) {
        finish(client, client->sendings, &delivery);
    }
    tb_lib_watcher_free(client->watcher);
    tb_producer_free(client->producer);
    tb_config_free(client->cfg);
    (void)pthread_mutex_destroy(&client->lock);
    (void)pthread_mutex_destroy(&client->asking);
    (void)pthread_rwlock_destroy(&client->producer_lock);
    free(client);
}

/* ---- sending ---- */

enum ticketbus_rc tb_lib_client_partition(struct ticketbus_client *client, const char *topic,
                                          tb_str key, int32_t *ret, int32_t *ret_count,
                                          struct ticketbus_error *err)
{
    struct tb_error e = {.rc = TB_OK};
    (void)pthread_rwlock_rdlock(&client->producer_lock);
    (void)pthread_mutex_lock(&client->asking);
    /* The topic of commands too: librdkafka before 2.10.1 looks for a topic it does not know up to
     * a second after the first message. */
    enum tb_rc rc = tb_topic_partitions(client->producer, client->commands, ret_count, &e);
    rc = rc != TB_OK ? rc : tb_topic_partitions(client->producer, topic, ret_count, &e);
    (void)pthread_mutex_unlock(&client->asking);
    (void)pthread_rwlock_unlock(&client->producer_lock);
    if (rc != TB_OK) {
        return tb_lib_fail_from(err, &e);
    }
    *ret = tb_partition_of(key, *ret_count);
    return TICKETBUS_OK;
}

static void link_sending(struct ticketbus_client *client, struct ticketbus_sending *s)
{
    (void)pthread_mutex_lock(&client->lock);
    s->next = client->sendings;
    if (s->next) {
        s->next->prev = s;
    }
    client->sendings = s;
    (void)pthread_mutex_unlock(&client->lock);
}

/* Waits for room in the local queue. */
static enum tb_rc queue(struct ticketbus_client *client, const struct ticketbus_command *cmd,
                        const struct ticketbus_sending *s, struct tb_error *e)
{
    int64_t deadline = tb_clock_mono_us() + client->wait_ms * 1000;
    uint64_t tag = (uint64_t)(uintptr_t)s;
    for (;;) {
        (void)pthread_rwlock_rdlock(&client->producer_lock);
        enum tb_rc rc = tb_producer_send(client->producer, client->commands, cmd->subject,
                                         cmd->json, &tb_lib_content_type, 1, tag, e);
        (void)pthread_rwlock_unlock(&client->producer_lock);
        /* EFATAL: the pump is about to replace the producer. */
        if ((rc != TB_ERETRY && rc != TB_EFATAL) || tb_clock_mono_us() >= deadline) {
            return rc == TB_EFATAL ? TB_ERETRY : rc;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = FULL_QUEUE_SLEEP_NS}, NULL);
    }
}

enum ticketbus_rc tb_lib_client_submit(struct ticketbus_client *client,
                                       const struct ticketbus_command *cmd,
                                       ticketbus_delivery_fn *fn, void *arg,
                                       struct ticketbus_waiter *waiter, struct ticketbus_error *err)
{
    struct ticketbus_sending *s = calloc(1, sizeof *s);
    if (!s) {
        return tb_lib_no_memory(err);
    }
    s->fn = fn;
    s->arg = arg;
    s->waiter = waiter;
    link_sending(client, s);
    struct tb_error e = {.rc = TB_OK};
    enum tb_rc rc = queue(client, cmd, s, &e);
    if (rc == TB_OK) {
        return TICKETBUS_OK; /* s may be gone already */
    }
    unlink_sending(client, s);
    free(s);
    if (rc == TB_ELIMIT) {
        return tb_lib_fail_with(err, TICKETBUS_ELIMIT, NULL, "message_too_large", "%s", e.text);
    }
    (void)tb_lib_fail_from(err, &e);
    if (err) {
        err->rc = (enum ticketbus_rc)rc;
    }
    return (enum ticketbus_rc)rc;
}

enum ticketbus_rc ticketbus_publish(struct ticketbus_client *client, struct ticketbus_command *cmd,
                                    ticketbus_delivery_fn *fn, void *arg,
                                    struct ticketbus_error *err)
{
    enum ticketbus_rc rc = ticketbus_command_seal(cmd, client, err);
    return rc == TICKETBUS_OK ? tb_lib_client_submit(client, cmd, fn, arg, NULL, err) : rc;
}

enum ticketbus_rc ticketbus_client_flush(struct ticketbus_client *client, int timeout_ms,
                                         struct ticketbus_error *err)
{
    int64_t wait = timeout_ms < 0 ? client->wait_ms : timeout_ms;
    int64_t deadline = tb_clock_mono_us() + wait * 1000;
    for (;;) {
        (void)pthread_mutex_lock(&client->lock);
        bool idle = client->sendings == NULL;
        (void)pthread_mutex_unlock(&client->lock);
        if (idle) {
            return TICKETBUS_OK;
        }
        if (tb_clock_mono_us() >= deadline) {
            char trouble[256];
            tb_lib_client_trouble(client, trouble);
            return tb_lib_fail(err, TICKETBUS_EUNAVAILABLE,
                               "not all messages were acknowledged in %lld ms%s%s", (long long)wait,
                               *trouble ? ": " : "", trouble);
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = FULL_QUEUE_SLEEP_NS}, NULL);
    }
}
