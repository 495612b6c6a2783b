#include "common/http/sender.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/http/http.h"

enum { PARALLEL_MAX = 256, CONNECT_MS = 10000 };
#define ANSWER_MAX ((size_t)1 << 20)

struct slot {
    struct tb_sender *sender;
    CURL *easy;
    struct curl_slist *headers;
    void *tag;
    int64_t began_us;
    int64_t retry_after_ms;
    size_t received;
    char refused[INET6_ADDRSTRLEN]; /* address that may not be connected to, "" */
    bool busy;
};

struct tb_sender {
    struct tb_sender_options opt;
    CURLM *multi;
    size_t nslots;
    size_t nbusy;
    struct slot slots[];
};

enum tb_rc tb_sender_new(const struct tb_sender_options *opt, struct tb_sender **ret,
                         struct tb_error *err)
{
    *ret = NULL;
    if (tb_http_global_init(err) != TB_OK) {
        return TB_EFATAL;
    }
    size_t n = opt->parallel < 1 ? 1 : opt->parallel > PARALLEL_MAX ? PARALLEL_MAX : opt->parallel;
    struct tb_sender *sender = calloc(1, sizeof *sender + n * sizeof(struct slot));
    if (!sender) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    sender->opt = *opt;
    sender->multi = curl_multi_init();
    bool fine = sender->multi != NULL;
    for (; fine && sender->nslots < n; sender->nslots++) {
        sender->slots[sender->nslots].sender = sender;
        sender->slots[sender->nslots].easy = curl_easy_init();
        fine = sender->slots[sender->nslots].easy != NULL;
    }
    if (!fine) {
        tb_sender_free(sender);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    *ret = sender;
    return TB_OK;
}

void tb_sender_free(struct tb_sender *sender)
{
    if (!sender) {
        return;
    }
    for (size_t i = 0; i < sender->nslots; i++) {
        struct slot *s = &sender->slots[i];
        if (s->busy) {
            (void)curl_multi_remove_handle(sender->multi, s->easy);
        }
        curl_easy_cleanup(s->easy);
        curl_slist_free_all(s->headers);
    }
    (void)curl_multi_cleanup(sender->multi);
    free(sender);
}

/* The type is libcurl's. NOLINTNEXTLINE(readability-non-const-parameter) */
static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct slot *s = arg;
    (void)data;
    s->received += size * n;
    return s->received > ANSWER_MAX ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
    static const char name[] = "retry-after:";
    struct slot *s = arg;
    size_t len = size * n;
    if (len > sizeof name - 1 && strncasecmp(data, name, sizeof name - 1) == 0) {
        tb_str value = {data + sizeof name - 1, len - (sizeof name - 1)};
        s->retry_after_ms = tb_http_retry_after(value, tb_clock_wall_us());
    }
    return len;
}

