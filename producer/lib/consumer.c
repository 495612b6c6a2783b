/* The consumer: events in order, once, with progress that survives. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/kafka/producer.h"
#include "producer/lib/consumer_internal.h"

enum { HELD_MAX = 10000, GAP_TIMEOUT_MS = 30000, ASK_MS = 10000, CHECK_EVERY_US = 20000 };
#define CHECKPOINT_MAX ((size_t)4 * 1024 * 1024 * 1024)

/* ---- making ---- */

static void free_list(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) {
        free(list[i]);
    }
    free(list);
}

static bool copy_list(const char *const *from, size_t n, char ***to, size_t *to_n)
{
    *to = calloc(n ? n : 1, sizeof **to);
    if (!*to) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        (*to)[i] = strdup(from[i]);
        if (!(*to)[i]) {
            return false;
        }
        *to_n = i + 1;
    }
    return true;
}

static bool copy_options(struct ticketbus_consumer *c, const struct ticketbus_consumer_options *opt)
{
    c->topic = strdup(opt->topic ? opt->topic : tb_config_str(c->cfg, TB_CFG(TOPIC_EVENTS)));
    c->group = opt->group ? strdup(opt->group) : NULL;
    c->dir = opt->checkpoint_dir ? strdup(opt->checkpoint_dir) : NULL;
    c->scratch = tb_arena_new(TICKETBUS_JSON_MAX);
    c->start = opt->start;
    c->load = opt->load;
    c->save = opt->save;
    c->arg = opt->arg;
    if (c->dir) {
        c->load = tb_lib_checkpoint_load_file;
        c->save = tb_lib_checkpoint_save_file;
        c->arg = c->dir;
    }
    c->held_max = opt->held_max ? opt->held_max : HELD_MAX;
    c->gap_timeout_us =
        (opt->gap_timeout_ms > 0 ? opt->gap_timeout_ms : (int64_t)GAP_TIMEOUT_MS) * 1000;
    return c->topic && c->scratch && (c->group || !opt->group) &&
           (c->dir || !opt->checkpoint_dir) &&
           copy_list(opt->workflows, opt->nworkflows, &c->workflows, &c->nworkflows) &&
           copy_list(opt->types, opt->ntypes, &c->types, &c->ntypes);
}

static enum ticketbus_rc check_options(const struct ticketbus_consumer_options *opt,
                                       struct ticketbus_error *err)
{
    if (!opt || opt->size != sizeof *opt) {
        return tb_lib_fail(err, TICKETBUS_EINVAL,
                           "options.size is not that of this version of the library");
    }
    if ((opt->load == NULL) != (opt->save == NULL)) {
        return tb_lib_fail(err, TICKETBUS_EINVAL, "load and save belong together");
    }
    if (opt->load && opt->checkpoint_dir) {
        return tb_lib_fail_with(err, TICKETBUS_EINVAL, "checkpoint_dir", NULL,
                                "either files or functions keep the checkpoints");
    }
    return TICKETBUS_OK;
}

enum ticketbus_rc ticketbus_consumer_new(const struct ticketbus_consumer_options *opt,
                                         struct ticketbus_consumer **ret,
                                         struct ticketbus_error *err)
{
    *ret = NULL;
    enum ticketbus_rc rc = check_options(opt, err);
    if (rc != TICKETBUS_OK) {
        return rc;
    }
    struct ticketbus_consumer *c = calloc(1, sizeof *c);
    if (!c) {
        return tb_lib_no_memory(err);
    }
    rc = tb_lib_settings_load(opt->settings, opt->nsettings, &c->cfg, err);
    if (rc == TICKETBUS_OK && !copy_options(c, opt)) {
        rc = tb_lib_no_memory(err);
    }
    if (rc == TICKETBUS_OK) {
        tb_lib_settings_client_id(opt->client_id, c->client_id);
        struct tb_consumer_options kafka = {
            .group = c->group, .topic = c->topic, .client_id = c->client_id};
        struct tb_error e = {.rc = TB_OK};
        if (tb_consumer_new(c->cfg, &kafka, &c->consumer, &e) != TB_OK) {
            rc = tb_lib_fail_from(err, &e);
        }
    }
    if (rc != TICKETBUS_OK) {
        ticketbus_consumer_free(c);
        return rc;
    }
    *ret = c;
    return TICKETBUS_OK;
}

