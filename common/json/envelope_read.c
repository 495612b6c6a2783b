/* The envelope of a command: its CloudEvents attributes. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/base/uuid.h"
#include "common/crypto/crypto.h"
#include "common/json/decoding.h"
#include "common/model/limits.h"

void tb_decoding_fail(struct tb_decoding *d, enum tb_decode_kind kind, enum tb_rejection rejection,
                      tb_str field, const char *fmt, ...)
{
    if (d->rc != TB_OK) {
        return;
    }
    char text[TB_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    *d->fail = (struct tb_decode_failure){
        .kind = kind,
        .rejection = rejection,
        .field = tb_arena_str(d->arena, field.ptr ? field : TB_LIT("")),
        .message = tb_arena_str(d->arena, tb_str_of(text)),
    };
    d->rc = d->fail->field.ptr && d->fail->message.ptr ? TB_EINVAL : TB_ENOMEM;
}

void tb_decoding_no_memory(struct tb_decoding *d)
{
    d->rc = TB_ENOMEM;
}

static tb_str name_of(enum tb_attribute a)
{
    return tb_str_of(tb_attributes[a].name);
}

void tb_decoding_dead(struct tb_decoding *d, enum tb_attribute a, const char *what)
{
    tb_decoding_fail(d, TB_DECODE_DEAD_LETTER, TB_REJECT_MALFORMED, name_of(a), "%s %s",
                     tb_attributes[a].name, what);
}

void tb_decoding_invalid(struct tb_decoding *d, enum tb_attribute a, const char *what)
{
    tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, name_of(a), "%s %s",
                     tb_attributes[a].name, what);
}

/* The attribute's text; null when it is not there or no string (noted by complain). */
static tb_str text_of(struct tb_decoding *d, enum tb_attribute a,
                      void (*complain)(struct tb_decoding *, enum tb_attribute, const char *))
{
    if (!d->attrs[a]) {
        return TB_STR_NULL;
    }
    if (d->attrs[a]->kind != TB_TREE_STRING) {
        complain(d, a, "must be a string");
        return TB_STR_NULL;
    }
    return d->attrs[a]->text;
}

static tb_str read_id(struct tb_decoding *d, enum tb_attribute a, size_t max, bool required,
                      void (*complain)(struct tb_decoding *, enum tb_attribute, const char *))
{
    if (!d->attrs[a] && required) {
        complain(d, a, "is missing");
    }
    tb_str s = text_of(d, a, complain);
    const char *what = s.ptr ? tb_text_id_fault(s, max) : NULL;
    if (what) {
        complain(d, a, what);
        return TB_STR_NULL;
    }
    return s;
}

/* ---- what nobody can be answered without ---- */

/* Characters of a URI reference (RFC 3986); its grammar is not taken further apart. */
static bool is_uri(tb_str s)
{
    static const char others[] = "-._~:/?#[]@!$&'()*+,;=%";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (!c || !strchr(others, c))) {
            return false;
        }
    }
    return s.len > 0;
}

static void read_source(struct tb_decoding *d)
{
    tb_str s = read_id(d, TB_ATTR_SOURCE, TB_MAX_ID_CHARS, true, tb_decoding_dead);
    if (s.ptr && !is_uri(s)) {
        tb_decoding_dead(d, TB_ATTR_SOURCE, "must be a URI reference");
        return;
    }
    d->cmd->source = s;
}

static void read_type(struct tb_decoding *d)
{
    tb_str s = text_of(d, TB_ATTR_TYPE, tb_decoding_dead);
    if (!s.ptr) {
        tb_decoding_dead(d, TB_ATTR_TYPE, "is missing");
        return;
    }
    d->cmd->type = tb_command_type_find(s);
    if (!d->cmd->type) {
        tb_str shown = tb_utf8_prefix(s, 100);
        tb_decoding_fail(d, TB_DECODE_DEAD_LETTER, TB_REJECT_UNKNOWN_COMMAND, name_of(TB_ATTR_TYPE),
                         "there is no command of type \"%.*s\"", TB_ARG(shown));
    }
}

tb_str tb_command_derived_subject(tb_str source, tb_str id, struct tb_arena *arena)
{
    struct tb_uuid uuid;
    if (!tb_uuid_parse(id, &uuid)) {
        if (!source.ptr || !id.ptr) {
            return TB_STR_NULL;
        }
        char *name = tb_arena_alloc(arena, source.len + 1 + id.len);
        if (!name) {
            return TB_STR_NULL;
        }
        memcpy(name, source.ptr, source.len);
        name[source.len] = '\0';
        memcpy(name + source.len + 1, id.ptr, id.len);
        uuid = tb_uuid_v5(&tb_uuid_namespace, name, source.len + 1 + id.len);
    }
    char text[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, text);
    return tb_arena_printf(arena, "ticket-%s", text);
}

