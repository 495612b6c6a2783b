#include "gateway/core/openapi.h"

#include <stdio.h>
#include <string.h>

#include "common/json/gen/schema.h"
#include "common/model/ticket.h"

static void text(struct tb_json *w, const char *name, const char *value)
{
    tb_schema_text(w, name, value);
}

static void raw(struct tb_json *w, const char *name, const char *json)
{
    tb_json_key(w, name);
    tb_json_raw(w, tb_str_of(json));
}

static void ref(struct tb_json *w, const char *kind, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "#/components/%s/%s", kind, name);
    text(w, "$ref", path);
}

static bool in_path(const struct tb_operation *op, const char *name)
{
    char braces[80];
    (void)snprintf(braces, sizeof braces, "{%s}", name);
    return strstr(op->path, braces) != NULL;
}

/* ---- what an operation takes ---- */

/* Fields in the object; those of the path are left out where they are told apart. */
static void write_object(struct tb_json *w, const struct tb_operation *op, bool with_path)
{
    const struct tb_record *rec = tb_operation_params(op);
    const struct tb_record *env = &tb_envelope_record;
    bool command = op->kind == TB_OP_COMMAND;
    text(w, "type", "object");
    tb_json_key(w, "required");
    tb_json_open(w, '[');
    for (unsigned i = 0; command && i <= TB_ENVELOPE_WORKFLOW_ID; i++) {
        if (tb_operation_takes(op, i) && (with_path || !in_path(op, env->fields[i].name))) {
            tb_json_string(w, tb_str_of(env->fields[i].name));
        }
    }
    for (size_t i = 0; i < rec->nfields; i++) {
        if ((rec->fields[i].flags & TB_REQUIRED) &&
            (with_path || !in_path(op, rec->fields[i].name))) {
            tb_json_string(w, tb_str_of(rec->fields[i].name));
        }
    }
    tb_json_close(w, ']');
    tb_json_key(w, "properties");
    tb_json_open(w, '{');
    for (unsigned i = 0; command && i < env->nfields; i++) {
        if (tb_operation_takes(op, i) && (with_path || !in_path(op, env->fields[i].name))) {
            tb_json_key(w, env->fields[i].name);
            tb_schema_field(w, &env->fields[i]);
        }
    }
    for (size_t i = 0; i < rec->nfields; i++) {
        if (with_path || !in_path(op, rec->fields[i].name)) {
            tb_json_key(w, rec->fields[i].name);
            tb_schema_field(w, &rec->fields[i]);
        }
    }
    tb_json_close(w, '}');
    tb_json_key(w, "additionalProperties");
    tb_json_bool(w, false);
}

void tb_openapi_arguments(struct tb_json *w, const struct tb_operation *op)
{
    tb_json_open(w, '{');
    write_object(w, op, true);
    tb_json_close(w, '}');
}

static void parameter(struct tb_json *w, const struct tb_field *f, bool path)
{
    tb_json_open(w, '{');
    text(w, "name", f->name);
    text(w, "in", path ? "path" : "query");
    text(w, "description", f->doc);
    tb_json_key(w, "required");
    tb_json_bool(w, path || (f->flags & TB_REQUIRED));
    tb_json_key(w, "schema");
    tb_schema_field(w, f);
    tb_json_close(w, '}');
}

/* Queries whose answer is of one version. */
static bool is_tagged(const struct tb_operation *op)
{
    return op == &tb_operations[TB_OP_GET_TICKET] || op == &tb_operations[TB_OP_GET_BOARD];
}

static void header_parameters(struct tb_json *w, const struct tb_operation *op)
{
    static const char *const command[] = {"Agent", "AgentType", "IdempotencyKey", "IfMatch",
                                          "Prefer"};
    for (size_t i = 0; op->kind == TB_OP_COMMAND && i < TB_COUNT(command); i++) {
        tb_json_open(w, '{');
        ref(w, "parameters", command[i]);
        tb_json_close(w, '}');
    }
    if (is_tagged(op)) {
        tb_json_open(w, '{');
        ref(w, "parameters", "IfNoneMatch");
        tb_json_close(w, '}');
    }
}