void ticketbus_consumer_free(struct ticketbus_consumer *c)
{
    if (!c) {
        return;
    }
    tb_lib_parts_close(c);
    tb_consumer_free(c->consumer);
    free(c->current);
    free(c->stuck);
    free_list(c->workflows, c->nworkflows);
    free_list(c->types, c->ntypes);
    tb_arena_free(c->scratch);
    tb_config_free(c->cfg);
    free(c->topic);
    free(c->group);
    free(c->dir);
    free(c);
}

/* Without a group: all partitions, known once Kafka answers. */
static enum ticketbus_rc open_all(struct ticketbus_consumer *c, struct ticketbus_error *err)
{
    struct tb_error e = {.rc = TB_OK};
    if (c->opened || c->group) {
        return TICKETBUS_OK;
    }
    if (tb_consumer_partitions(c->consumer, &c->npartitions, ASK_MS, &e) != TB_OK) {
        return tb_lib_fail_from(err, &e);
    }
    int32_t *partitions = calloc((size_t)c->npartitions, sizeof *partitions);
    if (!partitions) {
        return tb_lib_no_memory(err);
    }
    for (int32_t i = 0; i < c->npartitions; i++) {
        partitions[i] = i;
    }
    enum ticketbus_rc rc = tb_lib_parts_open(c, partitions, (size_t)c->npartitions, err);
    free(partitions);
    return rc;
}

/* ---- handing out ---- */

