/* Base64 with padding (RFC 4648, section 4). */
#ifndef TB_JSON_BASE64_H
#define TB_JSON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/str.h"

void tb_base64_encode(tb_str bytes, tb_buf *out);
/* Decodes into out, which has room bytes; padding may be left out. False when text is not base64 or
 * does not fit. */
bool tb_base64_decode(tb_str text, void *out, size_t room, size_t *ret_len);

#endif
