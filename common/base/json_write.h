/* Writing JSON into a buffer: escaping and commas, nothing else. Reading is common/json's job.
 *
 *     struct tb_json w = {.buf = &buf};
 *     tb_json_open(&w, '{'); tb_json_key(&w, "id"); tb_json_string(&w, id); tb_json_close(&w, '}');
 */
#ifndef TB_BASE_JSON_WRITE_H
#define TB_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/str.h"

struct tb_json {
    tb_buf *buf;
    bool comma; /* the next value or key is preceded by one */
};

void tb_json_open(struct tb_json *w, char bracket);  /* '{' or '[' */
void tb_json_close(struct tb_json *w, char bracket); /* '}' or ']' */
/* name must need no escaping. */
void tb_json_key(struct tb_json *w, const char *name);
void tb_json_key_str(struct tb_json *w, tb_str name);
void tb_json_string(struct tb_json *w, tb_str s); /* null slice: null */
void tb_json_int(struct tb_json *w, int64_t value);
void tb_json_bool(struct tb_json *w, bool value);
void tb_json_null(struct tb_json *w);
void tb_json_time(struct tb_json *w, int64_t time_us); /* TB_TIME_NONE: null */
void tb_json_strings(struct tb_json *w, tb_strs list);
/* json must be one well-formed JSON value. */
void tb_json_raw(struct tb_json *w, tb_str json);

/* Appends one quoted, escaped string. */
void tb_json_str(tb_buf *buf, tb_str s);

#endif
