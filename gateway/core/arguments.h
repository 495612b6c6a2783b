/* Parameters of an operation, wherever they come from, as one JSON object: pure. */
#ifndef TB_GATEWAY_ARGUMENTS_H
#define TB_GATEWAY_ARGUMENTS_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/httpd/query.h"
#include "gateway/core/operations.h"

/* One object of a request's path parameters, query string and body (null: none). Texts of path and
 * query become what their field's kind wants: numbers, booleans, lists (repeated, or by commas).
 * What has no field is kept as a string, for the decoder to refuse by name. TB_EINVAL names the
 * field. */
enum tb_rc tb_arguments(const struct tb_operation *op, const struct tb_route *route,
                        const struct tb_query *query, tb_str body, struct tb_arena *arena,
                        tb_str *ret, struct tb_error *err) TB_MUST_USE;

/* A command's parameters taken apart: the envelope's fields, and all the others (rationale
 * included) as the data of the command. */
enum tb_rc tb_arguments_split(const struct tb_operation *op, tb_str json, struct tb_arena *arena,
                              struct tb_envelope_params *ret, tb_str *ret_data,
                              struct tb_error *err) TB_MUST_USE;

#endif
