/* What no table says: schemas of answers, and paths beside the table of operations. Kept as JSON
 * text; a test holds every answer of the server against them. */
#include "common/base/attr.h"
#include "gateway/core/openapi.h"

/* clang-format off */
const struct tb_openapi_schema tb_openapi_schemas[] = {
    {"Problem",
        "{\"type\":\"object\",\"required\":[\"type\",\"title\",\"status\",\"code\""
        ",\"detail\"],\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\""
        "type\":\"string\"},\"status\":{\"type\":\"integer\"},\"code\":{\"type\":"
        "\"string\"},\"detail\":{\"type\":\"string\"},\"field\":{\"type\":\"strin"
        "g\"},\"command_id\":{\"type\":\"string\"},\"ticket_id\":{\"type\":\"stri"
        "ng\"}}}"},
    {"Event",
        "{\"type\":\"object\",\"required\":[\"id\",\"type\",\"sequence\"],\"prope"
        "rties\":{\"id\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"},\"s"
        "equence\":{\"type\":\"integer\"}}}"},
    {"CommandResult",
        "{\"type\":\"object\",\"required\":[\"command_id\",\"outcome\",\"version\""
        ",\"events\"],\"properties\":{\"command_id\":{\"type\":\"string\"},\"outc"
        "ome\":{\"enum\":[\"applied\",\"unchanged\"]},\"ticket_id\":{\"type\":\"s"
        "tring\"},\"workflow_id\":{\"type\":\"string\"},\"version\":{\"type\":[\""
        "integer\",\"null\"]},\"events\":{\"type\":\"array\",\"items\":{\"$ref\":"
        "\"#/components/schemas/Event\"}},\"ticket\":{\"$ref\":\"#/components/sch"
        "emas/Ticket\"}}}"},
    {"PendingCommand",
        "{\"type\":\"object\",\"required\":[\"command_id\",\"outcome\",\"status_u"
        "rl\"],\"properties\":{\"command_id\":{\"type\":\"string\"},\"outcome\":{"
        "\"enum\":[\"pending\",\"parked\"]},\"ticket_id\":{\"type\":\"string\"},\""
        "workflow_id\":{\"type\":\"string\"},\"status_url\":{\"type\":\"string\"}"
        "}}"},
    {"TicketList",
        "{\"type\":\"object\",\"required\":[\"tickets\",\"has_more\",\"next_curso"
        "r\"],\"properties\":{\"tickets\":{\"type\":\"array\",\"items\":{\"$ref\""
        ":\"#/components/schemas/Ticket\"}},\"total\":{\"type\":\"integer\"},\"ha"
        "s_more\":{\"type\":\"boolean\"},\"next_cursor\":{\"type\":[\"string\",\""
        "null\"]}}}"},
    {"HistoryEntry",
        "{\"type\":\"object\",\"required\":[\"id\",\"version\",\"change_type\",\""
        "field_name\",\"old_value\",\"new_value\",\"change_description\",\"metada"
        "ta\",\"changed_at\",\"agent_id\"],\"properties\":{\"id\":{\"type\":\"str"
        "ing\"},\"version\":{\"type\":\"integer\"},\"change_type\":{\"type\":\"st"
        "ring\"},\"field_name\":{\"type\":[\"string\",\"null\"]},\"old_value\":{\""
        "type\":[\"string\",\"null\"]},\"new_value\":{\"type\":[\"string\",\"null"
        "\"]},\"change_description\":{\"type\":[\"string\",\"null\"]},\"metadata\""
        ":{},\"changed_at\":{\"type\":\"string\",\"format\":\"date-time\"},\"agen"
        "t_id\":{\"type\":\"string\"}}}"},
    {"Comment",
        "{\"type\":\"object\",\"required\":[\"comment_id\",\"agent_id\",\"comment"
        "_type\",\"comment_text\",\"mentions\",\"attachments\",\"created_at\",\"u"
        "pdated_at\",\"is_edited\"],\"properties\":{\"comment_id\":{\"type\":\"st"
        "ring\"},\"agent_id\":{\"type\":\"string\"},\"comment_type\":{\"type\":\""
        "string\"},\"comment_text\":{\"type\":\"string\"},\"mentions\":{\"type\":"
        "\"array\",\"items\":{\"type\":\"string\"}},\"attachments\":{\"type\":\"a"
        "rray\",\"items\":{\"type\":\"string\"}},\"created_at\":{\"type\":\"strin"
        "g\",\"format\":\"date-time\"},\"updated_at\":{\"type\":[\"string\",\"nul"
        "l\"],\"format\":\"date-time\"},\"is_edited\":{\"type\":\"boolean\"}}}"},
    {"Commit",
        "{\"type\":\"object\",\"required\":[\"commit_sha\",\"agent_id\",\"commit_"
        "message\",\"commit_timestamp\",\"files_changed\",\"insertions\",\"deleti"
        "ons\",\"files_list\",\"linked_at\",\"link_method\"],\"properties\":{\"co"
        "mmit_sha\":{\"type\":\"string\"},\"agent_id\":{\"type\":\"string\"},\"co"
        "mmit_message\":{\"type\":[\"string\",\"null\"]},\"commit_timestamp\":{\""
        "type\":[\"string\",\"null\"],\"format\":\"date-time\"},\"files_changed\""
        ":{\"type\":[\"integer\",\"null\"]},\"insertions\":{\"type\":[\"integer\""
        ",\"null\"]},\"deletions\":{\"type\":[\"integer\",\"null\"]},\"files_list"
        "\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"linked_at\":{\""
        "type\":\"string\",\"format\":\"date-time\"},\"link_method\":{\"type\":\""
        "string\"}}}"},
    {"Blocker",
        "{\"type\":\"object\",\"required\":[\"ticket_id\",\"title\",\"status\",\""
        "is_resolved\",\"is_deleted\",\"blocks\"],\"properties\":{\"ticket_id\":{"
        "\"type\":\"string\"},\"title\":{\"type\":[\"string\",\"null\"]},\"status"
        "\":{\"type\":[\"string\",\"null\"]},\"is_resolved\":{\"type\":\"boolean\""
        "},\"is_deleted\":{\"type\":\"boolean\"},\"blocks\":{\"type\":\"boolean\""
        "}}}"},
    {"TicketReference",
        "{\"type\":\"object\",\"required\":[\"ticket_id\",\"title\",\"status\",\""
        "is_resolved\",\"is_deleted\"],\"properties\":{\"ticket_id\":{\"type\":\""
        "string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"string\""
        "},\"is_resolved\":{\"type\":\"boolean\"},\"is_deleted\":{\"type\":\"bool"
        "ean\"}}}"},
    {"Link",
        "{\"type\":\"object\",\"required\":[\"ticket_id\",\"dependency_type\",\"t"
        "itle\",\"status\",\"direction\"],\"properties\":{\"ticket_id\":{\"type\""
        ":\"string\"},\"dependency_type\":{\"type\":\"string\"},\"title\":{\"type"
        "\":[\"string\",\"null\"]},\"status\":{\"type\":[\"string\",\"null\"]},\""
        "direction\":{\"enum\":[\"in\",\"out\"]}}}"},
    {"TicketDetail",
        "{\"type\":\"object\",\"required\":[\"ticket\",\"comments\",\"commits\",\""
        "history\",\"blocked_by\",\"blocks\",\"links\",\"children\",\"parked\"],\""
        "properties\":{\"ticket\":{\"$ref\":\"#/components/schemas/Ticket\"},\"co"
        "mments\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/"
        "Comment\"}},\"commits\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
        "onents/schemas/Commit\"}},\"history\":{\"type\":\"array\",\"items\":{\"$"
        "ref\":\"#/components/schemas/HistoryEntry\"}},\"blocked_by\":{\"type\":\""
        "array\",\"items\":{\"$ref\":\"#/components/schemas/Blocker\"}},\"blocks\""
        ":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/TicketRe"
        "ference\"}},\"links\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/compon"
        "ents/schemas/Link\"}},\"children\":{\"type\":\"array\",\"items\":{\"$ref"
        "\":\"#/components/schemas/TicketReference\"}},\"parked\":{\"type\":[\"ob"
        "ject\",\"null\"]}}}"},
    {"HistoryPage",
        "{\"type\":\"object\",\"required\":[\"ticket_id\",\"history\",\"next_curs"
        "or\"],\"properties\":{\"ticket_id\":{\"type\":\"string\"},\"history\":{\""
        "type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/HistoryEntry"
        "\"}},\"next_cursor\":{\"type\":[\"string\",\"null\"]}}}"},
    {"Board",
        "{\"type\":\"object\",\"required\":[\"workflow_id\",\"name\",\"columns\","
        "\"ticket_types\",\"default_ticket_type\",\"initial_status\",\"settings\""
        ",\"version\",\"created_at\",\"updated_at\",\"counts\"],\"properties\":{\""
        "workflow_id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"col"
        "umns\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":["
        "\"id\"],\"properties\":{\"id\":{\"type\":\"string\"},\"name\":{\"type\":"
        "\"string\"},\"order\":{\"type\":\"integer\"},\"color\":{\"type\":\"strin"
        "g\"},\"category\":{\"enum\":[\"open\",\"active\",\"done\"]},\"wip_limit\""
        ":{\"type\":\"integer\"}}}},\"ticket_types\":{\"type\":\"array\",\"items\""
        ":{\"type\":\"string\"}},\"default_ticket_type\":{\"type\":[\"string\",\""
        "null\"]},\"initial_status\":{\"type\":\"string\"},\"settings\":{\"type\""
        ":\"object\"},\"version\":{\"type\":\"integer\"},\"created_at\":{\"type\""
        ":\"string\",\"format\":\"date-time\"},\"updated_at\":{\"type\":\"string\""
        ",\"format\":\"date-time\"},\"counts\":{\"type\":\"object\",\"additionalP"
        "roperties\":{\"type\":\"integer\"}}}}"},
    {"WorkflowList",
        "{\"type\":\"object\",\"required\":[\"workflows\"],\"properties\":{\"work"
        "flows\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":"
        "[\"workflow_id\",\"name\",\"version\",\"updated_at\"],\"properties\":{\""
        "workflow_id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"ver"
        "sion\":{\"type\":\"integer\"},\"updated_at\":{\"type\":\"string\",\"form"
        "at\":\"date-time\"}}}}}}"},
    {"SearchResult",
        "{\"type\":\"object\",\"required\":[\"results\",\"more\",\"degraded\"],\""
        "properties\":{\"results\":{\"type\":\"array\",\"items\":{\"type\":\"obje"
        "ct\",\"required\":[\"ticket_id\",\"external_id\",\"workflow_id\",\"title"
        "\",\"status\",\"ticket_type\",\"priority\",\"assigned_agent_id\",\"passa"
        "ge\",\"passage_comment_id\",\"is_blocked\",\"is_resolved\",\"updated_at\""
        ",\"score\",\"similarity\"],\"properties\":{\"ticket_id\":{\"type\":\"str"
        "ing\"},\"external_id\":{\"type\":[\"string\",\"null\"]},\"workflow_id\":"
        "{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"status\":{\"type"
        "\":\"string\"},\"ticket_type\":{\"type\":\"string\"},\"priority\":{\"typ"
        "e\":\"string\"},\"assigned_agent_id\":{\"type\":[\"string\",\"null\"]},\""
        "passage\":{\"type\":[\"string\",\"null\"]},\"passage_comment_id\":{\"typ"
        "e\":[\"string\",\"null\"]},\"is_blocked\":{\"type\":\"boolean\"},\"is_re"
        "solved\":{\"type\":\"boolean\"},\"updated_at\":{\"type\":\"string\",\"fo"
        "rmat\":\"date-time\"},\"score\":{\"type\":\"number\"},\"similarity\":{\""
        "type\":\"number\"}}}},\"more\":{\"type\":\"boolean\"},\"degraded\":{\"ty"
        "pe\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"leg\",\"wh"
        "y\"],\"properties\":{\"leg\":{\"type\":\"string\"},\"why\":{\"type\":\"s"
        "tring\"}}}}}}"},
    {"CommitDiff",
        "{\"type\":\"object\",\"required\":[\"sha\",\"repository\",\"author\",\"m"
        "essage\",\"timestamp\",\"files\",\"files_changed\",\"insertions\",\"dele"
        "tions\",\"truncated\"],\"properties\":{\"sha\":{\"type\":\"string\"},\"r"
        "epository\":{\"type\":\"string\"},\"author\":{\"type\":\"string\"},\"mes"
        "sage\":{\"type\":\"string\"},\"timestamp\":{\"type\":\"string\",\"format"
        "\":\"date-time\"},\"files\":{\"type\":\"array\",\"items\":{\"type\":\"ob"
        "ject\",\"required\":[\"path\",\"old_path\",\"status\",\"insertions\",\"d"
        "eletions\",\"binary\",\"hunks\"],\"properties\":{\"path\":{\"type\":\"st"
        "ring\"},\"old_path\":{\"type\":[\"string\",\"null\"]},\"status\":{\"enum"
        "\":[\"added\",\"modified\",\"deleted\",\"renamed\",\"copied\",\"type_cha"
        "nged\"]},\"insertions\":{\"type\":\"integer\"},\"deletions\":{\"type\":\""
        "integer\"},\"binary\":{\"type\":\"boolean\"},\"hunks\":{\"type\":\"array"
        "\",\"items\":{\"type\":\"object\",\"required\":[\"header\",\"old_start\""
        ",\"old_lines\",\"new_start\",\"new_lines\",\"lines\"],\"properties\":{\""
        "header\":{\"type\":\"string\"},\"old_start\":{\"type\":\"integer\"},\"ol"
        "d_lines\":{\"type\":\"integer\"},\"new_start\":{\"type\":\"integer\"},\""
        "new_lines\":{\"type\":\"integer\"},\"lines\":{\"type\":\"array\",\"items"
        "\":{\"type\":\"object\",\"required\":[\"kind\",\"text\"],\"properties\":"
        "{\"kind\":{\"enum\":[\"context\",\"added\",\"removed\"]},\"text\":{\"typ"
        "e\":\"string\"}}}}}}}}}},\"files_changed\":{\"type\":\"integer\"},\"inse"
        "rtions\":{\"type\":\"integer\"},\"deletions\":{\"type\":\"integer\"},\"t"
        "runcated\":{\"type\":\"boolean\"}}}"},
    {"CommandOutcome",
        "{\"type\":\"object\",\"required\":[\"command_id\",\"type\",\"subject\",\""
        "actor\",\"outcome\",\"version\",\"code\",\"message\",\"applied_at\"],\"p"
        "roperties\":{\"command_id\":{\"type\":\"string\"},\"type\":{\"type\":\"s"
        "tring\"},\"subject\":{\"type\":\"string\"},\"actor\":{\"type\":\"string\""
        "},\"outcome\":{\"type\":\"string\"},\"version\":{\"type\":[\"integer\",\""
        "null\"]},\"code\":{\"type\":\"string\"},\"message\":{\"type\":[\"string\""
        ",\"null\"]},\"applied_at\":{\"type\":\"string\",\"format\":\"date-time\""
        "}}}"},
    {"AgentList",
        "{\"type\":\"object\",\"required\":[\"agents\"],\"properties\":{\"agents\""
        ":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"agen"
        "t_id\",\"last_change_at\",\"tickets\"],\"properties\":{\"agent_id\":{\"t"
        "ype\":\"string\"},\"last_change_at\":{\"type\":\"string\",\"format\":\"d"
        "ate-time\"},\"tickets\":{\"type\":\"array\",\"items\":{\"type\":\"object"
        "\",\"required\":[\"agent_id\",\"ticket_id\",\"workflow_id\",\"title\",\""
        "status\",\"is_blocked\",\"started_at\",\"updated_at\"],\"properties\":{\""
        "agent_id\":{\"type\":\"string\"},\"ticket_id\":{\"type\":\"string\"},\"w"
        "orkflow_id\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},\"sta"
        "tus\":{\"type\":\"string\"},\"is_blocked\":{\"type\":\"boolean\"},\"star"
        "ted_at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},\"upd"
        "ated_at\":{\"type\":\"string\",\"format\":\"date-time\"}}}}}}}}}"},
    {"Status",
        "{\"type\":\"object\",\"required\":[\"pipeline\",\"index\"],\"properties\""
        ":{\"pipeline\":{\"type\":\"object\",\"required\":[\"now\",\"last_batch_a"
        "t\",\"unpublished\",\"parked_tickets\",\"parked_commands\"],\"properties"
        "\":{\"now\":{\"type\":\"string\",\"format\":\"date-time\"},\"last_batch_"
        "at\":{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"},\"unpubli"
        "shed\":{\"type\":\"integer\"},\"parked_tickets\":{\"type\":\"integer\"},"
        "\"parked_commands\":{\"type\":\"integer\"}}},\"index\":{\"type\":\"objec"
        "t\",\"required\":[\"stale_tickets\",\"oldest_stale_at\"],\"properties\":"
        "{\"stale_tickets\":{\"type\":\"integer\"},\"oldest_stale_at\":{\"type\":"
        "[\"string\",\"null\"],\"format\":\"date-time\"}}}}}"},
    {"BulkRequest",
        "{\"type\":\"object\",\"required\":[\"commands\"],\"properties\":{\"comma"
        "nds\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":500,\"items\":{\"t"
        "ype\":\"object\",\"required\":[\"operation\"],\"properties\":{\"operatio"
        "n\":{\"type\":\"string\"},\"idempotency_key\":{\"type\":\"string\"},\"ex"
        "pected_version\":{\"type\":\"integer\",\"minimum\":0}}}}},\"additionalPr"
        "operties\":true}"},
    {"BulkResult",
        "{\"type\":\"object\",\"required\":[\"results\"],\"properties\":{\"result"
        "s\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"s"
        "tatus\"],\"properties\":{\"status\":{\"type\":\"integer\"},\"result\":{\""
        "type\":\"object\"},\"problem\":{\"$ref\":\"#/components/schemas/Problem\""
        "}}}}}}"},
    {"Health",
        "{\"type\":\"object\",\"required\":[\"status\"],\"properties\":{\"status\""
        ":{\"type\":\"string\"}}}"},
};
const size_t tb_openapi_nschemas = TB_COUNT(tb_openapi_schemas);

