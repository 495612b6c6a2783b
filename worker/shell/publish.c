#include <stdio.h>

#include "common/crash/crash.h"
#include "common/json/event.h"
#include "worker/shell/outbox.h"
#include "worker/shell/worker.h"

static enum tb_rc send_frame(struct tb_worker *w, const struct tb_frame *f, uint64_t tag,
                             struct tb_error *err)
{
    char signature[2 * 32 + 1];
    struct tb_header headers[2] = {{"content-type", TB_LIT(TB_CONTENT_TYPE)}};
    size_t nheaders = 1;
    const char *topic = w->topic_events;
    switch (f->kind) {
    case TB_FRAME_EVENT:
        break;
    case TB_FRAME_REPEAT:
        headers[nheaders++] = (struct tb_header){TB_REPEAT_HEADER, TB_LIT("1")};
        break;
    case TB_FRAME_INTERNAL:
        tb_internal_sign(w, f->body, signature);
        headers[nheaders++] = (struct tb_header){TB_SIGNATURE_HEADER, tb_str_of(signature)};
        topic = w->topic_commands;
        break;
    case TB_FRAME_FORWARD:
        topic = w->topic_commands;
        break;
    case TB_FRAME_DEAD:
        topic = w->topic_dlq;
        break;
    }
    for (;;) {
        enum tb_rc rc =
            tb_producer_send(w->producer, topic, f->key, f->body, headers, nheaders, tag, err);
        if (rc != TB_ERETRY) {
            return rc;
        }
        (void)tb_producer_poll(w->producer, 100);
        if (w->producer_failed || tb_producer_fatal(w->producer)) {
            return tb_fail(err, TB_EUNAVAILABLE, "the producer has failed");
        }
    }
}

enum tb_rc tb_publish(struct tb_worker *w, int32_t partition, int64_t next, tb_str outbox,
                      uint32_t nframes, struct tb_error *err)
{
    uint64_t tag;
    enum tb_rc rc = tb_pending_add(w->pending, partition, next, nframes, &tag);
    if (rc != TB_OK) {
        return tb_fail(err, rc, "cannot follow the messages of partition %d", partition);
    }
    struct tb_frame f;
    tb_str rest = outbox;
    for (uint32_t i = 0; i < nframes; i++) {
        if (!tb_outbox_next(&rest, &f)) {
            return tb_fail(err, TB_EFATAL, "the outbox of partition %d, offset %lld is damaged",
                           partition, (long long)next - 1);
        }
        rc = send_frame(w, &f, tag, err);
        if (rc != TB_OK) {
            return rc;
        }
    }
    return TB_OK;
}

enum tb_rc tb_publish_flush_positions(struct tb_worker *w, struct tb_error *err)
{
    static const char sql[] =
        "UPDATE partition_watermarks m SET published_offset = u.published,"
        "  updated_at = clock_timestamp()"
        " FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS u(part, published, epoch)"
        " WHERE m.topic = $1 AND m.partition = u.part AND m.owner_epoch = u.epoch"
        "  AND m.published_offset < u.published";
    int64_t *rows = TB_NEW_N(w->arena, int64_t, 3 * w->npartitions + 1);
    if (!rows) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    size_t n = 0;
    for (size_t i = 0; i < w->npartitions; i++) {
        int64_t published = tb_pending_published(w->pending, w->partitions[i].id);
        if (published > w->partitions[i].published) {
            rows[n] = w->partitions[i].id;
            rows[w->npartitions + n] = published;
            rows[2 * w->npartitions + n++] = w->partitions[i].epoch;
        }
    }
    if (n == 0) {
        return TB_OK;
    }
    struct tb_pg_params p;
    tb_pg_params_init(&p, w->arena);
    tb_pg_add_str(&p, tb_str_of(w->topic_commands));
    tb_pg_add_ints(&p, rows, n);
    tb_pg_add_ints(&p, rows + w->npartitions, n);
    tb_pg_add_ints(&p, rows + 2 * w->npartitions, n);
    TB_CRASH_POINT("before_watermark");
    enum tb_rc rc = tb_pg_pipeline_add(w->pg, "flush_positions", sql, &p, err);
    rc = rc != TB_OK ? rc : tb_pg_pipeline_run(w->pg, NULL, true, err);
    for (size_t i = 0; i < n && rc == TB_OK; i++) {
        tb_worker_partition(w, (int32_t)rows[i])->published = rows[w->npartitions + i];
    }
    return rc;
}
