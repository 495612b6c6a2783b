/* The one table of operations: routes, scope checks, tools and documents follow from it.
 *
 * A command's parameters are the record of its type (common/model/command.c) plus the envelope
 * (tb_envelope_params); a query's are its own record. Add a row here, and a function in
 * gateway/read (queries) or a handler (others), and the operation is everywhere. */
#ifndef TB_GATEWAY_OPERATIONS_H
#define TB_GATEWAY_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/str.h"
#include "common/model/command.h"
#include "common/model/schema.h"

enum tb_op {
    /* commands */
    TB_OP_CREATE_TICKET,
    TB_OP_UPDATE_TICKET,
    TB_OP_CHANGE_STATUS,
    TB_OP_COMMENT,
    TB_OP_EDIT_COMMENT,
    TB_OP_LINK_COMMIT,
    TB_OP_RESOLVE_TICKET,
    TB_OP_REOPEN_TICKET,
    TB_OP_ASSIGN_TICKET,
    TB_OP_UNASSIGN_TICKET,
    TB_OP_DELETE_TICKET,
    TB_OP_RESTORE_TICKET,
    TB_OP_BLOCK_TICKET,
    TB_OP_UNBLOCK_TICKET,
    TB_OP_LINK_TICKETS,
    TB_OP_UNLINK_TICKETS,
    TB_OP_PUT_BOARD,
    /* queries */
    TB_OP_LIST_TICKETS,
    TB_OP_GET_BOARD,
    TB_OP_LIST_WORKFLOWS,
    TB_OP_SEARCH_TICKETS,
    TB_OP_COMMIT_DIFF,
    TB_OP_GET_TICKET,
    TB_OP_TICKET_HISTORY,
    TB_OP_SIMILAR_TICKETS,
    TB_OP_GET_COMMAND,
    TB_OP_LIST_AGENTS,
    TB_OP_GET_STATUS,
    TB_OP_COUNT_,
};

enum tb_op_kind { TB_OP_COMMAND, TB_OP_QUERY };

/* Bits of a token's scopes. */
enum { TB_SCOPE_READ = 1, TB_SCOPE_WRITE = 2, TB_SCOPE_ADMIN = 4 };

/* Hints to who calls tools. */
enum { TB_HINT_READ_ONLY = 1, TB_HINT_DESTRUCTIVE = 2, TB_HINT_IDEMPOTENT = 4 };

struct tb_operation {
    const char *name; /* operationId, tool name */
    enum tb_op_kind kind;
    enum tb_command_kind command;   /* of commands */
    const struct tb_record *params; /* of queries; of commands the type's record */
    const char *method;
    const char *path; /* "/tickets/{ticket_id}/history": names in braces are parameters */
    unsigned scope;   /* one bit */
    unsigned hints;
    const char *title; /* for people */
    const char *doc;   /* one sentence */
};

/* Indexed by enum tb_op. */
extern const struct tb_operation tb_operations[TB_OP_COUNT_];
/* By name, NULL when there is none. */
const struct tb_operation *tb_operation_find(tb_str name);
const struct tb_record *tb_operation_params(const struct tb_operation *op);

/* What every command takes beside its type's record: who acts, on what. */
struct tb_envelope_params {
    struct tb_present p;
    tb_str ticket_id;   /* not of create and put_board */
    tb_str workflow_id; /* of put_board only: elsewhere it is the record's own */
    tb_str agent_id;
    tb_str agent_type;
    tb_str rationale;
};
enum {
    TB_ENVELOPE_TICKET_ID,
    TB_ENVELOPE_WORKFLOW_ID,
    TB_ENVELOPE_AGENT_ID,
    TB_ENVELOPE_AGENT_TYPE,
    TB_ENVELOPE_RATIONALE,
};
extern const struct tb_record tb_envelope_record;
/* Whether the command takes the envelope's field. */
bool tb_operation_takes(const struct tb_operation *op, unsigned envelope_field);

#define TB_PATH_PARAMS_MAX 4
#define TB_ALLOW_MAX       48 /* all methods there are, with their commas */

struct tb_route {
    const struct tb_operation *op; /* NULL: no such path, or another method is needed */
    char allow[TB_ALLOW_MAX];      /* methods of the path, "GET, HEAD, PUT"; "": no such path */
    size_t nparams;
    struct {
        tb_str name;
        tb_str value; /* as in the path, percent signs and all */
    } params[TB_PATH_PARAMS_MAX];
};

/* Finds the operation; HEAD counts as GET. Slices are of path and of the table. A segment given
 * literally wins over one that is a parameter. */
struct tb_route tb_route_find(const char *method, tb_str path);
/* Adds a method to the list of those a path takes, once; GET brings HEAD. */
void tb_allow_add(char allow[TB_ALLOW_MAX], const char *method);
/* Whether path is of the template, and with what parameters. */
bool tb_route_match(const char *pattern, tb_str path, struct tb_route *ret);

#endif
