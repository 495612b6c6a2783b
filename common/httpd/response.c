/* Answers. */
#include <stdlib.h>
#include <strings.h>

#include "common/httpd/encode.h"
#include "common/httpd/internal.h"

static bool is_named(const struct tb_httpd_header *header, const char *name)
{
    return strcasecmp(header->name, name) == 0;
}

/* The tag of the compressed form, where it is a strong one. */
static tb_str zipped_tag(tb_str tag, struct tb_arena *arena)
{
    tb_str state = tb_etag_state(tag);
    return tb_str_is_null(state) ? tb_arena_str(arena, tag)
                                 : tb_arena_printf(arena, "\"%.*s" TB_GZIP_TAG "\"", TB_ARG(state));
}

bool tb_httpd_add_headers(struct MHD_Response *response, const struct tb_httpd_response *res,
                          bool zipped)
{
    bool good = true;
    if (res->content_type) {
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, res->content_type) ==
               MHD_YES;
    }
    struct tb_arena *arena = res->nheaders > 0 ? tb_arena_new(0) : NULL;
    for (size_t i = 0; good && i < res->nheaders; i++) {
        const struct tb_httpd_header *h = &res->headers[i];
        if (tb_str_is_null(h->value)) {
            continue;
        }
        bool tag = zipped && is_named(h, MHD_HTTP_HEADER_ETAG);
        tb_str value = tag ? zipped_tag(h->value, arena) : tb_arena_str(arena, h->value);
        /* MHD refuses line breaks; a NUL would cut the value. */
        good = value.ptr && strlen(value.ptr) == value.len &&
               (value.len == 0 || MHD_add_response_header(response, h->name, value.ptr) == MHD_YES);
    }
    tb_arena_free(arena);
    return good;
}

/* Texts become a fraction of their size, pictures do not. */
static bool is_text(const char *type)
{
    static const char *const kinds[] = {"text/", "application/json", "application/problem+json",
                                        "image/svg+xml"};
    for (size_t i = 0; type && i < TB_COUNT(kinds); i++) {
        if (strncasecmp(type, kinds[i], strlen(kinds[i])) == 0) {
            return strncasecmp(type, "text/event-stream", 17) != 0;
        }
    }
    return false;
}

/* Whether what goes out depends on what encodings the client takes. */
static bool may_zip(const struct tb_httpd_request *req, const struct tb_httpd_response *res)
{
    size_t min = req ? req->httpd->opt.gzip_min : 0;
    for (size_t i = 0; i < res->nheaders; i++) {
        if (is_named(&res->headers[i], MHD_HTTP_HEADER_CONTENT_ENCODING)) {
            return false;
        }
    }
    return min > 0 && res->body.len >= min && is_text(res->content_type);
}

static struct MHD_Response *from_bytes(const struct tb_httpd_response *res)
{
    enum MHD_ResponseMemoryMode mode =
        res->body_is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY;
    union {
        const char *ours;
        void *theirs; /* MHD does not write to it */
    } body = {.ours = res->body.ptr};
    return MHD_create_response_from_buffer(res->body.len, body.theirs, mode);
}

/* NULL: not worth it, or no memory for it. */
static struct MHD_Response *from_gzip(const struct tb_httpd_response *res)
{
    size_t len = 0;
    void *bytes = tb_gzip(res->body, &len);
    struct MHD_Response *response =
        bytes && len < res->body.len
            ? MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE)
            : NULL;
    if (!response) {
        free(bytes);
        return NULL;
    }
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip") != MHD_YES) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

struct MHD_Response *tb_httpd_make_response(const struct tb_httpd_request *req,
                                            const struct tb_httpd_response *res)
{
    bool varies = may_zip(req, res);
    bool unchanged = res->status == MHD_HTTP_NOT_MODIFIED && req && req->httpd->opt.gzip_min > 0;
    bool takes = req && req->takes_gzip;
    struct MHD_Response *response = varies && takes ? from_gzip(res) : NULL;
    /* A client that asks about the compressed form is answered about that. */
    bool zipped = response || (unchanged && takes && req->names_gzip);
    response = response ? response : from_bytes(res);
    bool fine = response && tb_httpd_add_headers(response, res, zipped);
    if (fine && (varies || unchanged)) {
        fine =
            MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept-Encoding") == MHD_YES;
    }
    if (response && !fine) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return response;
}

void tb_httpd_respond(struct tb_httpd_request *req, const struct tb_httpd_response *res)
{
    static const struct tb_httpd_response failed = {.status = 500};
    struct tb_httpd *httpd = req->httpd;
    struct MHD_Response *response = tb_httpd_make_response(req, res);
    int status = response ? res->status : failed.status;
    if (!response) {
        response = tb_httpd_make_response(NULL, &failed);
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
