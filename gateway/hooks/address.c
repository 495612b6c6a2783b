#include "gateway/hooks/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct range {
    unsigned char bytes[16];
    unsigned bits;
};

#define V4(a, b, c, d, n)                                                                          \
    {                                                                                              \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n)                           \
    }

/* Not for the internet at large, though inside what is. */
static const struct range special[] = {
    V4(0, 0, 0, 0, 8),
    V4(10, 0, 0, 0, 8),
    V4(100, 64, 0, 0, 10),
    V4(127, 0, 0, 0, 8),
    V4(169, 254, 0, 0, 16),
    V4(172, 16, 0, 0, 12),
    V4(192, 0, 0, 0, 24),
    V4(192, 0, 2, 0, 24),
    V4(192, 88, 99, 0, 24),
    V4(192, 168, 0, 0, 16),
    V4(198, 18, 0, 0, 15),
    V4(198, 51, 100, 0, 24),
    V4(203, 0, 113, 0, 24),
    V4(224, 0, 0, 0, 4),
    V4(240, 0, 0, 0, 4),
    {{0x20, 0x01, 0x00}, 23},       /* 2001::/23: Teredo, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x3f, 0xff}, 20},             /* documentation */
};
static const struct range mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};
static const struct range nat64 = {{0, 0x64, 0xff, 0x9b}, 96};
static const struct range six_to_four = {{0x20, 0x02}, 16};
static const struct range global = {{0x20}, 3}; /* 2000::/3 */

static bool within(const unsigned char *address, const unsigned char *net, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(address, net, whole) != 0) {
        return false;
    }
    unsigned rest = bits % 8;
    unsigned mask = rest ? 0xffU << (8 - rest) & 0xffU : 0;
    return ((unsigned)(address[whole < 16 ? whole : 15] ^ net[whole < 16 ? whole : 15]) & mask) ==
           0;
}

static bool in(const unsigned char *address, const struct range *range)
{
    return within(address, range->bytes, range->bits);
}

static bool is_public(const unsigned char *address)
{
    for (size_t i = 0; i < TB_COUNT(special); i++) {
        if (in(address, &special[i])) {
            return false;
        }
    }
    return in(address, &mapped) || in(address, &global);
}

static bool to_bytes(const struct sockaddr *address, unsigned char out[16])
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        memcpy(out, mapped.bytes, 12);
        memcpy(out + 12, &v4.sin_addr, 4);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        memcpy(out, &v6.sin6_addr, 16);
        return true;
    }
    return false;
}

static bool allowed(const unsigned char *bytes, const struct tb_networks *besides)
{
    for (size_t i = 0; i < besides->n; i++) {
        if (within(bytes, besides->items[i].bytes, besides->items[i].bits)) {
            return true;
        }
    }
    unsigned char inner[16];
    memcpy(inner, mapped.bytes, 12);
    if (in(bytes, &nat64)) {
        memcpy(inner + 12, bytes + 12, 4);
        return is_public(inner);
    }
    if (in(bytes, &six_to_four)) {
        memcpy(inner + 12, bytes + 2, 4);
        return is_public(inner);
    }
    return is_public(bytes);
}

bool tb_address_allowed(const struct sockaddr *address, const struct tb_networks *besides)
{
    unsigned char bytes[16];
    return to_bytes(address, bytes) && allowed(bytes, besides);
}

/* ---- text ---- */

/* A literal address, IPv4 mapped; *ret_v4 tells which it was. */
static bool literal(const char *text, unsigned char out[16], bool *ret_v4)
{
    struct in_addr v4;
    *ret_v4 = inet_pton(AF_INET, text, &v4) == 1;
    if (*ret_v4) {
        memcpy(out, mapped.bytes, 12);
        memcpy(out + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, text, out) == 1;
}

static bool parse_network(tb_str text, unsigned char bytes[16], unsigned *ret_bits)
{
    char copy[64];
    bool v4;
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *slash = strchr(copy, '/');
    if (slash) {
        *slash++ = '\0';
    }
    if (!literal(copy, bytes, &v4)) {
        return false;
    }
    unsigned most = v4 ? 32 : 128;
    unsigned bits = most;
    if (slash) {
        char *end = NULL;
        unsigned long n = strtoul(slash, &end, 10);
        if (*slash < '0' || *slash > '9' || *end || n > most) {
            return false;
        }
        bits = (unsigned)n;
    }
    *ret_bits = bits + (v4 ? 96 : 0);
    return true;
}

enum tb_rc tb_networks_parse(tb_str text, struct tb_networks *ret, struct tb_error *err)
{
    struct tb_networks out = {0};
    size_t at = 0;
    while (at < text.len) {
        size_t from = at;
        while (at < text.len && text.ptr[at] != ',') {
            at++;
        }
        tb_str item = {text.ptr + from, at - from};
        at++;
        while (item.len && item.ptr[0] == ' ') {
            item = (tb_str){item.ptr + 1, item.len - 1};
        }
        while (item.len && item.ptr[item.len - 1] == ' ') {
            item.len--;
        }
        if (out.n == TB_NETWORKS_MAX ||
            !parse_network(item, out.items[out.n].bytes, &out.items[out.n].bits)) {
            return tb_fail(err, TB_EINVAL, "\"%.*s\" is not a network such as 10.1.0.0/16",
                           TB_ARG(item));
        }
        out.n++;
    }
    *ret = out;
    return TB_OK;
}

enum tb_rc tb_hook_url_check(tb_str url, const struct tb_networks *besides, struct tb_error *err)
{
    size_t scheme = tb_str_starts(url, "https://") ? 8 : tb_str_starts(url, "http://") ? 7 : 0;
    if (!scheme) {
        return tb_fail_field(err, TB_EINVAL, "url", "must begin with https:// or http://");
    }
    size_t end = scheme;
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#' || c == '\\') {
            return tb_fail_field(err, TB_EINVAL, "url",
                                 "must be ASCII without blanks, backslashes and fragment");
        }
    }
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?') {
        if (url.ptr[end++] == '@') {
            return tb_fail_field(err, TB_EINVAL, "url", "must name no user");
        }
    }
    tb_str host = {url.ptr + scheme, end - scheme};
    bool bracket = host.len && host.ptr[0] == '[';
    size_t len = 0;
    size_t from = bracket ? 1 : 0;
    while (from + len < host.len && host.ptr[from + len] != (bracket ? ']' : ':')) {
        len++;
    }
    if (len == 0 || len > 253) {
        return tb_fail_field(err, TB_EINVAL, "url", "must name a host");
    }
    char name[254];
    memcpy(name, host.ptr + from, len);
    name[len] = '\0';
    unsigned char bytes[16];
    bool v4;
    if (literal(name, bytes, &v4) && !allowed(bytes, besides)) {
        return tb_fail_field(err, TB_EINVAL, "url",
                             "leads to %s, which is not a public address "
                             "(TICKETBUS_WEBHOOK_NETWORKS allows others)",
                             name);
    }
    return TB_OK;
}
