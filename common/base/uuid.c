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

/* 16 + value of a hexadecimal digit; 0: it is none. */
static const unsigned char nibbles[256] = {
    ['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20, ['5'] = 21, ['6'] = 22, ['7'] = 23,
    ['8'] = 24, ['9'] = 25, ['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
    ['A'] = 26, ['B'] = 27, ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31,
};

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
        unsigned high = nibbles[(unsigned char)text.ptr[at]];
        unsigned low = nibbles[(unsigned char)text.ptr[at + 1]];
        if (!high || !low) {
            return false;
        }
        uuid.bytes[i] = (unsigned char)((high & 15) << 4 | (low & 15));
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

bool tb_uuid_is_end(tb_str text)
{
    if (text.len < 4 || text.len > TB_UUID_TEXT_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-')) {
            return false;
        }
    }
    return true;
}
