/* The OpenAPI 3.1 document, from the table of operations: served, committed as docs/openapi.json,
 * and held against the server by the tests. */
#ifndef TB_GATEWAY_OPENAPI_H
#define TB_GATEWAY_OPENAPI_H

#include "common/base/buf.h"
#include "common/base/json_write.h"
#include "gateway/core/operations.h"

/* Appends the document; look at out->failed. */
void tb_openapi_write(tb_buf *out);

/* The schema of everything an operation takes, envelope included: what a tool's arguments are. */
void tb_openapi_arguments(struct tb_json *w, const struct tb_operation *op);

/* Paths that are no rows of the table of operations, as JSON; `methods` holds the operations of one
 * path. Other faces add theirs in openapi_extra.c. */
struct tb_openapi_path {
    const char *path;
    const char *methods;
};
extern const struct tb_openapi_path tb_openapi_paths[];
extern const size_t tb_openapi_npaths;
/* Named schemas that answers refer to, as JSON. */
struct tb_openapi_schema {
    const char *name;
    const char *schema;
};
extern const struct tb_openapi_schema tb_openapi_schemas[];
extern const size_t tb_openapi_nschemas;
/* The schema of an operation's answer. */
const char *tb_openapi_answer(const struct tb_operation *op);

#endif
