/* Commands from JSON. The envelope is read as far as it goes even when a part of it is bad, so that
 * the answer can carry what the sender needs to recognise it. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/crypto/crypto.h"
#include "common/json/decoding.h"
#include "common/json/record.h"
#include "common/model/limits.h"

/* ---- data ---- */

static void read_rationale(struct tb_decoding *d, const json_t *data)
{
    const json_t *v = json_object_get(data, "rationale");
    if (!v || json_is_null(v)) {
        return;
    }
    if (!json_is_string(v) || !tb_text_fits(tb_json_text(v), 0, TB_MAX_RATIONALE_CHARS)) {
        tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, TB_LIT("rationale"),
                         "rationale must be a string of at most %d characters",
                         TB_MAX_RATIONALE_CHARS);
        return;
    }
    d->cmd->rationale = tb_decoding_keep(d, tb_json_text(v));
}

static void read_data(struct tb_decoding *d)
{
    static const char *const hidden = "rationale";
    const json_t *data = d->attrs[TB_ATTR_DATA];
    json_t *none = NULL;
    if (!data) {
        data = none = json_object();
        if (!none) {
            tb_decoding_no_memory(d);
            return;
        }
    }
    const struct tb_record *rec = d->cmd->type->record;
    void *to = tb_arena_alloc(d->arena, rec->size);
    if (!to) {
        tb_decoding_no_memory(d);
    } else if (!json_is_object(data)) {
        tb_decoding_invalid(d, TB_ATTR_DATA, "must be an object");
    } else {
        struct tb_error err = {0};
        read_rationale(d, data);
        enum tb_rc rc = tb_record_decode_json(rec, data, hidden, NULL, d->arena, to, &err);
        if (rc == TB_EINVAL) {
            tb_decoding_fail(d, TB_DECODE_REJECT, TB_REJECT_VALIDATION_FAILED, tb_str_of(err.field),
                             "%s%s%s", err.field, *err.field ? " " : "", err.text);
        } else if (rc != TB_OK) {
            tb_decoding_no_memory(d);
        }
        d->cmd->data = d->rc == TB_OK ? to : NULL;
    }
    json_decref(none);
}

/* Of a command whose data does not decode: the same text-insensitive sameness, over what was sent.
 */
static bool hash_refused(struct tb_decoding *d, unsigned char out[32])
{
    static const enum tb_attribute parts[] = {
        TB_ATTR_TYPE,      TB_ATTR_SUBJECT,         TB_ATTR_ACTOR,
        TB_ATTR_ACTORTYPE, TB_ATTR_EXPECTEDVERSION, TB_ATTR_DATA};
    struct tb_sha256 *ctx = tb_sha256_new();
    bool ok = true;
    tb_sha256_init(ctx);
    for (size_t i = 0; i < TB_COUNT(parts) && ok; i++) {
        const json_t *v = d->attrs[parts[i]];
        char *text =
            v ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : strdup("");
        ok = text != NULL;
        if (ok) {
            tb_sha256_update(ctx, text, strlen(text) + 1);
        }
        free(text);
    }
    tb_sha256_final(ctx, out);
    tb_sha256_free(ctx);
    return ok;
}

/* ---- the whole ---- */

static void collect(struct tb_decoding *d, json_t *root)
{
    for (int a = 0; a < TB_ATTR_COUNT_; a++) {
        const json_t *v = json_object_get(root, tb_attributes[a].name);
        d->attrs[a] = json_is_null(v) ? NULL : v; /* null is the same as absent (CloudEvents) */
    }
}

