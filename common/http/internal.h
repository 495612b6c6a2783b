/* What the sources of this folder share. */
#ifndef TB_HTTP_INTERNAL_H
#define TB_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "common/http/http.h"

/* Makes the list anew; false without memory, or when a header is too long. */
bool tb_http_set_headers(struct curl_slist **list, const char *accept,
                         const struct tb_http_request *r);
/* All but headers, time limits and who takes the answer. False: the URL cannot be requested. */
bool tb_http_set_options(CURL *e, const struct tb_http_options *opt,
                         const struct tb_http_request *r);
void tb_http_describe(struct tb_http_answer *a, const char *url, const char *what,
                      struct tb_arena *arena);

#endif
