/* Where a webhook may lead: no address that only those inside can reach. Pure.
 *
 * Judged is the very address a connection is about to be made to, after names were resolved, so
 * that a name that resolves differently a moment later gains nothing. IPv6 addresses that carry an
 * IPv4 one are judged by it. Lists: IANA special-purpose address registries. */
#ifndef TB_HOOKS_ADDRESS_H
#define TB_HOOKS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/base/str.h"

#define TB_NETWORKS_MAX 32

struct tb_networks {
    size_t n;
    struct {
        unsigned char bytes[16]; /* IPv4: mapped into IPv6 */
        unsigned bits;           /* of 128 */
    } items[TB_NETWORKS_MAX];
};
/* "10.1.0.0/16, fd00::/8, 127.0.0.1"; empty: none. TB_EINVAL names the first that is wrong. */
enum tb_rc tb_networks_parse(tb_str text, struct tb_networks *ret,
                             struct tb_error *err) TB_MUST_USE;

/* Anybody's address on the internet, or in one of the networks allowed besides. */
bool tb_address_allowed(const struct sockaddr *address, const struct tb_networks *besides);

/* http or https, a host, no user and no fragment; a literal address is judged at once. TB_EINVAL
 * says what is wrong with it. */
enum tb_rc tb_hook_url_check(tb_str url, const struct tb_networks *besides,
                             struct tb_error *err) TB_MUST_USE;

#endif
