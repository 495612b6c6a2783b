/* Commands of the golden table. */
#include "tests/unit/core/golden.h"

#define RUN(name, kind, type, ...) golden_command(g, name, kind, &(const struct type){__VA_ARGS__})
#define IDS(letters)               kit_ids(g->lists, letters)

static void create_cases(struct golden *g)
{
#define CREATE(name, bits, ...)                                                                    \
    RUN(name, TB_CMD_CREATE, tb_create_data,                                                       \
        .p.set = BIT(TB_CREATE_WORKFLOW_ID) | BIT(TB_CREATE_TITLE) | (bits),                       \
        .workflow_id = TB_LIT("wf"), .title = TB_LIT("New") __VA_OPT__(, ) __VA_ARGS__)
    CREATE("least", 0);
    CREATE("all fields",
           BIT(TB_CREATE_DESCRIPTION) | BIT(TB_CREATE_TICKET_TYPE) | BIT(TB_CREATE_PRIORITY) |
               BIT(TB_CREATE_INITIAL_STATUS) | BIT(TB_CREATE_ASSIGNED_AGENT_ID) |
               BIT(TB_CREATE_TAGS) | BIT(TB_CREATE_RELATED_TASK_IDS) |
               BIT(TB_CREATE_RELATED_TICKET_IDS) | BIT(TB_CREATE_EXTERNAL_ID),
           .description = TB_LIT("Text"), .ticket_type = TB_LIT("bug"), .priority = TB_LIT("p0"),
           .initial_status = TB_LIT("doing"), .assigned_agent_id = TB_LIT("bob"),
           .tags = LIST(TB_LIT("x"), TB_LIT("y")), .related_task_ids = LIST(TB_LIT("task-1")),
           .related_ticket_ids = IDS("X"), .external_id = TB_LIT("ext-1"));
    CREATE("initial null", BIT(TB_CREATE_INITIAL_STATUS), .p.null = BIT(TB_CREATE_INITIAL_STATUS));
    CREATE("in done", BIT(TB_CREATE_INITIAL_STATUS), .initial_status = TB_LIT("done"));
    CREATE("unknown column", BIT(TB_CREATE_INITIAL_STATUS), .initial_status = TB_LIT("nowhere"));
    CREATE("unknown type", BIT(TB_CREATE_TICKET_TYPE), .ticket_type = TB_LIT("epic"));
    CREATE("priority p9", BIT(TB_CREATE_PRIORITY), .priority = TB_LIT("p9"));
    CREATE("parent P", BIT(TB_CREATE_PARENT_TICKET_ID), .parent_ticket_id = kit_id('P'));
    CREATE("parent absent", BIT(TB_CREATE_PARENT_TICKET_ID), .parent_ticket_id = kit_id('V'));
    CREATE("parent itself", BIT(TB_CREATE_PARENT_TICKET_ID), .parent_ticket_id = kit_id('T'));
    CREATE("parent its child", BIT(TB_CREATE_PARENT_TICKET_ID), .parent_ticket_id = kit_id('Q'));
    CREATE("parent foreign", BIT(TB_CREATE_PARENT_TICKET_ID), .parent_ticket_id = kit_id('F'));
    CREATE("parent deleted", BIT(TB_CREATE_PARENT_TICKET_ID), .parent_ticket_id = kit_id('Z'));
    CREATE("blocked by open", BIT(TB_CREATE_BLOCKED_BY), .blocked_by_ticket_ids = IDS("X"));
    CREATE("blocked by absent, resolved, deleted", BIT(TB_CREATE_BLOCKED_BY),
           .blocked_by_ticket_ids = IDS("VRZ"));
    CREATE("blocked by itself", BIT(TB_CREATE_BLOCKED_BY), .blocked_by_ticket_ids = IDS("T"));
    CREATE("blocked by its dependent", BIT(TB_CREATE_BLOCKED_BY),
           .blocked_by_ticket_ids = IDS("W"));
    CREATE("blocked by foreign", BIT(TB_CREATE_BLOCKED_BY), .blocked_by_ticket_ids = IDS("F"));
#undef CREATE
}

