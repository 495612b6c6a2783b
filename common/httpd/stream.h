/* Streams as the server sees them. */
#ifndef TB_HTTPD_STREAM_H
#define TB_HTTPD_STREAM_H

#include <stdbool.h>

struct tb_httpd;
struct tb_httpd_stream;

/* Ends all streams, with what is pending or (cut) without. */
void tb_httpd_end_streams(struct tb_httpd *httpd, bool cut);
/* The request of the stream is over: its connection must not be touched any more. */
void tb_httpd_stream_leave(struct tb_httpd_stream *stream);

#endif