/* The address is the one about to be connected to. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct slot *s = arg;
    const struct tb_sender_options *opt = &s->sender->opt;
    if (purpose == CURLSOCKTYPE_IPCXN && opt->allowed(&address->addr, opt->arg)) {
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    }
    const void *bytes = NULL;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (address->family == AF_INET) {
        memcpy(&v4, &address->addr, sizeof v4);
        bytes = &v4.sin_addr;
    } else if (address->family == AF_INET6) {
        memcpy(&v6, &address->addr, sizeof v6);
        bytes = &v6.sin6_addr;
    }
    if (!bytes || !inet_ntop(address->family, bytes, s->refused, sizeof s->refused)) {
        (void)snprintf(s->refused, sizeof s->refused, "?");
    }
    return CURL_SOCKET_BAD;
}

static bool set_headers(struct slot *s, const struct tb_sending *sending)
{
    curl_slist_free_all(s->headers);
    s->headers = curl_slist_append(NULL, "Expect:");
    bool fine = s->headers != NULL;
    for (size_t i = 0; fine && i < TB_SENDER_HEADERS_MAX && sending->headers[i]; i++) {
        struct curl_slist *list = curl_slist_append(s->headers, sending->headers[i]);
        fine = list != NULL;
        s->headers = fine ? list : s->headers;
    }
    return fine;
}

static struct slot *free_slot(struct tb_sender *sender)
{
    for (size_t i = 0; i < sender->nslots; i++) {
        if (!sender->slots[i].busy) {
            return &sender->slots[i];
        }
    }
    return NULL;
}

enum tb_rc tb_sender_start(struct tb_sender *sender, const struct tb_sending *sending,
                           struct tb_error *err)
{
    struct slot *s = free_slot(sender);
    if (!s) {
        return tb_fail(err, TB_ELIMIT, "%zu requests are under way", sender->nslots);
    }
    CURL *e = s->easy;
    long timeout = (long)sender->opt.timeout_ms;
    curl_easy_reset(e); /* keeps connections, whose addresses were looked at */
    s->tag = sending->tag;
    s->retry_after_ms = -1;
    s->received = 0;
    s->refused[0] = '\0';
    s->began_us = tb_clock_mono_us();
    bool fine = set_headers(s, sending) &&
                curl_easy_setopt(e, CURLOPT_URL, sending->url) == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK;
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, s->headers);
    (void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, sending->body.ptr);
    (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sending->body.len);
    (void)curl_easy_setopt(e, CURLOPT_USERAGENT, "ticketbus/" TB_VERSION);
    (void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout);
    (void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           timeout < CONNECT_MS ? timeout : CONNECT_MS);
    (void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
    (void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
    (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    (void)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
    (void)curl_easy_setopt(e, CURLOPT_PRIVATE, s);
    if (!fine || curl_multi_add_handle(sender->multi, e) != CURLM_OK) {
        return tb_fail(err, TB_EINVAL, "the request cannot be made");
    }
    s->busy = true;
    sender->nbusy++;
    return TB_OK;
}

size_t tb_sender_room(const struct tb_sender *sender)
{
    return sender->nslots - sender->nbusy;
}

size_t tb_sender_busy(const struct tb_sender *sender)
{
    return sender->nbusy;
}

static void finish(struct slot *s, CURLcode code, struct tb_sent *out)
{
    long status = 0;
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(s->sender->multi, s->easy);
    s->busy = false;
    s->sender->nbusy--;
    *out = (struct tb_sent){.tag = s->tag,
                            .status = code == CURLE_OK ? (int)status : 0,
                            .took_ms = (tb_clock_mono_us() - s->began_us) / 1000,
                            .retry_after_ms = s->retry_after_ms};
    if (code != CURLE_OK && s->refused[0]) {
        (void)snprintf(out->error, sizeof out->error, "%s is not an allowed address", s->refused);
    } else if (code != CURLE_OK) {
        (void)snprintf(out->error, sizeof out->error, "%s",
                       code == CURLE_WRITE_ERROR ? "the answer is too large"
                                                 : curl_easy_strerror(code));
    }
}

size_t tb_sender_poll(struct tb_sender *sender, int timeout_ms, struct tb_sent *out, size_t max)
{
    int running = 0;
    size_t n = 0;
    for (int round = 0; round < 2 && n == 0; round++) {
        if (curl_multi_perform(sender->multi, &running) != CURLM_OK) {
            return 0;
        }
        int left;
        CURLMsg *msg;
        while (n < max && (msg = curl_multi_info_read(sender->multi, &left))) {
            if (msg->msg == CURLMSG_DONE) {
                char *priv = NULL;
                CURLcode code = msg->data.result;
                (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &priv);
                finish((struct slot *)(void *)priv, code, &out[n++]);
            }
        }
        if (n == 0 && round == 0) {
            (void)curl_multi_poll(sender->multi, NULL, 0, timeout_ms, NULL);
        }
    }
    return n;
}
