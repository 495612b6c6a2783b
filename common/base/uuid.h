/* UUID text and layout (RFC 9562). Making random or name-based ones is common/crypto's job. */
#ifndef TB_BASE_UUID_H
#define TB_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/str.h"

#define TB_UUID_TEXT_LEN 36

struct tb_uuid {
    unsigned char bytes[16];
};

/* Writes 36 lower-case characters and a NUL. */
void tb_uuid_format(const struct tb_uuid *uuid, char out[TB_UUID_TEXT_LEN + 1]);
/* Accepts the 36-character form in either case. */
bool tb_uuid_parse(tb_str text, struct tb_uuid *ret);
/* May be the end of one, of four lower-case characters or more, as people shorten ids. */
bool tb_uuid_is_end(tb_str text);
/* Version nibble, 1-8 for defined ones. */
int tb_uuid_version(const struct tb_uuid *uuid);
/* Milliseconds since 1970 inside a version 7 UUID. */
int64_t tb_uuid_v7_ms(const struct tb_uuid *uuid);
/* Lays out a version 7 UUID from a time and 10 random bytes. */
struct tb_uuid tb_uuid_v7_from(int64_t unix_ms, const unsigned char random[10]);

#endif