static void parameters(struct tb_json *w, const struct tb_operation *op)
{
    const struct tb_record *rec = tb_operation_params(op);
    bool get = strcmp(op->method, "GET") == 0;
    tb_json_key(w, "parameters");
    tb_json_open(w, '[');
    for (size_t i = 0; i < rec->nfields; i++) {
        bool path = in_path(op, rec->fields[i].name);
        if (path || get) {
            parameter(w, &rec->fields[i], path);
        }
    }
    for (size_t i = 0; op->kind == TB_OP_COMMAND && i < tb_envelope_record.nfields; i++) {
        if (in_path(op, tb_envelope_record.fields[i].name)) {
            parameter(w, &tb_envelope_record.fields[i], true);
        }
    }
    header_parameters(w, op);
    tb_json_close(w, ']');
}

/* ---- what it answers ---- */

/* Headers of an answer, by name. */
struct header {
    const char *name;
    const char *description;
};

static void headers(struct tb_json *w, const struct header *all, size_t n)
{
    tb_json_key(w, "headers");
    tb_json_open(w, '{');
    for (size_t i = 0; i < n; i++) {
        tb_json_key(w, all[i].name);
        tb_json_open(w, '{');
        text(w, "description", all[i].description);
        raw(w, "schema", "{\"type\":\"string\"}");
        tb_json_close(w, '}');
    }
    tb_json_close(w, '}');
}

#define ETAG                                                                                       \
    {                                                                                              \
        "ETag", "The version; that of the compressed form ends in -gzip, and If-Match takes both." \
    }

/* schema NULL: without a body. */
static void answer(struct tb_json *w, const char *status, const char *description,
                   const char *schema, const struct header *with, size_t n)
{
    tb_json_key(w, status);
    tb_json_open(w, '{');
    text(w, "description", description);
    if (n) {
        headers(w, with, n);
    }
    if (schema) {
        tb_json_key(w, "content");
        tb_json_open(w, '{');
        tb_json_key(w, "application/json");
        tb_json_open(w, '{');
        tb_json_key(w, "schema");
        tb_json_open(w, '{');
        ref(w, "schemas", schema);
        tb_json_close(w, '}');
        tb_json_close(w, '}');
        tb_json_close(w, '}');
    }
    tb_json_close(w, '}');
}

static void problems(struct tb_json *w, const struct tb_operation *op)
{
    static const struct {
        const char *status;
        const char *name;
        bool of_commands;
    } all[] = {
        {"400", "BadRequest", false},   {"401", "Unauthorized", false},
        {"403", "Forbidden", false},    {"404", "NotFound", false},
        {"409", "Refused", true},       {"412", "PreconditionFailed", true},
        {"413", "TooLarge", false},     {"415", "NotJson", false},
        {"422", "NotValid", false},     {"429", "TooMany", false},
        {"503", "NotAvailable", false},
    };
    for (size_t i = 0; i < TB_COUNT(all); i++) {
        if (all[i].of_commands && op->kind != TB_OP_COMMAND) {
            continue;
        }
        tb_json_key(w, all[i].status);
        tb_json_open(w, '{');
        ref(w, "responses", all[i].name);
        tb_json_close(w, '}');
    }
}

static void responses(struct tb_json *w, const struct tb_operation *op)
{
    const char *schema = tb_openapi_answer(op);
    tb_json_key(w, "responses");
    tb_json_open(w, '{');
    if (op->kind == TB_OP_COMMAND) {
        static const struct header done[] = {ETAG, {"Location", "Where the new ticket is."}};
        static const struct header open[] = {{"Location", "Where to ask for its outcome."}};
        bool create = op->command == TB_CMD_CREATE;
        answer(w, create ? "201" : "200", "Done, and what came of it.", schema, done,
               create ? 2 : 1);
        answer(w, "202", "Not known yet; Location says where to ask.", "PendingCommand", open, 1);
    } else {
        static const struct header tagged[] = {ETAG};
        answer(w, "200", "What was asked for.", schema, tagged, is_tagged(op));
        if (is_tagged(op)) {
            answer(w, "304", "Unchanged since that version.", NULL, tagged, 1);
        }
    }
    problems(w, op);
    tb_json_close(w, '}');
}

/* ---- the document ---- */

