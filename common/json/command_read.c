/* Commands from JSON. The envelope is read as far as it goes even when a part of it is bad, so that
 * the answer can carry what the sender needs to recognise it. */
#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/json/decoding.h"
#include "common/json/record.h"
#include "common/model/limits.h"

/* ---- data ---- */

static void read_rationale(struct tb_decoding *d, const struct tb_tree *data)
{
    const struct tb_tree *v = tb_tree_get(data, "rationale");
    if (!v || v->kind == TB_TREE_NULL) {
        return;
    }
    if (v->kind != TB_TREE_STRING || !tb_text_fits(v->text, 0, TB_MAX_RATIONALE_CHARS)) {
        tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, TB_LIT("rationale"),
                         "rationale must be a string of at most %d characters",
                         TB_MAX_RATIONALE_CHARS);
        return;
    }
    d->cmd->rationale = v->text;
}

static void read_data(struct tb_decoding *d)
{
    static const struct tb_tree none = {.kind = TB_TREE_OBJECT};
    const struct tb_tree *data = d->attrs[TB_ATTR_DATA] ? d->attrs[TB_ATTR_DATA] : &none;
    const struct tb_record *rec = d->cmd->type->record;
    void *to = tb_arena_alloc(d->arena, rec->size);
    if (!to) {
        tb_decoding_no_memory(d);
        return;
    }
    if (data->kind != TB_TREE_OBJECT) {
        tb_decoding_invalid(d, TB_ATTR_DATA, "must be an object");
        return;
    }
    struct tb_error err = {0};
    read_rationale(d, data);
    enum tb_rc rc = tb_record_decode(rec, data, "rationale", d->arena, to, &err);
    if (rc == TB_EINVAL) {
        tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, tb_str_of(err.field),
                         "%s%s%s", err.field, *err.field ? " " : "", err.text);
    } else if (rc != TB_OK) {
        tb_decoding_no_memory(d);
    }
    d->cmd->data = d->rc == TB_OK ? to : NULL;
}

/* Of a command that is refused as it stands: over what was sent, as it was written. */
static void hash_refused(struct tb_decoding *d, unsigned char out[TB_SHA256_LEN])
{
    static const enum tb_attribute parts[] = {
        TB_ATTR_TYPE,      TB_ATTR_SUBJECT,         TB_ATTR_ACTOR,
        TB_ATTR_ACTORTYPE, TB_ATTR_EXPECTEDVERSION, TB_ATTR_DATA};
    struct tb_sha256 *ctx = tb_sha256_new();
    tb_sha256_init(ctx);
    for (size_t i = 0; i < TB_COUNT(parts); i++) {
        const struct tb_tree *v = d->attrs[parts[i]];
        if (v) {
            tb_sha256_update(ctx, v->raw.ptr, v->raw.len);
        }
        tb_sha256_update(ctx, "", 1);
    }
    tb_sha256_final(ctx, out);
    tb_sha256_free(ctx);
}

/* ---- the whole ---- */

/* False when an attribute is there twice: nobody knows which one is meant. */
static bool collect(struct tb_decoding *d, const struct tb_tree *root)
{
    for (const struct tb_tree *m = root->first; m; m = m->next) {
        if (m->twice) {
            tb_decoding_fail(d, TB_DECODE_DEAD_LETTER, TB_REJECT_MALFORMED, m->name,
                             "the attribute is given twice");
            return false;
        }
        int a = tb_attribute_find(m->name);
        if (a >= 0 && m->kind != TB_TREE_NULL) { /* null is the same as absent (CloudEvents) */
            d->attrs[a] = m;
        }
    }
    return true;
}

static void decode_root(struct tb_decoding *d, const struct tb_tree *root, size_t bytes,
                        size_t max_bytes)
{
    if (root->kind != TB_TREE_OBJECT) {
        tb_decoding_fail(d, TB_DECODE_DEAD_LETTER, TB_REJECT_MALFORMED, TB_STR_NULL,
                         "the message is not a JSON object");
        return;
    }
    if (!collect(d, root)) {
        return;
    }
    tb_decoding_identity(d);
    if (d->rc != TB_OK) {
        return;
    }
    if (max_bytes && bytes > max_bytes) {
        tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_MESSAGE_TOO_LARGE, TB_STR_NULL,
                         "the message has %zu bytes, more than %zu", bytes, max_bytes);
    }
    tb_decoding_attributes(d);
    tb_decoding_extensions(d, root);
    if (d->rc == TB_OK) {
        read_data(d);
    }
    if (d->rc != TB_OK) {
        hash_refused(d, d->cmd->body_hash);
    } else if (!tb_command_hash(d->cmd, d->cmd->body_hash)) {
        tb_decoding_no_memory(d);
    }
}

enum tb_rc tb_command_decode(tb_str bytes, const struct tb_decode_limits *lim,
                             struct tb_arena *arena, struct tb_command *ret,
                             struct tb_decode_failure *fail)
{
    *ret = (struct tb_command){
        .time_us = TB_TIME_NONE, .stable_time = TB_TIME_NONE, .expected_version = TB_EXPECTED_NONE};
    *fail = (struct tb_decode_failure){.rejection = TB_REJECT_NONE};
    struct tb_decoding d = {.arena = arena, .cmd = ret, .fail = fail};
    struct tb_error err = {0};
    const struct tb_tree *root;
    enum tb_rc rc = tb_tree_parse(bytes, arena, &root, &err);
    if (rc == TB_OK) {
        decode_root(&d, root, bytes.len, lim ? lim->max_bytes : 0);
        return d.rc;
    }
    if (rc == TB_ENOMEM) {
        return rc;
    }
    tb_decoding_fail(&d, TB_DECODE_DEAD_LETTER,
                     rc == TB_ELIMIT ? TB_REJECT_MESSAGE_TOO_LARGE : TB_REJECT_MALFORMED,
                     tb_str_of(err.field), "%s%s%s", err.field, *err.field ? ": " : "", err.text);
    return d.rc;
}
