/* Hashes, signatures and identifiers: the only user of libcrypto. All functions are thread-safe.
 * A failure of libcrypto itself (out of memory) aborts: there is nothing sensible to go on with. */
#ifndef TB_CRYPTO_CRYPTO_H
#define TB_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"
#include "common/base/uuid.h"

#define TB_SHA256_LEN      32
#define TB_FINGERPRINT_LEN 32 /* hexadecimal digits */

struct tb_sha256; /* opaque; one per thread, reusable after final */

struct tb_sha256 *tb_sha256_new(void);
void tb_sha256_free(struct tb_sha256 *ctx);
void tb_sha256_init(struct tb_sha256 *ctx);
void tb_sha256_update(struct tb_sha256 *ctx, const void *data, size_t len);
void tb_sha256_final(struct tb_sha256 *ctx, unsigned char out[TB_SHA256_LEN]);
/* All at once. */
void tb_sha256_of(const void *data, size_t len, unsigned char out[TB_SHA256_LEN]);

void tb_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    unsigned char out[TB_SHA256_LEN]);
/* Takes the same time whatever differs. */
bool tb_equal_secret(const void *a, const void *b, size_t len);

/* Lower-case hexadecimal with NUL; out holds 2 * len + 1 bytes. */
void tb_hex(const void *data, size_t len, char *out);
/* Tells a record of a topic from another, as partition_watermarks.last_record keeps it. */
void tb_fingerprint(tb_str value, char out[TB_FINGERPRINT_LEN + 1]);
/* False when text is not exactly 2 * len hexadecimal digits. */
bool tb_unhex(tb_str text, void *out, size_t len);

void tb_random(void *out, size_t len);
/* Time-ordered, for new ids. */
struct tb_uuid tb_uuid_v7_new(void);
/* Name-based (RFC 9562, version 5): the same name always gives the same id. */
struct tb_uuid tb_uuid_v5(const struct tb_uuid *ns, const void *name, size_t len);
/* The namespace of ids derived by this product. */
extern const struct tb_uuid tb_uuid_namespace;

#endif