static void operation(struct tb_json *w, const struct tb_operation *op)
{
    char method[8] = "";
    for (size_t i = 0; op->method[i] && i < sizeof method - 1; i++) {
        method[i] = (char)(op->method[i] | 0x20);
    }
    tb_json_key(w, method);
    tb_json_open(w, '{');
    text(w, "operationId", op->name);
    text(w, "summary", op->title);
    text(w, "description", op->doc);
    text(w, "x-scope",
         op->scope == TB_SCOPE_READ    ? "read"
         : op->scope == TB_SCOPE_WRITE ? "write"
                                       : "admin");
    parameters(w, op);
    if (strcmp(op->method, "GET") != 0) {
        tb_json_key(w, "requestBody");
        tb_json_open(w, '{');
        raw(w, "required", "true");
        tb_json_key(w, "content");
        tb_json_open(w, '{');
        tb_json_key(w, "application/json");
        tb_json_open(w, '{');
        tb_json_key(w, "schema");
        tb_json_open(w, '{');
        write_object(w, op, false);
        tb_json_close(w, '}');
        tb_json_close(w, '}');
        tb_json_close(w, '}');
        tb_json_close(w, '}');
    }
    responses(w, op);
    tb_json_close(w, '}');
}

static bool first_of_its_path(size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(tb_operations[i].path, tb_operations[at].path) == 0) {
            return false;
        }
    }
    return true;
}

static void paths(struct tb_json *w)
{
    tb_json_key(w, "paths");
    tb_json_open(w, '{');
    for (size_t i = 0; i < TB_OP_COUNT_; i++) {
        if (!first_of_its_path(i)) {
            continue;
        }
        tb_json_key(w, tb_operations[i].path);
        tb_json_open(w, '{');
        for (size_t k = i; k < TB_OP_COUNT_; k++) {
            if (strcmp(tb_operations[k].path, tb_operations[i].path) == 0) {
                operation(w, &tb_operations[k]);
            }
        }
        tb_json_close(w, '}');
    }
    for (size_t i = 0; i < tb_openapi_npaths; i++) {
        raw(w, tb_openapi_paths[i].path, tb_openapi_paths[i].methods);
    }
    tb_json_close(w, '}');
}

/* The ticket's columns, from the model's table. */
static void ticket_schema(struct tb_json *w)
{
    tb_json_key(w, "Ticket");
    tb_json_open(w, '{');
    text(w, "description", "A ticket; lists show the columns asked for.");
    text(w, "type", "object");
    raw(w, "required", "[\"ticket_id\",\"version\"]");
    tb_json_key(w, "properties");
    tb_json_open(w, '{');
    raw(w, "ticket_id", "{\"type\":\"string\"}");
    raw(w, "version",
        "{\"type\":\"integer\",\"description\":\"Number of events so far; the ETag.\"}");
    for (size_t f = 0; f < TB_TICKET_FIELDS_; f++) {
        static const char *const kinds[] = {
            [TB_VALUE_STR] = "{\"type\":[\"string\",\"null\"]",
            [TB_VALUE_BOOL] = "{\"type\":\"boolean\"",
            [TB_VALUE_TIME] = "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"",
            [TB_VALUE_STRS] = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}",
        };
        tb_json_key(w, tb_ticket_fields[f].name);
        tb_buf_add_c(w->buf, kinds[tb_ticket_fields[f].kind]);
        tb_buf_add_c(w->buf, ",\"description\":");
        tb_json_str(w->buf, tb_str_of(tb_ticket_fields[f].doc));
        tb_buf_add_char(w->buf, '}');
        w->comma = true;
    }
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

