/* The board's files, held by the program itself (cmake/EmbedWeb.cmake). */
#ifndef TB_GATEWAY_WEB_H
#define TB_GATEWAY_WEB_H

#include <stddef.h>

struct tb_web_file {
    const char *name; /* as in gateway/web */
    const char *etag; /* quoted */
    const char *data;
    size_t size; /* bytes */
};
extern const struct tb_web_file tb_web_files[];
extern const size_t tb_web_nfiles;

#endif
