/* Events for the user: one block of memory each. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/json/dom.h"
#include "common/json/event.h"
#include "producer/lib/internal.h"

/* The texts to be copied, and where the copies are told. */
struct copying {
    char *at; /* NULL: only count */
    size_t size;
};

static const char *put(struct copying *c, tb_str s)
{
    if (!s.ptr) {
        return NULL;
    }
    c->size += s.len + 1;
    if (!c->at) {
        return NULL;
    }
    char *copy = c->at;
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    c->at += s.len + 1;
    return copy;
}

/* What data says beyond the envelope. */
struct said {
    tb_str workflow_id;
    tb_str code;
    tb_str field;
    tb_str message;
};

static void copy_texts(struct copying *c, const struct tb_event *e, const struct said *said,
                       tb_str bytes, struct ticketbus_event *to)
{
    to->type = put(c, e->type_name);
    to->id = put(c, e->id);
    to->source = put(c, e->source);
    to->subject = put(c, e->subject);
    to->actor = put(c, e->actor);
    to->actor_type = put(c, e->actor_type);
    to->correlation_id = put(c, e->correlation_id);
    to->causation_id = put(c, e->causation_id);
    to->causation_source = put(c, e->causation_source);
    to->workflow_id = put(c, said->workflow_id);
    to->code = put(c, said->code);
    to->field = put(c, said->field);
    to->message = put(c, said->message);
    to->data = put(c, e->data);
    to->data_len = e->data.len;
    to->json = put(c, bytes);
    to->json_len = bytes.len;
}

static struct ticketbus_event *build(const struct tb_event *e, const struct said *said,
                                     tb_str bytes)
{
    struct ticketbus_event draft = {.sequence = e->sequence,
                                    .time_us = e->time_us,
                                    .causation_index = (int)e->causation_index,
                                    .causation_count = (int)e->causation_count};
    struct copying count = {.at = NULL};
    copy_texts(&count, e, said, bytes, &draft);
    struct ticketbus_event *event = malloc(sizeof *event + count.size);
    if (event) {
        *event = draft;
        struct copying copy = {.at = (char *)(event + 1)};
        copy_texts(&copy, e, said, bytes, event);
    }
    return event;
}

enum ticketbus_rc tb_lib_event_make(tb_str bytes, int32_t partition, int64_t offset,
                                    struct tb_arena *scratch, struct ticketbus_event **ret,
                                    struct ticketbus_error *err)
{
    *ret = NULL;
    tb_arena_reset(scratch);
    struct tb_event e = {.time_us = TB_TIME_NONE};
    struct tb_error why = {.rc = TB_OK};
    struct tb_dom *dom = NULL;
    enum tb_rc rc = bytes.ptr ? tb_event_decode(bytes, scratch, &e, &why)
                              : tb_fail(&why, TB_EINVAL, "the message is empty");
    if (rc == TB_OK && (e.causation_index > 1000000 || e.causation_count > 1000000)) {
        rc = tb_fail_field(&why, TB_EINVAL, "causationcount", "is too large");
    }
    if (rc == TB_OK) {
        rc = tb_dom_parse(e.data, 0, &dom, &why);
    }
    if (rc != TB_OK) {
        return rc == TB_ENOMEM ? tb_lib_no_memory(err)
                               : tb_lib_fail_with(err, TICKETBUS_EDATA, why.field, "malformed",
                                                  "partition %d, offset %lld: %s", (int)partition,
                                                  (long long)offset, why.text);
    }
    const struct tb_node *data = tb_dom_root(dom);
    struct said said = {.workflow_id = tb_node_str(tb_node_get(data, "workflow_id"))};
    if (!e.sequence) {
        said.code = tb_node_str(tb_node_get(data, "code"));
        said.field = tb_node_str(tb_node_get(data, "field"));
        said.message = tb_node_str(tb_node_get(data, "message"));
    }
    struct ticketbus_event *event = build(&e, &said, bytes);
    tb_dom_free(dom);
    if (!event) {
        return tb_lib_no_memory(err);
    }
    event->partition = partition;
    event->offset = offset;
    *ret = event;
    return TICKETBUS_OK;
}
