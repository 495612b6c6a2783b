/* Where a consumer begins: checkpoints, positions, and whether the topic is still the same. */
#include <stdio.h>
#include <stdlib.h>

#include "producer/lib/consumer_internal.h"

enum { WINDOW = 1000, SUBJECTS_MAX = 20000000, ASK_MS = 10000 };

static void drop_event(void *payload)
{
    free(payload);
}

void tb_lib_parts_close(struct ticketbus_consumer *c)
{
    for (size_t i = 0; i < c->nparts; i++) {
        tb_sequencer_free(c->parts[i].sequencer);
    }
    free(c->parts);
    c->parts = NULL;
    c->nparts = 0;
    c->opened = false;
}

static enum ticketbus_rc load(struct ticketbus_consumer *c, struct ticketbus_part *part,
                              struct ticketbus_error *err)
{
    if (!c->load) {
        return TICKETBUS_OK;
    }
    char *bytes = NULL;
    size_t len = 0;
    enum ticketbus_rc rc = c->load(c->topic, part->partition, &bytes, &len, c->arg);
    if (rc != TICKETBUS_OK) {
        return tb_lib_fail_with(err, rc, "checkpoint", NULL,
                                "the checkpoint of %s, partition %d, could not be loaded", c->topic,
                                (int)part->partition);
    }
    if (bytes) {
        rc = tb_lib_checkpoint_read((tb_str){bytes, len}, c->topic, part->partition,
                                    &part->progress, part->sequencer, err);
        free(bytes);
    }
    return rc;
}

static enum ticketbus_rc moved(const struct ticketbus_consumer *c, int32_t partition,
                               const char *what, struct ticketbus_error *err)
{
    return tb_lib_fail_with(err, TICKETBUS_ECONFLICT, "checkpoint", "position",
                            "%s, partition %d: %s; take a new snapshot and remove the checkpoint",
                            c->topic, (int)partition, what);
}

/* A topic that was made anew may hold other records at the old offsets. */
static enum ticketbus_rc verify(struct ticketbus_consumer *c, const struct ticketbus_part *part,
                                int64_t low, int64_t high, struct ticketbus_error *err)
{
    const struct ticketbus_progress *p = &part->progress;
    if (p->offset > high) {
        return moved(c, part->partition, "the topic ends before the checkpoint's position", err);
    }
    if (p->offset < low) {
        return moved(c, part->partition, "records not yet read have been deleted by retention",
                     err);
    }
    if (p->last_offset < low) {
        return TICKETBUS_OK; /* nothing left to compare with */
    }
    struct tb_error e = {.rc = TB_OK};
    struct tb_kafka_message m;
    enum tb_rc rc =
        tb_consumer_read_at(c->cfg, c->topic, part->partition, p->last_offset, ASK_MS, &m, &e);
    if (rc == TB_ENOTFOUND) {
        return moved(c, part->partition, "the record last read is not there any more", err);
    }
    if (rc != TB_OK) {
        return tb_lib_fail_from(err, &e);
    }
    struct ticketbus_event *event = NULL;
    bool same = tb_lib_event_make(m.value, m.partition, m.offset, c->scratch, &event, NULL) ==
                    TICKETBUS_OK &&
                strncmp(event->id, p->last_id, sizeof p->last_id - 1) == 0;
    free(event);
    tb_kafka_message_free(&m);
    return same ? TICKETBUS_OK
                : moved(c, part->partition, "another record is where the last one was read", err);
}

static enum ticketbus_rc find_position(struct ticketbus_consumer *c, struct ticketbus_part *part,
                                       struct ticketbus_error *err)
{
    int64_t low = 0;
    int64_t high = 0;
    struct tb_error e = {.rc = TB_OK};
    if (tb_consumer_watermarks(c->consumer, part->partition, &low, &high, ASK_MS, &e) != TB_OK) {
        return tb_lib_fail_from(err, &e);
    }
    if (part->progress.offset >= 0) {
        return verify(c, part, low, high, err);
    }
    part->progress.offset = c->start == TICKETBUS_FROM_END ? high : low;
    part->changed = true; /* where it began is worth keeping */
    return TICKETBUS_OK;
}

static enum ticketbus_rc prepare(struct ticketbus_consumer *c, struct ticketbus_part *part,
                                 int32_t partition, struct ticketbus_error *err)
{
    struct tb_sequencer_limits limits = {
        .held_max = c->held_max, .window = WINDOW, .subjects_max = SUBJECTS_MAX};
    *part = (struct ticketbus_part){.partition = partition,
                                    .progress = {.offset = -1, .last_offset = -1}};
    part->sequencer = tb_sequencer_new(&limits, drop_event);
    if (!part->sequencer) {
        return tb_lib_no_memory(err);
    }
    enum ticketbus_rc rc = load(c, part, err);
    return rc == TICKETBUS_OK ? find_position(c, part, err) : rc;
}

enum ticketbus_rc tb_lib_parts_open(struct ticketbus_consumer *c, const int32_t *partitions,
                                    size_t n, struct ticketbus_error *err)
{
    tb_lib_parts_close(c);
    c->parts = calloc(n ? n : 1, sizeof *c->parts);
    struct tb_position *positions = calloc(n ? n : 1, sizeof *positions);
    if (!c->parts || !positions) {
        free(positions);
        tb_lib_parts_close(c);
        return tb_lib_no_memory(err);
    }
    enum ticketbus_rc rc = TICKETBUS_OK;
    for (size_t i = 0; i < n && rc == TICKETBUS_OK; i++) {
        c->nparts++;
        rc = prepare(c, &c->parts[i], partitions[i], err);
        positions[i] = (struct tb_position){partitions[i], c->parts[i].progress.offset};
    }
    struct tb_error e = {.rc = TB_OK};
    if (rc == TICKETBUS_OK && tb_consumer_start(c->consumer, positions, n, &e) != TB_OK) {
        rc = tb_lib_fail_from(err, &e);
    }
    free(positions);
    if (rc == TICKETBUS_OK) {
        c->opened = true;
    } else {
        tb_lib_parts_close(c);
    }
    return rc;
}