static void update_cases(struct golden *g)
{
#define UPDATE(name, bits, ...)                                                                    \
    RUN(name, TB_CMD_UPDATE, tb_update_data, .p.set = BIT(TB_UPDATE_UPDATES),                      \
        .updates = {.p.set = (bits), __VA_ARGS__})
    UPDATE("nothing", 0, .title = TB_STR_NULL);
    UPDATE("title", BIT(TB_UPDATES_TITLE), .title = TB_LIT("Other"));
    UPDATE("equal title", BIT(TB_UPDATES_TITLE), .title = TB_LIT("Title"));
    UPDATE("description, tags, tasks, tickets",
           BIT(TB_UPDATES_DESCRIPTION) | BIT(TB_UPDATES_TAGS) | BIT(TB_UPDATES_RELATED_TASK_IDS) |
               BIT(TB_UPDATES_RELATED_TICKET_IDS),
           .description = TB_LIT("Text"), .tags = LIST(TB_LIT("x")),
           .related_task_ids = LIST(TB_LIT("task-1")), .related_ticket_ids = IDS("X"));
    UPDATE("type", BIT(TB_UPDATES_TICKET_TYPE), .ticket_type = TB_LIT("bug"));
    UPDATE("unknown type", BIT(TB_UPDATES_TICKET_TYPE), .ticket_type = TB_LIT("epic"));
    UPDATE("priority p1", BIT(TB_UPDATES_PRIORITY), .priority = TB_LIT("p1"));
    UPDATE("priority p9", BIT(TB_UPDATES_PRIORITY), .priority = TB_LIT("p9"));
    UPDATE("assignee", BIT(TB_UPDATES_ASSIGNED_AGENT_ID), .assigned_agent_id = TB_LIT("cat"));
    UPDATE("no assignee", BIT(TB_UPDATES_ASSIGNED_AGENT_ID),
           .p.null = BIT(TB_UPDATES_ASSIGNED_AGENT_ID));
    UPDATE("parent P", BIT(TB_UPDATES_PARENT_TICKET_ID), .parent_ticket_id = kit_id('P'));
    UPDATE("no parent", BIT(TB_UPDATES_PARENT_TICKET_ID),
           .p.null = BIT(TB_UPDATES_PARENT_TICKET_ID));
    UPDATE("parent absent", BIT(TB_UPDATES_PARENT_TICKET_ID), .parent_ticket_id = kit_id('V'));
    UPDATE("parent its grandchild", BIT(TB_UPDATES_PARENT_TICKET_ID),
           .parent_ticket_id = kit_id('G'));
    UPDATE("parent foreign", BIT(TB_UPDATES_PARENT_TICKET_ID), .parent_ticket_id = kit_id('F'));
    UPDATE("parent deleted", BIT(TB_UPDATES_PARENT_TICKET_ID), .parent_ticket_id = kit_id('Z'));
    UPDATE("blockers X R", BIT(TB_UPDATES_BLOCKED_BY), .blocked_by_ticket_ids = IDS("XR"));
    UPDATE("no blockers", BIT(TB_UPDATES_BLOCKED_BY), .blocked_by_ticket_ids = IDS(""));
    UPDATE("blocker that waits for it", BIT(TB_UPDATES_BLOCKED_BY),
           .blocked_by_ticket_ids = IDS("W"));
#undef UPDATE
    RUN("title, comment and commit", TB_CMD_UPDATE, tb_update_data,
        .p.set = BIT(TB_UPDATE_UPDATES) | BIT(TB_UPDATE_COMMENT) | BIT(TB_UPDATE_COMMIT_SHA),
        .updates = {.p.set = BIT(TB_UPDATES_TITLE), .title = TB_LIT("Other")},
        .update_comment = TB_LIT("because"), .commit_sha = TB_LIT("abc"));
    RUN("comment alone", TB_CMD_UPDATE, tb_update_data,
        .p.set = BIT(TB_UPDATE_UPDATES) | BIT(TB_UPDATE_COMMENT),
        .update_comment = TB_LIT("by the way"));
}

