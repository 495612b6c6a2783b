/* Readers of server-sent events: all connections of a test in one thread. An event says when it was
 * handed to Kafka ("sent":SECONDS); the kernel says when its bytes came to our socket, so that what
 * this program itself takes can be told apart. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/net_tstamp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/bench/tool/bench.h"

#define READERS_MAX 100000
#define STEP_US     50
#define STEPS       1200000 /* up to a minute */
#define READ_BYTES  ((size_t)64 * 1024)
#define EVENTS      256
#define STDIN       UINT32_MAX

static const char mark[] = "\"sent\":";

/* One connection, byte by byte: the head, chunks (a number of bytes on a line, the bytes, an empty
 * line), and in their bytes the mark and its number. */
struct reader {
    int fd;
    enum { IN_HEAD, IN_SIZE, IN_DATA, IN_END } at;
    unsigned head;   /* how much of the empty line after the head is there */
    size_t chunk;    /* bytes to come */
    size_t matched;  /* of the mark */
    size_t digits;   /* of the number */
    char number[24]; /* seconds */
};

struct histogram {
    uint64_t steps[STEPS];
    uint64_t n;
    int64_t max_us;
};

struct readers {
    struct reader *all;
    uint32_t n;
    int epoll;
    uint32_t ready; /* answered 200 */
    uint32_t closed;
    struct histogram *total; /* from Kafka's producer to here */
    struct histogram *own;   /* from the kernel to here */
};

static void note(struct histogram *h, int64_t us)
{
    int64_t step = us < 0 ? 0 : us / STEP_US;
    h->steps[step < STEPS ? step : STEPS - 1]++;
    h->max_us = us > h->max_us ? us : h->max_us;
    h->n++;
}

static double at_quantile_ms(const struct histogram *h, double q)
{
    uint64_t want = (uint64_t)((double)h->n * q);
    uint64_t below = 0;
    for (size_t i = 0; i < STEPS; i++) {
        below += h->steps[i];
        if (below > want) {
            return (double)((int64_t)i + 1) * STEP_US / 1000.0;
        }
    }
    return (double)h->max_us / 1000.0;
}

static void take_number(struct readers *all, struct reader *r, int64_t now_us, int64_t came_us)
{
    r->number[r->digits] = '\0';
    note(all->total, now_us - (int64_t)(strtod(r->number, NULL) * 1e6));
    if (came_us > 0) {
        note(all->own, now_us - came_us);
    }
    r->matched = r->digits = 0;
}

static void take_byte(struct readers *all, struct reader *r, char c, int64_t now_us,
                      int64_t came_us)
{
    if (r->matched == sizeof mark - 1) {
        if (c == '}' || r->digits == sizeof r->number - 1) {
            take_number(all, r, now_us, came_us);
        } else {
            r->number[r->digits++] = c;
        }
        return;
    }
    r->matched = c == mark[r->matched] ? r->matched + 1 : c == mark[0] ? 1 : 0;
}

static void take(struct readers *all, struct reader *r, const char *bytes, size_t n, int64_t now_us,
                 int64_t came_us)
{
    static const char empty[] = "\r\n\r\n";
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];
        switch (r->at) {
        case IN_HEAD:
            r->head = c == empty[r->head] ? r->head + 1 : c == empty[0] ? 1 : 0;
            if (r->head == sizeof empty - 1) {
                r->at = IN_SIZE;
                all->ready++;
            }
            break;
        case IN_SIZE:
            if (c == '\n') {
                r->at = r->chunk > 0 ? IN_DATA : IN_END;
            } else if (c != '\r') {
                size_t digit = (size_t)(c <= '9' ? c - '0' : (c | ' ') - 'a' + 10);
                r->chunk = r->chunk * 16 + digit;
            }
            break;
        case IN_DATA:
            take_byte(all, r, c, now_us, came_us);
            r->at = --r->chunk > 0 ? IN_DATA : IN_END;
            break;
        case IN_END:
            r->at = c == '\n' ? IN_SIZE : IN_END;
            break;
        }
    }
}

static int64_t wall_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* When the last of the bytes came; 0: the kernel does not say. */
static int64_t came(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
        }
    }
    return 0;
}

static void read_from(struct readers *all, struct reader *r, char *room)
{
    char control[256];
    struct iovec iov = {.iov_base = room, .iov_len = READ_BYTES};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(r->fd, &msg, MSG_DONTWAIT);
    if (n > 0) {
        take(all, r, room, (size_t)n, wall_us(), came(&msg));
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(r->fd);
        r->fd = -1;
        all->closed++;
    }
}

