/* Answers. */
#include "common/httpd/internal.h"

bool tb_httpd_add_headers(struct MHD_Response *response, const struct tb_httpd_response *res)
{
    bool good = true;
    if (res->content_type) {
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type) ==
               MHD_YES;
    }
    struct tb_arena *arena = res->nheaders > 0 ? tb_arena_new(0) : NULL;
    for (size_t i = 0; good && i < res->nheaders; i++) {
        tb_str value = tb_arena_str(arena, res->headers[i].value);
        if (tb_str_is_null(res->headers[i].value)) {
            continue;
        }
        /* MHD refuses line breaks; a NUL would cut the value. */
        good = value.ptr && strlen(value.ptr) == value.len &&
               (value.len == 0 ||
                MHD_add_response_header(response, res->headers[i].name, value.ptr) == MHD_YES);
    }
    tb_arena_free(arena);
    return good;
}

struct MHD_Response *tb_httpd_make_response(const struct tb_httpd_response *res)
{
    enum MHD_ResponseMemoryMode mode =
        res->body_is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY;
    union {
        const char *ours;
        void *theirs; /* MHD does not write to it */
    } body = {.ours = res->body.ptr};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(res->body.len, body.theirs, mode);
    if (response && !tb_httpd_add_headers(response, res)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

void tb_httpd_respond(struct tb_httpd_request *req, const struct tb_httpd_response *res)
{
    static const struct tb_httpd_response failed = {.status = 500};
    struct tb_httpd *httpd = req->httpd;
    struct MHD_Response *response = tb_httpd_make_response(res);
    int status = response ? res->status : failed.status;
    if (!response) {
        response = tb_httpd_make_response(&failed);
    }
    (void)pthread_mutex_lock(&httpd->lock);
    bool owed = tb_httpd_take(req);
    (void)pthread_mutex_unlock(&httpd->lock);
    if (owed) {
        /* Held until after the waking: it is ours until we let go. */
        tb_httpd_give(req, status, response, NULL);
    } else if (response) {
        MHD_destroy_response(response); /* the server has stopped and answered itself */
    }
    tb_httpd_request_unref(req);
}