static void status_cases(struct golden *g)
{
#define STATUS(name, bits, ...)                                                                    \
    RUN(name, TB_CMD_CHANGE_STATUS, tb_change_status_data,                                         \
        .p.set = BIT(TB_STATUS_NEW_STATUS) | (bits), __VA_ARGS__)
    STATUS("to todo", 0, .new_status = TB_LIT("todo"));
    STATUS("to doing", 0, .new_status = TB_LIT("doing"));
    STATUS("to review", 0, .new_status = TB_LIT("review"));
    STATUS("to done", 0, .new_status = TB_LIT("done"));
    STATUS("to closed", 0, .new_status = TB_LIT("closed"));
    STATUS("to nowhere", 0, .new_status = TB_LIT("nowhere"));
    STATUS("to doing, comment and commit", BIT(TB_STATUS_COMMENT) | BIT(TB_STATUS_COMMIT_SHA),
           .new_status = TB_LIT("doing"), .comment = TB_LIT("go"), .commit_sha = TB_LIT("abc"));
    STATUS("to doing, blank comment", BIT(TB_STATUS_COMMENT), .new_status = TB_LIT("doing"),
           .comment = TB_LIT(" \n"));
#undef STATUS
    RUN("plain", TB_CMD_RESOLVE, tb_resolve_data, .p.set = BIT(TB_RESOLVE_COMMENT),
        .resolution_comment = TB_LIT("fixed"));
    RUN("with commit", TB_CMD_RESOLVE, tb_resolve_data,
        .p.set = BIT(TB_RESOLVE_COMMENT) | BIT(TB_RESOLVE_COMMIT_SHA),
        .resolution_comment = TB_LIT("fixed"), .commit_sha = TB_LIT("abc"));
    RUN("blank", TB_CMD_RESOLVE, tb_resolve_data, .p.set = BIT(TB_RESOLVE_COMMENT),
        .resolution_comment = TB_LIT("  "));
    RUN("plain", TB_CMD_REOPEN, tb_reopen_data, .p.set = 0);
    RUN("to doing, comment", TB_CMD_REOPEN, tb_reopen_data,
        .p.set = BIT(TB_REOPEN_STATUS) | BIT(TB_REOPEN_COMMENT), .new_status = TB_LIT("doing"),
        .comment = TB_LIT("again"));
    RUN("to done", TB_CMD_REOPEN, tb_reopen_data, .p.set = BIT(TB_REOPEN_STATUS),
        .new_status = TB_LIT("done"));
    RUN("to nowhere", TB_CMD_REOPEN, tb_reopen_data, .p.set = BIT(TB_REOPEN_STATUS),
        .new_status = TB_LIT("nowhere"));
    RUN("", TB_CMD_DELETE, tb_empty_data, .p.set = 0);
    RUN("", TB_CMD_RESTORE, tb_empty_data, .p.set = 0);
}

static void people_cases(struct golden *g)
{
    RUN("plain", TB_CMD_COMMENT, tb_comment_data, .p.set = BIT(TB_COMMENT_TEXT),
        .comment_text = TB_LIT("hello"));
    RUN("with type, mentions, attachments", TB_CMD_COMMENT, tb_comment_data,
        .p.set = BIT(TB_COMMENT_TEXT) | BIT(TB_COMMENT_TYPE) | BIT(TB_COMMENT_MENTIONS) |
                 BIT(TB_COMMENT_ATTACHMENTS),
        .comment_text = TB_LIT("hello"), .comment_type = TB_LIT("review"),
        .mentions = LIST(TB_LIT("bob")), .attachments = LIST(TB_LIT("log.txt")));
    RUN("text", TB_CMD_EDIT_COMMENT, tb_edit_comment_data,
        .p.set = BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT), .comment_id = kit_comment_id('c'),
        .comment_text = TB_LIT("edited"));
    RUN("same text", TB_CMD_EDIT_COMMENT, tb_edit_comment_data,
        .p.set = BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT), .comment_id = kit_comment_id('c'),
        .comment_text = TB_LIT("said"));
    RUN("no mentions", TB_CMD_EDIT_COMMENT, tb_edit_comment_data,
        .p = {BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT) | BIT(TB_EDIT_MENTIONS),
              BIT(TB_EDIT_MENTIONS)},
        .comment_id = kit_comment_id('c'), .comment_text = TB_LIT("said"));
    RUN("by another author", TB_CMD_EDIT_COMMENT, tb_edit_comment_data,
        .p.set = BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT), .comment_id = kit_comment_id('b'),
        .comment_text = TB_LIT("edited"));
    RUN("of another ticket", TB_CMD_EDIT_COMMENT, tb_edit_comment_data,
        .p.set = BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT), .comment_id = kit_comment_id('x'),
        .comment_text = TB_LIT("edited"));
    RUN("unknown", TB_CMD_EDIT_COMMENT, tb_edit_comment_data,
        .p.set = BIT(TB_EDIT_COMMENT_ID) | BIT(TB_EDIT_TEXT), .comment_id = kit_comment_id('u'),
        .comment_text = TB_LIT("edited"));
    RUN("oneself", TB_CMD_ASSIGN, tb_assign_data, .p.set = 0);
    RUN("to bob", TB_CMD_ASSIGN, tb_assign_data, .p.set = BIT(TB_ASSIGN_AGENT_ID),
        .assigned_agent_id = TB_LIT("bob"));
    RUN("oneself, exclusive", TB_CMD_ASSIGN, tb_assign_data, .p.set = BIT(TB_ASSIGN_EXCLUSIVE),
        .exclusive = true);
    RUN("to bob, exclusive", TB_CMD_ASSIGN, tb_assign_data,
        .p.set = BIT(TB_ASSIGN_AGENT_ID) | BIT(TB_ASSIGN_EXCLUSIVE),
        .assigned_agent_id = TB_LIT("bob"), .exclusive = true);
    RUN("", TB_CMD_UNASSIGN, tb_empty_data, .p.set = 0);
    RUN("abc", TB_CMD_LINK_COMMIT, tb_link_commit_data, .p.set = BIT(TB_COMMIT_SHA),
        .commit_sha = TB_LIT("abc"));
    RUN("def", TB_CMD_LINK_COMMIT, tb_link_commit_data, .p.set = BIT(TB_COMMIT_SHA),
        .commit_sha = TB_LIT("def"));
}