/* Until all are answered (or, after that, standard input ends). */
static bool round_of(struct readers *all, char *room, bool *ret_over)
{
    struct epoll_event found[EVENTS];
    int n = epoll_wait(all->epoll, found, EVENTS, 20000);
    for (int i = 0; i < n; i++) {
        if (found[i].data.u32 == STDIN) {
            *ret_over = true;
        } else {
            read_from(all, &all->all[found[i].data.u32], room);
        }
    }
    return n >= 0 || errno == EINTR;
}

static enum tb_rc dial(struct readers *all, uint32_t i, uint16_t port, const char *token,
                       uint32_t workflows, struct tb_error *err)
{
    const struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[512];
    int len = snprintf(text, sizeof text,
                       "GET /events?workflow_id=w%" PRIu32 " HTTP/1.1\r\nHost: x\r\n"
                       "Authorization: Bearer %s\r\n\r\n",
                       i % workflows, token);
    int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event want = {.events = EPOLLIN, .data.u32 = i};
    all->all[i].fd = fd;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0 ||
        write(fd, text, (size_t)len) != len ||
        epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &want) != 0) {
        return tb_fail(err, TB_EUNAVAILABLE, "reader %" PRIu32 ": %s", i, strerror(errno));
    }
    return TB_OK;
}

static enum tb_rc connect_all(struct readers *all, uint16_t port, const char *token,
                              uint32_t workflows, char *room, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    bool over = false;
    for (uint32_t i = 0; i < all->n && rc == TB_OK; i++) {
        rc = dial(all, i, port, token, workflows, err);
        /* Not more at once than the listener's backlog holds. */
        while (rc == TB_OK && i + 1 - all->ready >= (i + 1 == all->n ? 1 : 200) && !over) {
            rc = round_of(all, room, &over) && all->closed == 0
                     ? TB_OK
                     : tb_fail(err, TB_EUNAVAILABLE, "a reader was refused");
        }
    }
    return rc;
}

static void print(const struct readers *all)
{
    (void)printf("{\"deliveries\":%" PRIu64 ",\"readers_dropped\":%" PRIu32
                 ",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"reader_timed\":%" PRIu64
                 ",\"reader_p50_ms\":%.2f,\"reader_p99_ms\":%.2f,\"reader_max_ms\":%.2f}\n",
                 all->total->n, all->closed, at_quantile_ms(all->total, 0.5),
                 at_quantile_ms(all->total, 0.99), (double)all->total->max_us / 1000.0, all->own->n,
                 at_quantile_ms(all->own, 0.5), at_quantile_ms(all->own, 0.99),
                 (double)all->own->max_us / 1000.0);
}

static enum tb_rc run(struct readers *all, char **argv, uint32_t workflows, char *room,
                      struct tb_error *err)
{
    struct epoll_event want = {.events = EPOLLIN, .data.u32 = STDIN};
    enum tb_rc rc =
        connect_all(all, (uint16_t)strtoul(argv[0], NULL, 10), argv[1], workflows, room, err);
    if (rc == TB_OK && epoll_ctl(all->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &want) != 0) {
        rc = tb_fail(err, TB_EINVAL, "standard input must be a pipe");
    }
    if (rc == TB_OK) {
        (void)printf("ready\n");
        (void)fflush(stdout);
        for (bool over = false; !over && round_of(all, room, &over);) {
        }
        print(all);
    }
    return rc;
}

enum tb_rc bench_sse(const struct tb_config *cfg, int argc, char **argv, struct tb_error *err)
{
    (void)cfg;
    (void)argc;
    struct readers all = {.n = (uint32_t)strtoul(argv[2], NULL, 10)};
    uint32_t workflows = (uint32_t)strtoul(argv[3], NULL, 10);
    struct rlimit files;
    if (all.n == 0 || all.n > READERS_MAX || workflows == 0) {
        return tb_fail(err, TB_EINVAL, "1 to %d readers, of at least one workflow", READERS_MAX);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    char *room = malloc(READ_BYTES);
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    all.total = calloc(1, sizeof *all.total);
    all.own = calloc(1, sizeof *all.own);
    all.all = calloc(all.n, sizeof *all.all);
    enum tb_rc rc = room && all.epoll >= 0 && all.total && all.own && all.all
                        ? run(&all, argv, workflows, room, err)
                        : tb_fail(err, TB_ENOMEM, "out of memory");
    free(room);
    free(all.total);
    free(all.own);
    free(all.all);
    return rc;
}