/* refusal: already known not to be acceptable; the envelope is wanted all the same. */
static void decode_root(struct tb_decoding *d, json_t *root,
                        const struct tb_decode_failure *refusal)
{
    if (!json_is_object(root)) {
        tb_decoding_fail(d, TB_DECODE_DEAD_LETTER, TB_REJECT_MALFORMED, TB_STR_NULL,
                         "the message is not a JSON object");
        return;
    }
    collect(d, root);
    tb_decoding_identity(d);
    if (d->rc != TB_OK) {
        return;
    }
    if (refusal) {
        *d->fail = *refusal;
        d->rc = TB_EINVAL;
    }
    tb_decoding_attributes(d);
    tb_decoding_extensions(d, root);
    if (d->rc == TB_OK) {
        read_data(d);
    }
    bool hashed = d->rc == TB_OK ? tb_command_hash(d->cmd, d->cmd->body_hash)
                                 : hash_refused(d, d->cmd->body_hash);
    if (!hashed) {
        tb_decoding_no_memory(d);
    }
}

/* What the parser refuses though JSON's grammar allows it: the envelope may still be read, so that
 * the sender gets an answer. Not when the envelope itself has a member twice. */
static json_t *load_leniently(tb_str bytes, enum tb_json_fault fault)
{
    json_t *root = NULL;
    if (fault != TB_JSON_FAULT_SYNTAX &&
        tb_json_load(bytes, TB_JSON_LENIENT, &root, NULL, NULL) == TB_OK &&
        json_object_size(root) != tb_json_members(bytes)) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

static const char *inside_data(const char *path)
{
    return strncmp(path, "data.", 5) == 0 ? path + 5 : path;
}

static bool is_oversized(tb_str bytes, const struct tb_decode_limits *lim)
{
    return lim && lim->max_bytes && bytes.len > lim->max_bytes;
}

static void decode(struct tb_decoding *d, tb_str bytes, const struct tb_decode_limits *lim)
{
    struct tb_error err = {0};
    enum tb_json_fault fault;
    struct tb_decode_failure refusal = {.kind = TB_DECODE_REJECT,
                                        .rejection = TB_REJECT_VALIDATION_FAILED};
    bool refused = is_oversized(bytes, lim);
    json_t *root;
    enum tb_rc rc = tb_json_load(bytes, TB_JSON_STRICT, &root, &fault, &err);
    if (rc == TB_EINVAL) {
        root = load_leniently(bytes, fault);
    }
    if (rc == TB_ENOMEM) {
        tb_decoding_no_memory(d);
        return;
    }
    if (refused) {
        refusal.rejection = TB_REJECT_MESSAGE_TOO_LARGE;
        refusal.field = TB_LIT("");
        refusal.message = tb_arena_printf(d->arena, "the message has %zu bytes, more than %zu",
                                          bytes.len, lim->max_bytes);
    } else if (rc == TB_ELIMIT) {
        refusal.rejection = TB_REJECT_MESSAGE_TOO_LARGE;
        refusal.field = TB_LIT("");
        refusal.message = tb_arena_str(d->arena, tb_str_of(err.text));
    } else if (rc != TB_OK) {
        const char *field = inside_data(err.field);
        refusal.field = tb_arena_str(d->arena, tb_str_of(field));
        refusal.message = tb_arena_printf(d->arena, "%s%s%s", field, *field ? ": " : "", err.text);
    }
    if (root) {
        decode_root(d, root, refused || rc != TB_OK ? &refusal : NULL);
        json_decref(root);
        return;
    }
    if (rc == TB_EINVAL && !refused) {
        refusal.rejection = TB_REJECT_MALFORMED;
    }
    refusal.kind = TB_DECODE_DEAD_LETTER;
    *d->fail = refusal;
    d->rc = refusal.message.ptr && refusal.field.ptr ? TB_EINVAL : TB_ENOMEM;
}

enum tb_rc tb_command_decode(tb_str bytes, const struct tb_decode_limits *lim,
                             struct tb_arena *arena, struct tb_command *ret,
                             struct tb_decode_failure *fail)
{
    *ret = (struct tb_command){
        .time_us = TB_TIME_NONE, .stable_time = TB_TIME_NONE, .expected_version = TB_EXPECTED_NONE};
    *fail = (struct tb_decode_failure){.rejection = TB_REJECT_NONE};
    struct tb_decoding d = {.arena = arena, .cmd = ret, .fail = fail};
    decode(&d, bytes, lim);
    return d.rc;
}
