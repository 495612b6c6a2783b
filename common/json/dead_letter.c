/* Dead letters: what could neither be applied nor answered, kept with the reason. */
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/json/base64.h"
#include "common/json/event.h"

#define MAX_KEY_BYTES 1000
/* What follows the original, and its name. */
#define END_BYTES 64

static void text(struct tb_json *w, const char *name, tb_str value)
{
    tb_json_key(w, name);
    tb_json_string(w, value);
}

/* Bytes as a string where they are one, else in base64 under another name. */
static void bytes(struct tb_json *w, const char *name, const char *name64, tb_str value)
{
    if (tb_utf8_valid(value)) {
        text(w, name, value);
        return;
    }
    tb_json_key(w, name64);
    tb_buf_add_char(w->buf, '"');
    tb_base64_encode(value, w->buf);
    tb_buf_add_char(w->buf, '"');
    w->comma = true;
}

/* Bytes a string takes when written as JSON. */
static size_t written(tb_str s, size_t limit, size_t *ret_fits)
{
    size_t n = 2;
    *ret_fits = s.len;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n += c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
        if (n > limit && *ret_fits == s.len) {
            *ret_fits = i;
        }
    }
    return n;
}

static tb_str cut(tb_str original, size_t room)
{
    size_t fits;
    if (!tb_utf8_valid(original)) {
        size_t raw = room / 4 * 3;
        return original.len > raw ? (tb_str){original.ptr, raw} : original;
    }
    return written(original, room, &fits) > room ? tb_utf8_prefix(original, fits) : original;
}

void tb_dead_letter_render(const struct tb_dead_letter *l, size_t max_bytes, tb_buf *out)
{
    size_t start = out->len;
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    text(&w, "specversion", TB_LIT("1.0"));
    text(&w, "id", l->id);
    text(&w, "source", TB_LIT(TB_EVENT_SOURCE));
    text(&w, "type", TB_LIT("ticketbus.deadletter"));
    if (l->subject.ptr) {
        text(&w, "subject", l->subject);
    }
    tb_json_key(&w, "time");
    tb_json_time(&w, l->time_us);
    text(&w, "datacontenttype", TB_LIT("application/json"));
    tb_json_key(&w, "data");
    tb_json_open(&w, '{');
    text(&w, "code", tb_str_of(tb_rejection_code(l->rejection)));
    text(&w, "field", l->field.len ? l->field : TB_STR_NULL);
    text(&w, "message", l->message);
    text(&w, "topic", l->topic);
    tb_json_key(&w, "partition");
    tb_json_int(&w, l->partition);
    tb_json_key(&w, "offset");
    tb_json_int(&w, l->offset);
    if (l->key.ptr) {
        bytes(&w, "key", "key_base64", tb_utf8_prefix(l->key, MAX_KEY_BYTES));
    } else {
        text(&w, "key", TB_STR_NULL);
    }
    tb_json_key(&w, "original_bytes");
    tb_json_int(&w, (int64_t)l->original.len);
    size_t used = out->len - start + END_BYTES;
    tb_str original = cut(l->original, max_bytes > used ? max_bytes - used : 0);
    if (original.ptr) {
        bytes(&w, "original", "original_base64", original);
    } else {
        text(&w, "original", TB_STR_NULL);
    }
    tb_json_key(&w, "truncated");
    tb_json_bool(&w, original.len < l->original.len);
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}