static void read_subject(struct tb_decoding *d)
{
    const struct tb_command_type *type = d->cmd->type;
    if (!type || d->rc != TB_OK) {
        return;
    }
    if (!d->attrs[TB_ATTR_SUBJECT] && type->kind == TB_CMD_CREATE) {
        d->cmd->subject = tb_command_derived_subject(d->cmd->source, d->cmd->id, d->arena);
        if (!d->cmd->subject.ptr) {
            tb_decoding_no_memory(d);
        }
        return;
    }
    tb_str s = read_id(d, TB_ATTR_SUBJECT, TB_MAX_ID_CHARS, true, tb_decoding_dead);
    if (s.ptr && type->family != TB_FAMILY_BOARD && !tb_text_is_prefixed_uuid(s, "ticket-")) {
        tb_decoding_dead(d, TB_ATTR_SUBJECT, "is no ticket id (ticket-<uuid in lower case>)");
        return;
    }
    d->cmd->subject = s;
}

/* A later program may know the type, or read the envelope in another way: ask first. */
static void read_schema_version(struct tb_decoding *d)
{
    const struct tb_tree *v = d->attrs[TB_ATTR_SCHEMAVERSION];
    if (v && v->kind == TB_TREE_INT && v->integer > TB_COMMAND_SCHEMA_VERSION) {
        tb_decoding_fail(d, TB_DECODE_NEWER_SCHEMA, TB_REJECT_VALIDATION_FAILED,
                         name_of(TB_ATTR_SCHEMAVERSION),
                         "schemaversion is %lld, this program knows up to %d",
                         (long long)v->integer, TB_COMMAND_SCHEMA_VERSION);
    }
}

void tb_decoding_identity(struct tb_decoding *d)
{
    read_schema_version(d);
    if (d->rc != TB_OK) {
        return;
    }
    d->cmd->id = read_id(d, TB_ATTR_ID, TB_MAX_ID_CHARS, true, tb_decoding_dead);
    read_source(d);
    read_type(d);
    read_subject(d);
}

/* ---- the other attributes ---- */

static bool equals_ignoring_case(tb_str s, const char *with)
{
    return s.len == strlen(with) && strncasecmp(s.ptr, with, s.len) == 0;
}

/* application/json or anything/anything+json, with or without parameters. */
static bool is_json_type(tb_str s)
{
    const char *semicolon = s.len ? memchr(s.ptr, ';', s.len) : NULL;
    size_t n = semicolon ? (size_t)(semicolon - s.ptr) : s.len;
    while (n && s.ptr[n - 1] == ' ') {
        n--;
    }
    tb_str type = {s.ptr, n};
    tb_str end = n > 5 ? (tb_str){s.ptr + n - 5, 5} : TB_STR_NULL;
    return equals_ignoring_case(type, "application/json") ||
           equals_ignoring_case(type, "text/json") ||
           (end.ptr && equals_ignoring_case(end, "+json"));
}

static bool is_actor_type(tb_str s)
{
    for (int i = 0; tb_actor_types[i]; i++) {
        if (tb_str_eq_c(s, tb_actor_types[i])) {
            return true;
        }
    }
    return false;
}

static void read_expected_version(struct tb_decoding *d)
{
    const struct tb_tree *v = d->attrs[TB_ATTR_EXPECTEDVERSION];
    if (!v) {
        return;
    }
    int64_t n = tb_text_natural(v);
    if (n < 0) {
        tb_decoding_invalid(d, TB_ATTR_EXPECTEDVERSION, "must be an integer from 0");
        return;
    }
    d->cmd->expected_version = n;
}

static void read_time(struct tb_decoding *d)
{
    tb_str s = text_of(d, TB_ATTR_TIME, tb_decoding_invalid);
    int64_t t;
    if (!s.ptr) {
        return;
    }
    if (!tb_time_parse(s, &t)) {
        tb_decoding_invalid(d, TB_ATTR_TIME,
                            "must be an RFC 3339 time such as 2026-01-31T12:00:00Z");
        return;
    }
    d->cmd->time_us = t;
}