static void edge_cases(struct golden *g)
{
#define BLOCK(name, kind, letters)                                                                 \
    RUN(name, kind, tb_block_data, .p.set = BIT(TB_BLOCK_BY), .blocked_by_ticket_ids = IDS(letters))
    BLOCK("by open X", TB_CMD_BLOCK, "X");
    BLOCK("by X and absent V", TB_CMD_BLOCK, "XV");
    BLOCK("by resolved R", TB_CMD_BLOCK, "R");
    BLOCK("by deleted Z", TB_CMD_BLOCK, "Z");
    BLOCK("by itself", TB_CMD_BLOCK, "T");
    BLOCK("by W, which waits for Y, which waits for it", TB_CMD_BLOCK, "W");
    BLOCK("by foreign F", TB_CMD_BLOCK, "F");
    BLOCK("from X", TB_CMD_UNBLOCK, "X");
    BLOCK("from X and R", TB_CMD_UNBLOCK, "XR");
    BLOCK("from P, which never blocked it", TB_CMD_UNBLOCK, "P");
#undef BLOCK
#define LINK(name, kind, letter, type)                                                             \
    RUN(name, kind, tb_link_data, .p.set = BIT(TB_LINK_DEPENDENCIES),                              \
        .dependencies = RECORDS(struct tb_dependency_data,                                         \
                                {.p.set = BIT(TB_DEP_DEPENDS_ON) | BIT(TB_DEP_TYPE),               \
                                 .depends_on = kit_id(letter),                                     \
                                 .dependency_type = TB_LIT(type)}))
    LINK("related X", TB_CMD_LINK, 'X', "related");
    LINK("related F", TB_CMD_LINK, 'F', "related");
    LINK("related V, which may be coming", TB_CMD_LINK, 'V', "related");
    LINK("related itself", TB_CMD_LINK, 'T', "related");
    LINK("related W, which waits for it", TB_CMD_LINK, 'W', "related");
    LINK("blocks X", TB_CMD_LINK, 'X', "blocks");
    LINK("related F", TB_CMD_UNLINK, 'F', "related");
    LINK("related X", TB_CMD_UNLINK, 'X', "related");
    LINK("blocks X", TB_CMD_UNLINK, 'X', "blocks");
#undef LINK
    RUN("for D", TB_CMD_WATCH, tb_watch_data, .p.set = BIT(TB_WATCH_DEPENDENT_ID),
        .dependent_id = kit_id('D'));
    RUN("", TB_CMD_RECHECK, tb_empty_data, .p.set = 0);
    RUN("X and itself", TB_CMD_SIMILAR, tb_similars_data, .p.set = BIT(TB_SIMILARS_SIMILAR),
        .similar = RECORDS(struct tb_similar_data,
                           {.p.set = BIT(TB_SIMILAR_TICKET_ID) | BIT(TB_SIMILAR_SCORE),
                            .ticket_id = kit_id('X'),
                            .score = 950},
                           {.p.set = BIT(TB_SIMILAR_TICKET_ID) | BIT(TB_SIMILAR_SCORE),
                            .ticket_id = kit_id('T'),
                            .score = 940}));
    RUN("none", TB_CMD_SIMILAR, tb_similars_data, .p.set = BIT(TB_SIMILARS_SIMILAR),
        .similar = {0});
    RUN("", TB_CMD_REPLAY, tb_empty_data, .p.set = 0);
    RUN("", TB_CMD_DROP, tb_expire_data, .p.set = 0);
    RUN("", TB_CMD_EXPIRE, tb_expire_data, .p.set = 0);
}