const struct tb_openapi_path tb_openapi_paths[] = {
    {"/tickets/bulk",
        "{\"post\":{\"operationId\":\"bulk\",\"summary\":\"Several commands\",\"d"
        "escription\":\"Sends a list of commands in their order, with one answer "
        "each; they are not one transaction.\",\"x-scope\":\"write\",\"requestBod"
        "y\":{\"required\":true,\"content\":{\"application/json\":{\"schema\":{\""
        "$ref\":\"#/components/schemas/BulkRequest\"}}}},\"responses\":{\"200\":{"
        "\"description\":\"One answer for each command.\",\"content\":{\"applicat"
        "ion/json\":{\"schema\":{\"$ref\":\"#/components/schemas/BulkResult\"}}}}"
        ",\"400\":{\"$ref\":\"#/components/responses/BadRequest\"},\"401\":{\"$re"
        "f\":\"#/components/responses/Unauthorized\"},\"403\":{\"$ref\":\"#/compo"
        "nents/responses/Forbidden\"},\"413\":{\"$ref\":\"#/components/responses/"
        "TooLarge\"},\"415\":{\"$ref\":\"#/components/responses/NotJson\"},\"422\""
        ":{\"$ref\":\"#/components/responses/NotValid\"},\"429\":{\"$ref\":\"#/co"
        "mponents/responses/TooMany\"},\"503\":{\"$ref\":\"#/components/responses"
        "/NotAvailable\"}}}}"},
    {"/session",
        "{\"post\":{\"operationId\":\"open_session\",\"summary\":\"Open a session"
        "\",\"description\":\"Exchanges the token for a cookie that pages of the "
        "same origin may use.\",\"x-scope\":\"read\",\"responses\":{\"204\":{\"de"
        "scription\":\"The cookie is set.\"},\"400\":{\"$ref\":\"#/components/res"
        "ponses/BadRequest\"},\"401\":{\"$ref\":\"#/components/responses/Unauthor"
        "ized\"},\"403\":{\"$ref\":\"#/components/responses/Forbidden\"},\"413\":"
        "{\"$ref\":\"#/components/responses/TooLarge\"},\"415\":{\"$ref\":\"#/com"
        "ponents/responses/NotJson\"},\"422\":{\"$ref\":\"#/components/responses/"
        "NotValid\"},\"429\":{\"$ref\":\"#/components/responses/TooMany\"},\"503\""
        ":{\"$ref\":\"#/components/responses/NotAvailable\"}}},\"delete\":{\"oper"
        "ationId\":\"end_session\",\"summary\":\"End a session\",\"description\":"
        "\"Ends the session of the cookie.\",\"x-scope\":\"read\",\"responses\":{"
        "\"204\":{\"description\":\"The cookie is taken back.\"},\"400\":{\"$ref\""
        ":\"#/components/responses/BadRequest\"},\"401\":{\"$ref\":\"#/components"
        "/responses/Unauthorized\"},\"403\":{\"$ref\":\"#/components/responses/Fo"
        "rbidden\"},\"413\":{\"$ref\":\"#/components/responses/TooLarge\"},\"415\""
        ":{\"$ref\":\"#/components/responses/NotJson\"},\"422\":{\"$ref\":\"#/com"
        "ponents/responses/NotValid\"},\"429\":{\"$ref\":\"#/components/responses"
        "/TooMany\"},\"503\":{\"$ref\":\"#/components/responses/NotAvailable\"}}}"
        "}"},
    {"/healthz",
        "{\"get\":{\"operationId\":\"health\",\"summary\":\"Alive\",\"description"
        "\":\"Answers as long as the process does.\",\"security\":[],\"responses\""
        ":{\"200\":{\"description\":\"Alive.\",\"content\":{\"application/json\":"
        "{\"schema\":{\"$ref\":\"#/components/schemas/Health\"}}}},\"503\":{\"$re"
        "f\":\"#/components/responses/NotAvailable\"}}}}"},
    {"/readyz",
        "{\"get\":{\"operationId\":\"ready\",\"summary\":\"Ready\",\"description\""
        ":\"Whether requests can be served.\",\"security\":[],\"responses\":{\"20"
        "0\":{\"description\":\"Ready.\",\"content\":{\"application/json\":{\"sch"
        "ema\":{\"$ref\":\"#/components/schemas/Health\"}}}},\"503\":{\"$ref\":\""
        "#/components/responses/NotAvailable\"}}}}"},
    {"/openapi.json",
        "{\"get\":{\"operationId\":\"openapi\",\"summary\":\"This document\",\"de"
        "scription\":\"The OpenAPI document.\",\"security\":[],\"responses\":{\"2"
        "00\":{\"description\":\"The document.\",\"content\":{\"application/json\""
        ":{\"schema\":{\"type\":\"object\"}}}},\"503\":{\"$ref\":\"#/components/r"
        "esponses/NotAvailable\"}}}}"},
};
const size_t tb_openapi_npaths = TB_COUNT(tb_openapi_paths);
/* clang-format on */

const char *tb_openapi_answer(const struct tb_operation *op)
{
    static const char *const answers[TB_OP_COUNT_] = {
        [TB_OP_LIST_TICKETS] = "TicketList",     [TB_OP_GET_BOARD] = "Board",
        [TB_OP_LIST_WORKFLOWS] = "WorkflowList", [TB_OP_SEARCH_TICKETS] = "SearchResult",
        [TB_OP_COMMIT_DIFF] = "CommitDiff",      [TB_OP_GET_TICKET] = "TicketDetail",
        [TB_OP_TICKET_HISTORY] = "HistoryPage",  [TB_OP_SIMILAR_TICKETS] = "SearchResult",
        [TB_OP_GET_COMMAND] = "CommandOutcome",  [TB_OP_LIST_AGENTS] = "AgentList",
        [TB_OP_GET_STATUS] = "Status",
    };
    const char *answer = answers[op - tb_operations];
    return answer ? answer : "CommandResult";
}
