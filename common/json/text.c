/* Rules for texts from outside that are more than "a string". */
#include <errno.h>
#include <stdlib.h>

#include "common/base/utf8.h"
#include "common/base/uuid.h"
#include "common/json/internal.h"

bool tb_text_fits(tb_str s, size_t min, size_t max)
{
    if (s.len < min) {
        return false;
    }
    /* A character takes at least one byte: counting is needed for long or multi-byte text only. */
    if (s.len <= max && min <= 1) {
        return true;
    }
    size_t n = tb_utf8_count(s);
    return n >= min && n <= max;
}

/* C0, DEL and C1: invisible, and a trap in logs and terminals. */
static bool has_control(tb_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
        if (c == 0xC2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] < 0xA0) {
            return true;
        }
    }
    return false;
}

const char *tb_text_id_fault(tb_str s, size_t max)
{
    if (!s.len) {
        return "must not be empty";
    }
    if (!tb_text_fits(s, 1, max)) {
        return "is too long";
    }
    if (s.ptr[0] == ' ' || s.ptr[s.len - 1] == ' ') {
        return "must not begin or end with a blank";
    }
    return has_control(s) ? "must not contain control characters" : NULL;
}

bool tb_text_is_prefixed_uuid(tb_str s, const char *prefix)
{
    size_t n = strlen(prefix);
    if (s.len != n + TB_UUID_TEXT_LEN || memcmp(s.ptr, prefix, n) != 0) {
        return false;
    }
    for (size_t i = n; i < s.len; i++) {
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'F') {
            return false;
        }
    }
    struct tb_uuid uuid;
    return tb_uuid_parse((tb_str){s.ptr + n, TB_UUID_TEXT_LEN}, &uuid);
}

int64_t tb_text_natural(const struct tb_tree *value)
{
    if (value->kind == TB_TREE_INT) {
        return value->integer >= 0 ? value->integer : -1;
    }
    /* As many as the integer may have: what is read from a number is written as a string. */
    tb_str s = value->kind == TB_TREE_STRING ? value->text : TB_STR_NULL;
    bool decimal = s.len > 0 && s.len <= 19 && strspn(s.ptr, "0123456789") == s.len;
    errno = 0;
    int64_t n = decimal ? strtoll(s.ptr, NULL, 10) : -1;
    return errno == 0 ? n : -1;
}
