/* The face of today's Hephaestus: /api/tickets/… as its agents' MCP client calls them, without
 * tokens. It listens on an address of its own, on this machine only, and only where the settings
 * say so; everything else of the gateway stays behind tokens.
 *
 * Kept are the odd answers that client counts on: a move refused for blockers is 200 with
 * "blocked": true; resolve tells "unblocked_tickets"; create waits (bounded by the search's own
 * limits) for "similar_tickets"; a request for clarification becomes a comment; errors are
 * {"detail": …}. Approvals answer 501: there are no gates yet. Vectors are made after the answer,
 * so embedding_created and embedding_updated are false. */
#ifndef TB_GATEWAY_COMPAT_H
#define TB_GATEWAY_COMPAT_H

#include "gateway/http/http.h"

/* Starts to listen where TICKETBUS_COMPAT_LISTEN says; *ret NULL when it says nothing. Free with
 * tb_httpd_free, after tb_httpd_stop. */
enum tb_rc tb_compat_listen(struct tb_gateway *gw, struct tb_httpd **ret,
                            struct tb_error *err) TB_MUST_USE;

#endif
