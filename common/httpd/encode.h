/* Compressed answers: what a client takes, the bytes, and the entity tags of both forms. Pure.
 *
 * The compressed form of an answer with the tag "12" has the tag "12-gzip": a tag is that of one
 * form (RFC 9110, 8.8.3.3), and both name the same state of the thing. */
#ifndef TB_HTTPD_ENCODE_H
#define TB_HTTPD_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"

#define TB_GZIP_TAG "-gzip" /* before the closing quote */

/* Whether Accept-Encoding (null: none) asks for gzip rather than for the bytes as they are. */
bool tb_accepts_gzip(tb_str accept_encoding);

/* What stands between the quotes of a strong tag, without what marks a form; null when it is no
 * such tag. */
tb_str tb_etag_state(tb_str etag);
/* Whether If-None-Match (null: no) names the state of this tag, in whatever form. */
bool tb_etag_matches(tb_str if_none_match, tb_str etag);

/* malloc'ed; NULL without memory. */
void *tb_gzip(tb_str body, size_t *ret_len);

#endif
