/* Commands as they travel: a CloudEvents 1.0 envelope in structured JSON around a record of data.
 * docs/wire-contract.md is the contract. Thread-safe: there is no shared state. */
#ifndef TB_JSON_COMMAND_H
#define TB_JSON_COMMAND_H

#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/command.h"
#include "common/model/rejection.h"

/* The version of the commands' data this code understands (attribute schemaversion). */
#ifndef TB_COMMAND_SCHEMA_VERSION /* the next one, in tests */
#define TB_COMMAND_SCHEMA_VERSION 1
#endif

#define TB_SIGNATURE_HEADER                                                                        \
    "ticketbus-signature" /* Kafka header of internal commands: HMAC-SHA256, hexadecimal */

#define TB_MAX_EXTENSION_BYTES   4096 /* of all attributes we do not know together */
#define TB_MAX_TRACEPARENT_CHARS 100
#define TB_MAX_TRACESTATE_CHARS  512 /* W3C Trace Context, section 3.3.1.5 */

struct tb_decode_limits {
    size_t max_bytes; /* larger ones are message_too_large; 0: TB_JSON_MAX_BYTES */
};

enum tb_decode_kind {
    TB_DECODE_DEAD_LETTER,  /* nobody to answer: the envelope cannot be used */
    TB_DECODE_REJECT,       /* the envelope can be used: answer with command.rejected */
    TB_DECODE_NEWER_SCHEMA, /* written for a later version of this program: wait for that one */
};

/* Why a command was not decoded; texts are in the arena. */
struct tb_decode_failure {
    enum tb_decode_kind kind;
    enum tb_rejection rejection;
    tb_str field; /* attribute, or path inside data; empty when none */
    tb_str message;
};

/* Decodes one message. Everything ret points to is in the arena.
 *   TB_OK      ret is whole.
 *   TB_EINVAL  fail says why. With TB_DECODE_REJECT ret holds what could be read of the envelope:
 *              type, id, source and subject always, body_hash too; data is NULL. Otherwise ret
 * holds whatever was read before (possibly nothing: slices are null, type NULL). TB_ENOMEM  the
 * arena is exhausted. */
enum tb_rc tb_command_decode(tb_str bytes, const struct tb_decode_limits *lim,
                             struct tb_arena *arena, struct tb_command *ret,
                             struct tb_decode_failure *fail) TB_MUST_USE;

/* Appends cmd as compact JSON; look at out->failed. Null attributes are left out. */
void tb_command_encode(const struct tb_command *cmd, tb_buf *out);

/* Hash over what makes a command the same when it is sent again: type, subject, actor, actor type,
 * expected version, rationale and data; not time, trace or extensions. False: out of memory. */
bool tb_command_hash(const struct tb_command *cmd, unsigned char out[32]) TB_MUST_USE;

/* Subject of a ticket.create that gives none: "ticket-" and the command's id when that is a UUID,
 * else one derived from source and id (null when one of them is). Null when the arena is exhausted.
 */
tb_str tb_command_derived_subject(tb_str source, tb_str id, struct tb_arena *arena);

#endif