static bool listed(char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (text && strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return n == 0;
}

/* True: it is the caller's to see. Otherwise freed: it counts as done. */
static bool hand_out(struct ticketbus_consumer *c, struct ticketbus_event *event)
{
    if (listed(c->workflows, c->nworkflows, event->workflow_id) &&
        listed(c->types, c->ntypes, event->type)) {
        c->current = event;
        return true;
    }
    free(event);
    return false;
}

static struct ticketbus_part *find_part(struct ticketbus_consumer *c, int32_t partition)
{
    for (size_t i = 0; i < c->nparts; i++) {
        if (c->parts[i].partition == partition) {
            return &c->parts[i];
        }
    }
    return NULL;
}

static bool release(struct ticketbus_consumer *c)
{
    for (size_t i = 0; i < c->nparts; i++) {
        struct ticketbus_part *part = &c->parts[i];
        while (part->releasing) {
            struct ticketbus_event *event = tb_sequencer_release(part->sequencer);
            part->releasing = event != NULL;
            if (event && hand_out(c, event)) {
                return true;
            }
        }
    }
    return false;
}

static void pass(struct ticketbus_part *part, const struct ticketbus_event *event)
{
    part->progress.offset = event->offset + 1;
    part->progress.last_offset = event->offset;
    (void)snprintf(part->progress.last_id, sizeof part->progress.last_id, "%s", event->id);
    part->changed = true;
}

/* Takes an event in; *ret_given: c->current is set. */
static enum ticketbus_rc offer(struct ticketbus_consumer *c, struct ticketbus_part *part,
                               struct ticketbus_event *event, bool *ret_given,
                               struct ticketbus_error *err)
{
    struct tb_sequence_offer o = {.subject = tb_str_of(event->subject),
                                  .sequence = event->sequence,
                                  .id = tb_str_of(event->id),
                                  .offset = event->offset,
                                  .now_us = tb_clock_mono_us(),
                                  .payload = event};
    enum tb_sequence_verdict verdict = tb_sequencer_offer(part->sequencer, &o);
    if (verdict == TB_SEQUENCE_ENOMEM || verdict == TB_SEQUENCE_FULL) {
        c->stuck = event;
        return verdict == TB_SEQUENCE_FULL ? TICKETBUS_OK : tb_lib_no_memory(err);
    }
    pass(part, event);
    if (verdict == TB_SEQUENCE_NEXT) {
        part->releasing = true;
        *ret_given = hand_out(c, event);
    } else if (verdict == TB_SEQUENCE_REPEAT) {
        free(event);
    }
    return TICKETBUS_OK;
}

static enum ticketbus_rc take_message(struct ticketbus_consumer *c,
                                      const struct tb_kafka_message *m, bool *ret_given,
                                      struct ticketbus_error *err)
{
    struct ticketbus_part *part = find_part(c, m->partition);
    struct ticketbus_event *event = NULL;
    if (!part) {
        return TICKETBUS_OK;
    }
    enum ticketbus_rc rc =
        tb_lib_event_make(m->value, m->partition, m->offset, c->scratch, &event, err);
    if (rc == TICKETBUS_EDATA) {
        part->progress.offset = m->offset + 1;
        part->changed = true;
    }
    return rc == TICKETBUS_OK ? offer(c, part, event, ret_given, err) : rc;
}

/* A gap that stays open, or that leaves no room to read on. */
static enum ticketbus_rc check_gaps(struct ticketbus_consumer *c, struct ticketbus_error *err)
{
    int64_t now = tb_clock_mono_us();
    if (!c->stuck && now - c->checked_us < CHECK_EVERY_US) {
        return TICKETBUS_OK;
    }
    c->checked_us = now;
    for (size_t i = 0; i < c->nparts; i++) {
        struct ticketbus_part *part = &c->parts[i];
        struct tb_sequence_gap gap;
        bool full = c->stuck && c->stuck->partition == part->partition;
        if (!tb_sequencer_gap(part->sequencer, &gap) ||
            (!full &&
             (now - gap.since_us < c->gap_timeout_us || now - part->told_us < c->gap_timeout_us))) {
            continue;
        }
        part->told_us = now;
        char subject[64];
        (void)snprintf(subject, sizeof subject, "%.*s", TB_ARG(gap.subject));
        return tb_lib_fail_with(
            err, TICKETBUS_ECONFLICT, subject, "gap",
            "event %lld of %.*s has not come, %lld and perhaps later ones wait for it%s",
            (long long)gap.missing, TB_ARG(gap.subject), (long long)gap.found,
            full ? "; no more can be held" : "");
    }
    return c->stuck ? tb_lib_fail(err, TICKETBUS_ELIMIT, "too many subjects to remember")
                    : TICKETBUS_OK;
}

static enum ticketbus_rc tell_gone(struct ticketbus_consumer *c, const struct tb_kafka_message *m,
                                   struct ticketbus_error *err)
{
    struct ticketbus_part *part = find_part(c, m->partition);
    if (!part) {
        return TICKETBUS_OK;
    }
    part->gone = true;
    return tb_lib_fail_with(err, TICKETBUS_ECONFLICT, "checkpoint", "position",
                            "%s, partition %d no longer holds the position to read on from; "
                            "take a new snapshot",
                            c->topic, (int)m->partition);
}

static enum ticketbus_rc assigned(struct ticketbus_consumer *c, struct ticketbus_error *err)
{
    size_t n = 0;
    const int32_t *partitions = tb_consumer_assignment(c->consumer, &n);
    return tb_lib_parts_open(c, partitions, n, err);
}

static enum ticketbus_rc revoked(struct ticketbus_consumer *c, struct ticketbus_error *err)
{
    free(c->stuck);
    c->stuck = NULL;
    tb_lib_parts_close(c);
    return tb_lib_fail_with(err, TICKETBUS_ECONFLICT, NULL, "revoked",
                            "the group moved the partitions of %s; what was not saved of them "
                            "is handed out again",
                            c->topic);
}

/* One step: whatever Kafka has for us. */
static enum ticketbus_rc step(struct ticketbus_consumer *c, int timeout_ms, bool *ret_given,
                              struct ticketbus_error *err)
{
    struct tb_error e = {.rc = TB_OK};
    struct tb_kafka_message m;
    enum ticketbus_rc rc = TICKETBUS_OK;
    switch (tb_consumer_poll(c->consumer, timeout_ms, &m, &e)) {
    case TB_POLL_NONE:
        break;
    case TB_POLL_MESSAGE:
        rc = take_message(c, &m, ret_given, err);
        break;
    case TB_POLL_ASSIGNED:
        rc = assigned(c, err);
        break;
    case TB_POLL_REVOKED:
        rc = revoked(c, err);
        break;
    case TB_POLL_OFFSET_GONE:
        rc = tell_gone(c, &m, err);
        break;
    case TB_POLL_ERROR:
        rc = tb_lib_fail_from(err, &e);
        break;
    case TB_POLL_FATAL:
        (void)tb_lib_fail_from(err, &e);
        rc = TICKETBUS_EFATAL;
        break;
    }
    tb_kafka_message_free(&m);
    return rc;
}

/* Opening may have failed in the group's case (a checkpoint that could not be loaded): again. */
static enum ticketbus_rc reopen(struct ticketbus_consumer *c, struct ticketbus_error *err)
{
    size_t n = 0;
    (void)tb_consumer_assignment(c->consumer, &n);
    return c->group && !c->opened && n > 0 ? assigned(c, err) : open_all(c, err);
}

enum ticketbus_rc ticketbus_consumer_next(struct ticketbus_consumer *c, int timeout_ms,
                                          const struct ticketbus_event **ret,
                                          struct ticketbus_error *err)
{
    *ret = NULL;
    free(c->current);
    c->current = NULL;
    int64_t deadline = tb_clock_mono_us() + (int64_t)timeout_ms * 1000;
    enum ticketbus_rc rc = reopen(c, err);
    while (rc == TICKETBUS_OK) {
        bool given = release(c);
        if (!given && c->stuck) {
            struct ticketbus_event *event = c->stuck;
            c->stuck = NULL;
            rc = offer(c, find_part(c, event->partition), event, &given, err);
        }
        if (rc == TICKETBUS_OK && !given) {
            rc = check_gaps(c, err);
        }
        int64_t left = (deadline - tb_clock_mono_us()) / 1000;
        if (rc == TICKETBUS_OK && !given) {
            rc = step(c, left > 20 ? 20 : left > 0 ? (int)left : 0, &given, err);
        }
        if (rc == TICKETBUS_OK && given) {
            *ret = c->current;
            return TICKETBUS_OK;
        }
        if (left <= 0) {
            break;
        }
    }
    return rc;
}

/* ---- progress ---- */

static enum ticketbus_rc save(struct ticketbus_consumer *c, struct ticketbus_part *part,
                              struct ticketbus_error *err)
{
    struct ticketbus_progress progress = part->progress;
    int64_t low = tb_sequencer_low(part->sequencer);
    if (low < progress.offset) { /* what is held must be read again */
        progress.offset = low;
    }
    tb_buf out;
    tb_buf_init(&out, CHECKPOINT_MAX);
    tb_lib_checkpoint_write(c->topic, part->partition, &progress, part->sequencer, &out);
    enum ticketbus_rc rc = out.failed
                               ? TICKETBUS_ENOMEM
                               : c->save(c->topic, part->partition, out.ptr, out.len, c->arg);
    tb_buf_dispose(&out);
    if (rc != TICKETBUS_OK) {
        return tb_lib_fail_with(err, rc, "checkpoint", NULL,
                                "the checkpoint of %s, partition %d, could not be saved", c->topic,
                                (int)part->partition);
    }
    part->changed = false;
    if (c->group) {
        struct tb_position position = {part->partition, progress.offset};
        struct tb_error ignored; /* for lag figures only */
        (void)!tb_consumer_commit(c->consumer, &position, 1, &ignored);
    }
    return TICKETBUS_OK;
}

enum ticketbus_rc ticketbus_consumer_checkpoint(struct ticketbus_consumer *c,
                                                struct ticketbus_error *err)
{
    if (!c->save) {
        return tb_lib_fail(err, TICKETBUS_ECONFLICT,
                           "the consumer was made without a place for checkpoints");
    }
    for (size_t i = 0; i < c->nparts; i++) {
        enum ticketbus_rc rc =
            c->parts[i].changed && !c->parts[i].gone ? save(c, &c->parts[i], err) : TICKETBUS_OK;
        if (rc != TICKETBUS_OK) {
            return rc;
        }
    }
    return TICKETBUS_OK;
}

static enum ticketbus_rc part_of(struct ticketbus_consumer *c, const char *subject,
                                 struct ticketbus_part **ret, struct ticketbus_error *err)
{
    enum ticketbus_rc rc = open_all(c, err);
    if (rc == TICKETBUS_OK) {
        *ret = find_part(c, tb_partition_of(tb_str_of(subject), c->npartitions));
    }
    return rc;
}

enum ticketbus_rc ticketbus_consumer_seed(struct ticketbus_consumer *c, const char *subject,
                                          int64_t version, struct ticketbus_error *err)
{
    struct ticketbus_part *part = NULL;
    if (c->group) {
        return tb_lib_fail(err, TICKETBUS_ECONFLICT, "a member of a group starts from checkpoints");
    }
    enum ticketbus_rc rc = part_of(c, subject, &part, err);
    if (rc == TICKETBUS_OK && part) {
        part->changed = true;
        rc = tb_sequencer_seed(part->sequencer, tb_str_of(subject), version)
                 ? TICKETBUS_OK
                 : tb_lib_no_memory(err);
    }
    return rc;
}

enum ticketbus_rc ticketbus_consumer_skip_gap(struct ticketbus_consumer *c, const char *subject,
                                              struct ticketbus_error *err)
{
    for (size_t i = 0; i < c->nparts; i++) {
        if (tb_sequencer_skip(c->parts[i].sequencer, tb_str_of(subject))) {
            c->parts[i].releasing = true;
            c->parts[i].changed = true;
            return TICKETBUS_OK;
        }
    }
    return tb_lib_fail_with(err, TICKETBUS_ENOTFOUND, "subject", NULL, "%s has no gap", subject);
}
