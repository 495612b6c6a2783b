#include "indexer/shell/deadletter.h"

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/utf8.h"
#include "common/crypto/crypto.h"

enum { LETTER_MAX = 8192, FLUSH_MS = 5000, REASON_MAX = 500 };

static void write_letter(tb_buf *buf, const struct tb_index_letter *letter)
{
    struct tb_uuid uuid = tb_uuid_v7_new();
    char id[TB_UUID_TEXT_LEN + 1];
    tb_uuid_format(&uuid, id);
    struct tb_json w = {.buf = buf};
    tb_str reason = tb_utf8_prefix(tb_str_of(letter->reason), REASON_MAX);
    tb_json_open(&w, '{');
    tb_json_key(&w, "specversion");
    tb_json_string(&w, TB_LIT("1.0"));
    tb_json_key(&w, "id");
    tb_json_string(&w, tb_str_of(id));
    tb_json_key(&w, "source");
    tb_json_string(&w, TB_LIT("/ticketbus/indexer"));
    tb_json_key(&w, "type");
    tb_json_string(&w, TB_LIT("ticket.index_failed"));
    tb_json_key(&w, "subject");
    tb_json_string(&w, letter->ticket_id);
    tb_json_key(&w, "time");
    tb_json_time(&w, tb_clock_wall_us());
    tb_json_key(&w, "datacontenttype");
    tb_json_string(&w, TB_LIT("application/json"));
    tb_json_key(&w, "data");
    tb_json_open(&w, '{');
    tb_json_key(&w, "version");
    tb_json_int(&w, letter->version);
    tb_json_key(&w, "chunk");
    tb_json_string(&w, letter->chunk);
    tb_json_key(&w, "stage");
    tb_json_string(&w, tb_str_of(letter->stage));
    tb_json_key(&w, "reason");
    tb_json_string(&w, tb_utf8_valid(reason) ? reason : TB_LIT("refused"));
    tb_json_close(&w, '}');
    tb_json_close(&w, '}');
}

enum tb_rc tb_index_letter_send(struct tb_producer *p, const char *topic,
                                const struct tb_index_letter *letter, struct tb_error *err)
{
    static const struct tb_header headers[] = {
        {"content-type",
         {"application/cloudevents+json", sizeof "application/cloudevents+json" - 1}},
    };
    tb_buf buf;
    tb_buf_init(&buf, LETTER_MAX);
    write_letter(&buf, letter);
    enum tb_rc rc = buf.failed ? tb_fail(err, TB_ENOMEM, "out of memory")
                               : tb_producer_send(p, topic, letter->ticket_id, tb_buf_str(&buf),
                                                  headers, TB_COUNT(headers), 0, err);
    tb_buf_dispose(&buf);
    return rc == TB_OK ? tb_producer_flush(p, FLUSH_MS, err) : rc;
}