static void check_constants(struct tb_decoding *d)
{
    tb_str s = text_of(d, TB_ATTR_SPECVERSION, tb_decoding_invalid);
    if (!s.ptr) {
        tb_decoding_invalid(d, TB_ATTR_SPECVERSION, "is missing");
    } else if (!tb_str_eq_c(s, "1.0")) {
        tb_decoding_invalid(d, TB_ATTR_SPECVERSION, "must be 1.0");
    }
    s = text_of(d, TB_ATTR_DATACONTENTTYPE, tb_decoding_invalid);
    if (s.ptr && !is_json_type(s)) {
        tb_decoding_invalid(d, TB_ATTR_DATACONTENTTYPE, "must be application/json");
    }
    const struct tb_tree *v = d->attrs[TB_ATTR_SCHEMAVERSION];
    if (v && (v->kind != TB_TREE_INT || v->integer < 1)) {
        tb_decoding_invalid(d, TB_ATTR_SCHEMAVERSION, "must be an integer from 1");
    }
    for (int a = 0; a < TB_ATTR_COUNT_; a++) {
        if (d->attrs[a] && tb_attributes[a].on_command == TB_USE_NO) {
            tb_decoding_invalid(d, (enum tb_attribute)a, "may not be given on a command");
        }
    }
}

void tb_decoding_attributes(struct tb_decoding *d)
{
    struct tb_command *cmd = d->cmd;
    check_constants(d);
    cmd->actor = read_id(d, TB_ATTR_ACTOR, TB_MAX_ID_CHARS, true, tb_decoding_invalid);
    tb_str kind = read_id(d, TB_ATTR_ACTORTYPE, TB_MAX_ID_CHARS, false, tb_decoding_invalid);
    if (kind.ptr && !is_actor_type(kind)) {
        tb_decoding_invalid(
            d, TB_ATTR_ACTORTYPE,
            "must be one of: human, design_agent, worker_agent, review_agent, orchestrator, "
            "system");
        kind = TB_STR_NULL;
    }
    cmd->actor_type = kind;
    read_time(d);
    read_expected_version(d);
    cmd->correlation_id =
        read_id(d, TB_ATTR_CORRELATIONID, TB_MAX_ID_CHARS, false, tb_decoding_invalid);
    cmd->causation_id =
        read_id(d, TB_ATTR_CAUSATIONID, TB_MAX_ID_CHARS, false, tb_decoding_invalid);
    cmd->traceparent =
        read_id(d, TB_ATTR_TRACEPARENT, TB_MAX_TRACEPARENT_CHARS, false, tb_decoding_invalid);
    cmd->tracestate =
        read_id(d, TB_ATTR_TRACESTATE, TB_MAX_TRACESTATE_CHARS, false, tb_decoding_invalid);
    struct tb_uuid uuid;
    bool dated = tb_uuid_parse(cmd->id, &uuid) && tb_uuid_version(&uuid) == 7;
    cmd->stable_time = dated ? tb_uuid_v7_ms(&uuid) * 1000 : cmd->time_us;
}

/* ---- attributes we do not know ---- */

static void extension(struct tb_decoding *d, struct tb_json *w, tb_str name,
                      const struct tb_tree *value)
{
    tb_str shown = tb_utf8_prefix(name, 60);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, shown,
                             "the name of an attribute is made of a-z and 0-9");
            return;
        }
    }
    bool scalar =
        value->kind == TB_TREE_STRING || value->kind == TB_TREE_INT || value->kind == TB_TREE_BOOL;
    if (!name.len || !scalar) {
        tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, shown,
                         "an attribute is a string, an integer or a boolean");
        return;
    }
    tb_json_key_str(w, name);
    if (value->kind == TB_TREE_STRING) {
        tb_json_string(w, value->text);
    } else {
        tb_json_raw(w, value->raw);
    }
}

void tb_decoding_extensions(struct tb_decoding *d, const struct tb_tree *root)
{
    tb_buf buf;
    tb_buf_init(&buf, TB_MAX_EXTENSION_BYTES);
    struct tb_json w = {.buf = &buf};
    for (const struct tb_tree *m = root->first; m; m = m->next) {
        if (m->kind != TB_TREE_NULL && tb_attribute_find(m->name) < 0) {
            extension(d, &w, m->name, m);
        }
    }
    if (buf.failed) {
        tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, TB_STR_NULL,
                         "extension attributes take more than %d bytes", TB_MAX_EXTENSION_BYTES);
    } else if (buf.len) {
        d->cmd->extensions = tb_buf_take(&buf, d->arena);
        if (!d->cmd->extensions.ptr) {
            tb_decoding_no_memory(d);
        }
    }
    tb_buf_dispose(&buf);
}
