/* What an operation answers, before HTTP, MCP or the compatibility face dress it. */
#ifndef TB_GATEWAY_REPLY_H
#define TB_GATEWAY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/model/rejection.h"

enum tb_reply_kind {
    TB_REPLY_DONE,         /* body */
    TB_REPLY_PENDING,      /* a command not answered in time: command_id, body */
    TB_REPLY_REJECTED,     /* a command refused by the rules: rejection, field, detail */
    TB_REPLY_INVALID,      /* the request is wrong: field, detail */
    TB_REPLY_UNAUTHORIZED, /* no token, or none that counts */
    TB_REPLY_FORBIDDEN,    /* the token does not reach so far */
    TB_REPLY_NOT_FOUND,
    TB_REPLY_TOO_MANY,    /* come again in retry_after_s */
    TB_REPLY_UNAVAILABLE, /* the same */
    TB_REPLY_FAILED,      /* a fault of ours; detail says no secrets */
};

struct tb_reply {
    enum tb_reply_kind kind;
    tb_str body;       /* JSON */
    tb_str command_id; /* of commands, once it has one */
    tb_str ticket_id;  /* of commands and of one ticket, null otherwise */
    int64_t version;   /* of that ticket, or board; 0 when not known */
    enum tb_rejection rejection;
    const char *code; /* short and stable; of rejections their own */
    tb_str field;
    tb_str detail; /* a sentence */
    bool hidden;   /* there is such a thing, which the caller may not see: said not to be there */
    int64_t retry_after_s;
};

/* Fills *ret; strings are copied. */
void tb_reply_error(struct tb_reply *ret, struct tb_arena *arena, enum tb_reply_kind kind,
                    const char *code, tb_str field, const char *fmt, ...) TB_PRINTF(6, 7);
/* The same from an error of ours. */
void tb_reply_from(struct tb_reply *ret, struct tb_arena *arena, const struct tb_error *err);
/* Refused by the rules. code: of the rejection, as the event has it. */
void tb_reply_rejected(struct tb_reply *ret, struct tb_arena *arena, tb_str code, tb_str field,
                       tb_str message);

/* The HTTP status that says it best. created: what it did was create. */
int tb_reply_status(const struct tb_reply *reply, bool created);
/* application/problem+json (RFC 9457) with code, field and detail; in the arena. */
tb_str tb_reply_problem(const struct tb_reply *reply, int status, struct tb_arena *arena);

#endif
