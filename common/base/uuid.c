#include "common/base/uuid.h"

void tb_uuid_format(const struct tb_uuid *uuid, char out[TB_UUID_TEXT_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }
        *p++ = hex[uuid->bytes[i] >> 4];
        *p++ = hex[uuid->bytes[i] & 15];
    }
    *p = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

bool tb_uuid_parse(tb_str text, struct tb_uuid *ret)
{
    if (text.len != TB_UUID_TEXT_LEN) {
        return false;
    }
    struct tb_uuid uuid;
    size_t at = 0;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (text.ptr[at++] != '-') {
                return false;
            }
        }
        int high = nibble(text.ptr[at]);
        int low = nibble(text.ptr[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        uuid.bytes[i] = (unsigned char)(high << 4 | low);
        at += 2;
    }
    *ret = uuid;
    return true;
}

int tb_uuid_version(const struct tb_uuid *uuid)
{
    return uuid->bytes[6] >> 4;
}

int64_t tb_uuid_v7_ms(const struct tb_uuid *uuid)
{
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | uuid->bytes[i];
    }
    return ms;
}

struct tb_uuid tb_uuid_v7_from(int64_t unix_ms, const unsigned char random[10])
{
    struct tb_uuid uuid;
    for (int i = 0; i < 6; i++) {
        uuid.bytes[i] = (unsigned char)(unix_ms >> (40 - 8 * i));
    }
    memcpy(uuid.bytes + 6, random, 10);
    uuid.bytes[6] = (unsigned char)(0x70 | (uuid.bytes[6] & 0x0F));
    uuid.bytes[8] = (unsigned char)(0x80 | (uuid.bytes[8] & 0x3F));
    return uuid;
}
