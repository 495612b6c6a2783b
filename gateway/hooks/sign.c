#include "gateway/hooks/sign.h"

#include "common/crypto/crypto.h"
#include "common/json/base64.h"

static void sign(tb_str content, tb_str secret, tb_buf *out)
{
    unsigned char mac[TB_SHA256_LEN];
    if (tb_str_is_null(secret)) {
        return;
    }
    tb_hmac_sha256(secret.ptr, secret.len, content.ptr, content.len, mac);
    if (out->len > 0) {
        tb_buf_add_char(out, ' ');
    }
    tb_buf_add_c(out, "v1,");
    tb_base64_encode((tb_str){(const char *)mac, sizeof mac}, out);
}

void tb_hook_sign(tb_str id, int64_t timestamp_s, tb_str payload, tb_str secret, tb_str old_secret,
                  tb_buf *out)
{
    tb_buf content;
    tb_buf_init(&content, id.len + payload.len + 32);
    tb_buf_add_str(&content, id);
    tb_buf_add_char(&content, '.');
    tb_buf_add_i64(&content, timestamp_s);
    tb_buf_add_char(&content, '.');
    tb_buf_add_str(&content, payload);
    sign(tb_buf_str(&content), secret, out);
    sign(tb_buf_str(&content), old_secret, out);
    out->failed = out->failed || content.failed;
    tb_buf_dispose(&content);
}

enum tb_rc tb_hook_schedule_parse(tb_str text, struct tb_hook_schedule *ret, struct tb_error *err)
{
    struct tb_hook_schedule out = {0};
    size_t at = 0;
    while (at < text.len && out.n < TB_HOOK_STEPS_MAX) {
        int64_t seconds = 0;
        size_t from = at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9' && at - from < 7) {
            seconds = seconds * 10 + (text.ptr[at++] - '0');
        }
        if (at == from || (at < text.len && text.ptr[at] != ',')) {
            break;
        }
        out.seconds[out.n++] = seconds;
        at++;
    }
    if (out.n == 0 || at != text.len + 1) {
        return tb_fail(err, TB_EINVAL, "is a list of up to %d numbers of seconds, such as 5,30,120",
                       TB_HOOK_STEPS_MAX);
    }
    *ret = out;
    return TB_OK;
}

int64_t tb_hook_wait_ms(const struct tb_hook_schedule *schedule, int64_t failures, uint32_t random)
{
    if (failures < 1 || (uint64_t)failures > schedule->n) {
        return -1;
    }
    int64_t ms = schedule->seconds[failures - 1] * 1000;
    return ms * 9 / 10 + ms / 5 * (int64_t)(random % 1000) / 1000;
}

enum tb_hook_verdict tb_hook_judge(int status)
{
    return status >= 200 && status < 300 ? TB_HOOK_DONE
           : status == 410               ? TB_HOOK_GONE
                                         : TB_HOOK_RETRY;
}
