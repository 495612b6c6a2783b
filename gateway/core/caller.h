/* Who calls, and what a token lets its holder do: pure. */
#ifndef TB_GATEWAY_CALLER_H
#define TB_GATEWAY_CALLER_H

#include <stdbool.h>

#include "common/base/str.h"
#include "gateway/core/operations.h"

/* "tbk_" and 256 random bits in hexadecimal. Only its SHA-256 is stored. */
#define TB_TOKEN_PREFIX "tbk_"
#define TB_TOKEN_LEN    (4 + 64)
/* The cookie of a browser's session holds a secret of its own, made and stored the same way. */
#define TB_SESSION_PREFIX "tbs_"
/* CloudEvents source of commands that come through the gateway. */
#define TB_GATEWAY_SOURCE "/ticketbus/gateway"

#define TB_SESSION_COOKIE "ticketbus_session"

struct tb_caller {
    tb_str token;      /* its id: shown in logs and lists */
    tb_str name;       /* its name: acts where neither token nor request names an agent */
    tb_str agent;      /* the one agent the holder may act as; null: any */
    unsigned scopes;   /* TB_SCOPE_* */
    tb_strs workflows; /* the only ones it may touch; none named: all */
};

/* Right form of a token (or session secret). */
bool tb_token_valid(tb_str text);
/* The token of "Authorization: Bearer …", null when the header is not of that form. */
tb_str tb_token_of_header(tb_str authorization);

/* "read", "write", "admin"; 0 when unknown. admin and write include what is below them. */
unsigned tb_scope_parse(tb_str name);
const char *tb_scope_name(unsigned scope);
bool tb_caller_may(const struct tb_caller *caller, unsigned scope);
bool tb_caller_may_touch(const struct tb_caller *caller, tb_str workflow_id);

/* Who acts. given: what the request says, null when nothing. Null when the caller may not act in
 * that name. */
tb_str tb_caller_actor(const struct tb_caller *caller, tb_str given);

#endif
