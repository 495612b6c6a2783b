/* Events as consumers read them. */
#include "common/base/clock.h"
#include "common/json/attributes.h"
#include "common/json/event.h"
#include "common/json/internal.h"
#include "common/json/path.h"
#include "common/model/limits.h"

struct reading {
    const struct tb_tree *root;
    struct tb_error *err;
    enum tb_rc rc;
};

static void fail(struct reading *r, enum tb_attribute a, const char *what)
{
    if (r->rc == TB_OK) {
        r->rc = tb_fail_field(r->err, TB_EINVAL, tb_attributes[a].name, "%s", what);
    }
}

static const struct tb_tree *get(const struct reading *r, enum tb_attribute a)
{
    const struct tb_tree *v = tb_tree_get(r->root, tb_attributes[a].name);
    return v && v->kind == TB_TREE_NULL ? NULL : v;
}

static tb_str text(struct reading *r, enum tb_attribute a)
{
    const struct tb_tree *v = get(r, a);
    if (!v) {
        return TB_STR_NULL;
    }
    if (v->kind != TB_TREE_STRING) {
        fail(r, a, "must be a string");
        return TB_STR_NULL;
    }
    return v->text;
}

static tb_str required(struct reading *r, enum tb_attribute a)
{
    if (!get(r, a)) {
        fail(r, a, "is missing");
    }
    tb_str s = text(r, a);
    const char *what = s.ptr ? tb_text_id_fault(s, (size_t)2 * TB_MAX_ID_CHARS) : NULL;
    if (what) {
        fail(r, a, what);
    }
    return s;
}

/* An integer, or a decimal string; none when absent. */
static int64_t integer(struct reading *r, enum tb_attribute a, int64_t none)
{
    const struct tb_tree *v = get(r, a);
    if (!v) {
        return none;
    }
    int64_t n = tb_text_natural(v);
    if (n < 1) {
        fail(r, a, "must be an integer from 1");
        return none;
    }
    return n;
}

static void read_all(struct reading *r, struct tb_event *e)
{
    tb_str version = required(r, TB_ATTR_SPECVERSION);
    if (version.ptr && !tb_str_eq_c(version, "1.0")) {
        fail(r, TB_ATTR_SPECVERSION, "must be 1.0");
    }
    e->id = required(r, TB_ATTR_ID);
    e->source = required(r, TB_ATTR_SOURCE);
    e->type_name = required(r, TB_ATTR_TYPE);
    e->type = e->type_name.ptr ? tb_event_type_find(e->type_name) : NULL;
    e->subject = required(r, TB_ATTR_SUBJECT);
    tb_str time = text(r, TB_ATTR_TIME);
    e->time_us = TB_TIME_NONE;
    if (time.ptr && !tb_time_parse(time, &e->time_us)) {
        fail(r, TB_ATTR_TIME, "must be an RFC 3339 time");
    }
    e->sequence = integer(r, TB_ATTR_SEQUENCE, 0);
    if (e->type && e->type->sequenced && !e->sequence) {
        fail(r, TB_ATTR_SEQUENCE, "is missing");
    }
    e->actor = text(r, TB_ATTR_ACTOR);
    e->actor_type = text(r, TB_ATTR_ACTORTYPE);
    e->correlation_id = text(r, TB_ATTR_CORRELATIONID);
    e->causation_id = text(r, TB_ATTR_CAUSATIONID);
    e->causation_source = text(r, TB_ATTR_CAUSATIONSOURCE);
    e->causation_index = integer(r, TB_ATTR_CAUSATIONINDEX, 0);
    e->causation_count = integer(r, TB_ATTR_CAUSATIONCOUNT, 0);
    e->traceparent = text(r, TB_ATTR_TRACEPARENT);
    e->tracestate = text(r, TB_ATTR_TRACESTATE);
    const struct tb_tree *data = get(r, TB_ATTR_DATA);
    if (!data || data->kind != TB_TREE_OBJECT) {
        fail(r, TB_ATTR_DATA, "must be an object");
    } else {
        e->data = data->raw;
    }
}

enum tb_rc tb_event_decode(tb_str bytes, struct tb_arena *arena, struct tb_event *ret,
                           struct tb_error *err)
{
    *ret = (struct tb_event){.time_us = TB_TIME_NONE};
    const struct tb_tree *root;
    enum tb_rc rc = tb_tree_parse(bytes, arena, &root, err);
    if (rc != TB_OK) {
        return rc;
    }
    if (root->kind != TB_TREE_OBJECT) {
        return tb_fail(err, TB_EINVAL, "the event is not a JSON object");
    }
    for (const struct tb_tree *m = root->first; m; m = m->next) {
        if (m->twice) {
            struct tb_path path = {.name = m->name};
            return tb_path_fail(err, &path, "is given twice");
        }
    }
    struct reading r = {.root = root, .err = err};
    read_all(&r, ret);
    return r.rc;
}