static void import_cases(struct golden *g)
{
#define IMPORT(name, bits, ...)                                                                    \
    RUN(name, TB_CMD_IMPORT, tb_import_data, .p.set = BIT(TB_IMPORT_WORKFLOW_ID) | (bits),         \
        .workflow_id = TB_LIT("wf") __VA_OPT__(, ) __VA_ARGS__)
    IMPORT("nothing", 0);
    IMPORT("external id and agent, occurred at 42",
           BIT(TB_IMPORT_EXTERNAL_ID) | BIT(TB_IMPORT_AGENT_ID) | BIT(TB_IMPORT_OCCURRED_AT),
           .external_id = TB_LIT("bd-1"), .agent_id = TB_LIT("old hand"), .occurred_at = 42);
    IMPORT("resolved in done, with times",
           BIT(TB_IMPORT_TITLE) | BIT(TB_IMPORT_TICKET_TYPE) | BIT(TB_IMPORT_PRIORITY) |
               BIT(TB_IMPORT_STATUS) | BIT(TB_IMPORT_IS_RESOLVED) | BIT(TB_IMPORT_CREATED_AT) |
               BIT(TB_IMPORT_UPDATED_AT) | BIT(TB_IMPORT_STARTED_AT) | BIT(TB_IMPORT_COMPLETED_AT) |
               BIT(TB_IMPORT_RESOLVED_AT),
           .title = TB_LIT("Old"), .ticket_type = TB_LIT("bug"), .priority = TB_LIT("p1"),
           .status = TB_LIT("done"), .is_resolved = true, .created_at = 10, .updated_at = 30,
           .started_at = 15, .completed_at = 20, .resolved_at = 21);
    IMPORT("to doing, occurred at 42", BIT(TB_IMPORT_STATUS) | BIT(TB_IMPORT_OCCURRED_AT),
           .status = TB_LIT("doing"), .occurred_at = 42);
    IMPORT("deleted", BIT(TB_IMPORT_IS_DELETED), .is_deleted = true);
    IMPORT("not resolved, not deleted", BIT(TB_IMPORT_IS_RESOLVED) | BIT(TB_IMPORT_IS_DELETED));
    IMPORT("updated_at alone", BIT(TB_IMPORT_UPDATED_AT), .updated_at = 99);
    IMPORT("comment", BIT(TB_IMPORT_COMMENT_TEXT) | BIT(TB_IMPORT_COMMENT_KEY),
           .comment_text = TB_LIT("old words"), .comment_key = TB_LIT("7"));
    IMPORT("unknown column", BIT(TB_IMPORT_STATUS), .status = TB_LIT("nowhere"));
    IMPORT("unknown type", BIT(TB_IMPORT_TICKET_TYPE), .ticket_type = TB_LIT("epic"));
    IMPORT("priority p9", BIT(TB_IMPORT_PRIORITY), .priority = TB_LIT("p9"));
    IMPORT("parent absent", BIT(TB_IMPORT_PARENT_TICKET_ID), .parent_ticket_id = kit_id('V'));
    IMPORT("parent deleted", BIT(TB_IMPORT_PARENT_TICKET_ID), .parent_ticket_id = kit_id('Z'));
    IMPORT("parent its child", BIT(TB_IMPORT_PARENT_TICKET_ID), .parent_ticket_id = kit_id('Q'));
#define DEPENDS(name, letter, type)                                                                \
    IMPORT(name, BIT(TB_IMPORT_DEPENDENCIES),                                                      \
           .dependencies = RECORDS(struct tb_dependency_data,                                      \
                                   {.p.set = BIT(TB_DEP_DEPENDS_ON) | BIT(TB_DEP_TYPE),            \
                                    .depends_on = kit_id(letter),                                  \
                                    .dependency_type = TB_LIT(type)}))
    DEPENDS("waits for X alone", 'X', "blocks");
    DEPENDS("related X alone", 'X', "related");
    DEPENDS("waits for its dependent", 'Y', "blocks");
#undef DEPENDS
#undef IMPORT
    RUN("in another workflow", TB_CMD_IMPORT, tb_import_data, .p.set = BIT(TB_IMPORT_WORKFLOW_ID),
        .workflow_id = TB_LIT("elsewhere"));
}

void golden_tickets(struct golden *g)
{
    create_cases(g);
    update_cases(g);
    status_cases(g);
    people_cases(g);
    edge_cases(g);
    import_cases(g);
}
