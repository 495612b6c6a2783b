#include "common/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"

struct tb_sha256 {
    EVP_MD_CTX *md;
};

const struct tb_uuid tb_uuid_namespace = {{0x7b, 0x1d, 0x5c, 0x4e, 0x2f, 0x90, 0x4a, 0x6b, 0x9c,
                                           0x33, 0x51, 0x8e, 0xd7, 0x04, 0xa2, 0x6f}};

static void must(int ok)
{
    if (ok != 1) {
        abort();
    }
}

/* Looked up once: OpenSSL 3 otherwise searches its providers at every digest. */
static const EVP_MD *md_sha1;
static const EVP_MD *md_sha256;
static pthread_once_t mds_once = PTHREAD_ONCE_INIT;

static void find_mds(void)
{
    md_sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    md_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(md_sha1 && md_sha256);
}

static const EVP_MD *sha1(void)
{
    (void)pthread_once(&mds_once, find_mds);
    return md_sha1;
}

static const EVP_MD *sha256(void)
{
    (void)pthread_once(&mds_once, find_mds);
    return md_sha256;
}

struct tb_sha256 *tb_sha256_new(void)
{
    struct tb_sha256 *ctx = calloc(1, sizeof *ctx);
    if (ctx) {
        ctx->md = EVP_MD_CTX_new();
    }
    must(ctx && ctx->md);
    return ctx;
}

void tb_sha256_free(struct tb_sha256 *ctx)
{
    if (ctx) {
        EVP_MD_CTX_free(ctx->md);
        free(ctx);
    }
}

void tb_sha256_init(struct tb_sha256 *ctx)
{
    must(EVP_DigestInit_ex(ctx->md, sha256(), NULL));
}

void tb_sha256_update(struct tb_sha256 *ctx, const void *data, size_t len)
{
    must(EVP_DigestUpdate(ctx->md, data, len));
}

void tb_sha256_final(struct tb_sha256 *ctx, unsigned char out[TB_SHA256_LEN])
{
    unsigned n = 0;
    must(EVP_DigestFinal_ex(ctx->md, out, &n));
}

void tb_sha256_of(const void *data, size_t len, unsigned char out[TB_SHA256_LEN])
{
    unsigned n = 0;
    must(EVP_Digest(data, len, out, &n, sha256(), NULL));
}

void tb_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                    unsigned char out[TB_SHA256_LEN])
{
    unsigned n = 0;
    must(HMAC(sha256(), key, (int)key_len, data, len, out, &n) != NULL);
}

bool tb_equal_secret(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void tb_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void tb_fingerprint(tb_str value, char out[TB_FINGERPRINT_LEN + 1])
{
    unsigned char digest[TB_SHA256_LEN];
    tb_sha256_of(value.ptr, value.len, digest);
    tb_hex(digest, TB_FINGERPRINT_LEN / 2, out);
}

bool tb_unhex(tb_str text, void *out, size_t len)
{
    if (text.len != 2 * len) {
        return false;
    }
    unsigned char *p = out;
    for (size_t i = 0; i < len; i++) {
        int high = nibble(text.ptr[2 * i]);
        int low = nibble(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        p[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void tb_random(void *out, size_t len)
{
    must(RAND_bytes(out, (int)len));
}

struct tb_uuid tb_uuid_v7_new(void)
{
    unsigned char random[10];
    tb_random(random, sizeof random);
    return tb_uuid_v7_from(tb_clock_wall_us() / 1000, random);
}

struct tb_uuid tb_uuid_v5(const struct tb_uuid *ns, const void *name, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    must(md != NULL);
    must(EVP_DigestInit_ex(md, sha1(), NULL));
    must(EVP_DigestUpdate(md, ns->bytes, sizeof ns->bytes));
    must(EVP_DigestUpdate(md, name, len));
    must(EVP_DigestFinal_ex(md, digest, &n));
    EVP_MD_CTX_free(md);
    struct tb_uuid uuid;
    memcpy(uuid.bytes, digest, sizeof uuid.bytes);
    uuid.bytes[6] = (unsigned char)(0x50 | (uuid.bytes[6] & 0x0F));
    uuid.bytes[8] = (unsigned char)(0x80 | (uuid.bytes[8] & 0x3F));
    return uuid;
}
