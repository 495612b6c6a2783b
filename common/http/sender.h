/* Requests begun one by one and finished in any order, to servers that are not ours: a slow one
 * delays nobody else, and the address of every connection is looked at before it is made (after
 * names were resolved, so that nothing can change in between). No proxy, no redirects, answers'
 * bodies are dropped. One handle per thread. */
#ifndef TB_HTTP_SENDER_H
#define TB_HTTP_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/base/str.h"

struct tb_sender;

struct tb_sender_options {
    int64_t timeout_ms; /* of one request, resolving and connecting included */
    size_t parallel;    /* most requests under way, 1 to 256 */
    /* Whether a connection may be made to this address. */
    bool (*allowed)(const struct sockaddr *address, const void *arg);
    const void *arg;
};
enum tb_rc tb_sender_new(const struct tb_sender_options *opt, struct tb_sender **ret,
                         struct tb_error *err) TB_MUST_USE;
/* What is under way is cut off. NULL-safe. */
void tb_sender_free(struct tb_sender *sender);

#define TB_SENDER_HEADERS_MAX 10

struct tb_sending {
    const char *url;
    tb_str body;                                /* of a POST; must live until it has ended */
    const char *headers[TB_SENDER_HEADERS_MAX]; /* "Name: value", copied; NULL: no more */
    void *tag;
};
/* TB_ELIMIT: as many as may be are under way. TB_EINVAL: it cannot be requested. */
enum tb_rc tb_sender_start(struct tb_sender *sender, const struct tb_sending *sending,
                           struct tb_error *err) TB_MUST_USE;
size_t tb_sender_room(const struct tb_sender *sender);
size_t tb_sender_busy(const struct tb_sender *sender);

struct tb_sent {
    void *tag;
    int status; /* 0: there was no answer, error says why */
    int64_t took_ms;
    int64_t retry_after_ms; /* -1: not said */
    char error[160];
};
/* Waits up to timeout_ms for something to happen; returns how many have ended. */
size_t tb_sender_poll(struct tb_sender *sender, int timeout_ms, struct tb_sent *out, size_t max);

#endif
