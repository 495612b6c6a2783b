/* ticketctl's way through a gateway: HTTP requests with a token (backend.h). */
#ifndef TB_CTL_SERVER_H
#define TB_CTL_SERVER_H

#include "common/base/buf.h"
#include "common/json/tree.h"
#include "producer/ctl/ctl.h"

/* Sets ctl->backend: the gateway of --server or TICKETBUS_SERVER, else the direct way. TB_EINVAL:
 * the command cannot go through a gateway, or there is no token. */
enum tb_rc ctl_server_choose(struct ctl *ctl, struct tb_error *err) TB_MUST_USE;
void ctl_server_free(struct ctl_server *server); /* NULL-safe */

/* The token: TICKETBUS_TOKEN, else the first line of TICKETBUS_TOKEN_FILE. In ctl->arena. */
enum tb_rc ctl_server_token(struct ctl *ctl, tb_str *ret, struct tb_error *err) TB_MUST_USE;
/* The gateway's address without a slash at its end: --server, TICKETBUS_SERVER; "" for none. */
tb_str ctl_server_address(struct ctl *ctl);

/* A path with its query, as it grows. */
struct ctl_url {
    tb_buf text;
    bool has_query;
};
void ctl_url_init(struct ctl_url *url, const char *path);
void ctl_url_dispose(struct ctl_url *url);
void ctl_url_segment(struct ctl_url *url, tb_str segment);             /* "/segment", escaped */
void ctl_url_add(struct ctl_url *url, const char *name, tb_str value); /* null: left out */
void ctl_url_add_int(struct ctl_url *url, const char *name, int64_t value);
void ctl_url_add_bool(struct ctl_url *url, const char *name, bool value);
void ctl_url_add_list(struct ctl_url *url, const char *name, tb_strs list);

struct ctl_asking {
    const char *method;
    const struct ctl_url *url;
    tb_str body;         /* JSON, or null */
    const char *key;     /* Idempotency-Key; NULL: none */
    const char *version; /* If-Match; NULL: any */
    const char *prefer;  /* NULL: nothing */
    int64_t timeout_ms;  /* for all attempts; 0: as the settings say for each */
    bool once;           /* not to be repeated when it is not known whether it arrived */
};
struct ctl_told {
    int status;
    tb_str body;
    const struct tb_tree *root; /* of the body, NULL when that is no JSON */
};

/* Asks, again while the gateway is busy or cannot be reached for a moment. TB_OK: there is an
 * answer, of whatever status. */
enum tb_rc ctl_server_exchange(struct ctl *ctl, const struct ctl_asking *asking,
                               struct ctl_told *ret, struct tb_error *err) TB_MUST_USE;
/* An answer of status 400 and more as a failure of ours. */
enum tb_rc ctl_server_refused(const struct ctl_told *told, struct tb_error *err);
/* Both. */
enum tb_rc ctl_server_ask(struct ctl *ctl, const struct ctl_asking *asking, struct ctl_told *ret,
                          struct tb_error *err) TB_MUST_USE;
/* GET of url (disposed of). */
enum tb_rc ctl_server_get(struct ctl *ctl, struct ctl_url *url, const struct tb_tree **ret,
                          struct tb_error *err) TB_MUST_USE;
/* A member that is a string; null when it is not there. */
tb_str ctl_told_text(const struct tb_tree *tree, const char *name);

/* For streams: "https://host/path", "Authorization: Bearer …", settings. */
const char *ctl_server_url(struct ctl *ctl, tb_str path);
const char *ctl_server_authorization(const struct ctl *ctl);

#endif