static void components(struct tb_json *w)
{
    static const struct {
        const char *name;
        const char *description;
        struct header with;
    } bad[] = {
        {"BadRequest", "The request cannot be read.", {NULL, NULL}},
        {"Unauthorized", "No token, or none that counts.", {"WWW-Authenticate", "Bearer"}},
        {"Forbidden", "The token, or the board, does not allow it.", {NULL, NULL}},
        {"NotFound", "There is no such thing, or the token must not see it.", {NULL, NULL}},
        {"Refused", "The board's rules refuse it; code and detail say why.", {NULL, NULL}},
        {"PreconditionFailed", "The ticket has changed since that version.", {NULL, NULL}},
        {"TooLarge", "More than may be sent.", {NULL, NULL}},
        {"Gone",
         "The log no longer reaches back so far; detail says how to catch up.",
         {NULL, NULL}},
        {"NotJson", "The body must be application/json.", {NULL, NULL}},
        {"NotValid", "A field is missing or not valid; field says which.", {NULL, NULL}},
        {"TooMany",
         "Too many requests; Retry-After says when to come again.",
         {"Retry-After", "Seconds"}},
        {"NotAvailable",
         "A part is away; Retry-After says when to come again.",
         {"Retry-After", "Seconds"}},
    };
    tb_json_key(w, "components");
    tb_json_open(w, '{');
    raw(w, "securitySchemes",
        "{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"A token of "
        "`ticketctl token create`.\"}}");
    raw(w, "parameters",
        "{\"Agent\":{\"name\":\"X-Agent-ID\",\"in\":\"header\",\"description\":\"Who acts, where "
        "the token is for no agent of its own.\",\"schema\":{\"type\":\"string\",\"minLength\":1,"
        "\"maxLength\":200,\"pattern\":\"^[A-Za-z0-9._:@/-]+$\"}},"
        "\"AgentType\":{\"name\":\"X-Agent-Type\",\"in\":\"header\",\"description\":\"What kind of "
        "actor that is.\",\"schema\":{\"type\":\"string\",\"enum\":[\"human\",\"design_agent\","
        "\"worker_agent\",\"review_agent\",\"orchestrator\",\"system\"]}},"
        "\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":\"The "
        "same key with the same body takes effect once and is answered again. A UUID becomes the "
        "command's id; any other text one derived from it and from who acts.\",\"schema\":{"
        "\"type\":\"string\",\"minLength\":1,\"maxLength\":255,\"pattern\":\"^[A-Za-z0-9._:@/-]+$"
        "\"}},"
        "\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"description\":\"The ETag the "
        "ticket must have.\",\"schema\":{\"type\":\"string\",\"pattern\":\"^\\\"[0-9]{1,15}"
        "(-gzip)?\\\"$\"}},"
        "\"IfNoneMatch\":{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":\"ETags "
        "the caller has; 304 when one is current.\",\"schema\":{\"type\":\"string\",\"pattern\":"
        "\"^\\\"[0-9]{1,15}(-gzip)?\\\"$\"}},"
        "\"Prefer\":{\"name\":\"Prefer\",\"in\":\"header\",\"description\":\"respond-async: 202 "
        "as soon as the command is safe; wait=SECONDS; return=minimal: without the ticket.\","
        "\"schema\":{\"type\":\"string\",\"enum\":[\"respond-async\",\"return=minimal\"]}}}");
    tb_json_key(w, "responses");
    tb_json_open(w, '{');
    for (size_t i = 0; i < TB_COUNT(bad); i++) {
        tb_json_key(w, bad[i].name);
        tb_json_open(w, '{');
        text(w, "description", bad[i].description);
        if (bad[i].with.name) {
            headers(w, &bad[i].with, 1);
        }
        raw(w, "content",
            "{\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
            "Problem\"}}}");
        tb_json_close(w, '}');
    }
    tb_json_close(w, '}');
    tb_json_key(w, "schemas");
    tb_json_open(w, '{');
    ticket_schema(w);
    for (size_t i = 0; i < tb_openapi_nschemas; i++) {
        raw(w, tb_openapi_schemas[i].name, tb_openapi_schemas[i].schema);
    }
    tb_json_close(w, '}');
    tb_json_close(w, '}');
}

void tb_openapi_write(tb_buf *out)
{
    struct tb_json w = {.buf = out};
    tb_json_open(&w, '{');
    text(&w, "openapi", "3.1.0");
    tb_json_key(&w, "info");
    tb_json_open(&w, '{');
    text(&w, "title", "Ticketbus");
    text(&w, "version", TB_VERSION);
    text(&w, "description",
         "The ticket system that fleets of AI agents work from. Commands are answered with their "
         "outcome once a worker has applied them; errors are application/problem+json (RFC 9457) "
         "with code, field and detail. Answers of some size are compressed for clients that send "
         "Accept-Encoding: gzip.");
    raw(&w, "license", "{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}");
    tb_json_close(&w, '}');
    raw(&w, "security", "[{\"token\":[]}]");
    paths(&w);
    components(&w);
    tb_json_close(&w, '}');
}
