/* What goes over the wire with a delivery (Standard Webhooks 1.0.0) and when. Pure. */
#ifndef TB_HOOKS_SIGN_H
#define TB_HOOKS_SIGN_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define TB_HOOK_SECRET_BYTES  32
#define TB_HOOK_SECRET_PREFIX "whsec_" /* then base64 */

/* Appends "v1,<base64 of HMAC-SHA256 over id.timestamp.payload>", for each secret given, with a
 * blank between: during a rotation either one convinces the receiver. A null secret is left out. */
void tb_hook_sign(tb_str id, int64_t timestamp_s, tb_str payload, tb_str secret, tb_str old_secret,
                  tb_buf *out);

#define TB_HOOK_STEPS_MAX 30

/* Seconds to wait after the first, second, … failure. */
struct tb_hook_schedule {
    size_t n;
    int64_t seconds[TB_HOOK_STEPS_MAX];
};
/* "5,30,120": ascending or not. TB_EINVAL. */
enum tb_rc tb_hook_schedule_parse(tb_str text, struct tb_hook_schedule *ret,
                                  struct tb_error *err) TB_MUST_USE;
/* Wait before the next attempt when `failures` of this round have failed, in ms, -1: give up.
 * random spreads it over 90 to 110 %. */
int64_t tb_hook_wait_ms(const struct tb_hook_schedule *schedule, int64_t failures, uint32_t random);

/* What an answer means. status 0: there was none. */
enum tb_hook_verdict {
    TB_HOOK_DONE,  /* 2xx */
    TB_HOOK_RETRY, /* anything else: redirects are not followed, they are failures */
    TB_HOOK_GONE,  /* 410: whoever runs the target wants no more */
};
enum tb_hook_verdict tb_hook_judge(int status);

#endif
