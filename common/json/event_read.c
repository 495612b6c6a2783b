/* Events as consumers read them. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/json/attributes.h"
#include "common/json/event.h"
#include "common/json/internal.h"
#include "common/model/limits.h"

struct reading {
    const json_t *root;
    struct tb_arena *arena;
    struct tb_error *err;
    enum tb_rc rc;
};

static void fail(struct reading *r, enum tb_attribute a, const char *what)
{
    if (r->rc == TB_OK) {
        r->rc = tb_fail_field(r->err, TB_EINVAL, tb_attributes[a].name, "%s", what);
    }
}

static const json_t *get(const struct reading *r, enum tb_attribute a)
{
    const json_t *v = json_object_get(r->root, tb_attributes[a].name);
    return json_is_null(v) ? NULL : v;
}

static tb_str text(struct reading *r, enum tb_attribute a)
{
    const json_t *v = get(r, a);
    if (!v) {
        return TB_STR_NULL;
    }
    if (!json_is_string(v)) {
        fail(r, a, "must be a string");
        return TB_STR_NULL;
    }
    tb_str copy = tb_arena_str(r->arena, tb_json_text(v));
    if (!copy.ptr) {
        r->rc = tb_fail(r->err, TB_ENOMEM, "out of memory");
    }
    return copy;
}

static tb_str required(struct reading *r, enum tb_attribute a)
{
    if (!get(r, a)) {
        fail(r, a, "is missing");
    }
    tb_str s = text(r, a);
    const char *what = s.ptr ? tb_text_id_fault(s, 2 * TB_MAX_ID_CHARS) : NULL;
    if (what) {
        fail(r, a, what);
    }
    return s;
}

/* An integer, or a decimal string; none when absent. */
static int64_t integer(struct reading *r, enum tb_attribute a, int64_t none)
{
    const json_t *v = get(r, a);
    if (!v) {
        return none;
    }
    int64_t n = -1;
    if (json_is_integer(v)) {
        n = json_integer_value(v);
    } else if (json_is_string(v)) {
        tb_str s = tb_json_text(v);
        if (s.len > 0 && s.len <= 18 && strspn(s.ptr, "0123456789") == s.len) {
            n = strtoll(s.ptr, NULL, 10);
        }
    }
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
    if (!json_is_object(get(r, TB_ATTR_DATA))) {
        fail(r, TB_ATTR_DATA, "must be an object");
    }
}

enum tb_rc tb_event_decode(tb_str bytes, struct tb_arena *arena, struct tb_event *ret,
                           struct tb_error *err)
{
    *ret = (struct tb_event){.time_us = TB_TIME_NONE};
    json_t *root;
    enum tb_rc rc = tb_json_load(bytes, TB_JSON_STRICT, &root, NULL, err);
    if (rc != TB_OK) {
        return rc;
    }
    struct reading r = {.root = root, .arena = arena, .err = err};
    if (json_is_object(root)) {
        read_all(&r, ret);
    } else {
        r.rc = tb_fail(err, TB_EINVAL, "the event is not a JSON object");
    }
    json_decref(root);
    if (r.rc == TB_OK) {
        ret->data = tb_json_member(bytes, "data");
        if (!ret->data.ptr) { /* the name is there, but written with escapes */
            fail(&r, TB_ATTR_DATA, "must be written without escapes");
        }
    }
    return r.rc;
}
