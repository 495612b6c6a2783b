#include "tests/unit/core/kit.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        (void)fprintf(stderr, "test kit: out of memory\n");
        abort();
    }
}

/* ---- ids ---- */

#define ID_TAIL "00000000-0000-7000-8000-0000000000"

static tb_str make_id(char *text, size_t size, const char *prefix, char letter)
{
    if (text[0]) { /* made before */
        return tb_str_of(text);
    }
    int n = snprintf(text, size, "%s" ID_TAIL "%02x", prefix, (unsigned)(unsigned char)letter);
    return (tb_str){text, (size_t)n};
}

tb_str kit_id(char letter)
{
    static char texts[128][64];
    return make_id(texts[letter & 127], sizeof texts[0], "ticket-", letter);
}

tb_str kit_comment_id(char letter)
{
    static char texts[128][64];
    return make_id(texts[letter & 127], sizeof texts[0], "comment-", letter);
}

tb_strs kit_ids(struct kit *k, const char *letters)
{
    size_t n = strlen(letters);
    tb_str *ids = TB_NEW_N(k->arena, tb_str, n);
    must(ids != NULL);
    for (size_t i = 0; i < n; i++) {
        ids[i] = kit_id(letters[i]);
    }
    return (tb_strs){ids, n};
}

/* ---- the world ---- */

struct tb_board kit_usual_board(void)
{
    static struct tb_column columns[5];
    static tb_str types[2];
    static tb_str admins[1];
    static tb_str operations[2];
    static const char *const names[] = {"todo", "doing", "review", "done", "closed"};
    static const enum tb_category categories[] = {TB_CATEGORY_OPEN, TB_CATEGORY_ACTIVE,
                                                  TB_CATEGORY_ACTIVE, TB_CATEGORY_DONE,
                                                  TB_CATEGORY_DONE};
    for (int i = 0; i < 5; i++) {
        columns[i] = (struct tb_column){.id = tb_str_of(names[i]),
                                        .name = tb_str_of(names[i]),
                                        .order = i,
                                        .category = categories[i]};
    }
    types[0] = TB_LIT("task");
    types[1] = TB_LIT("bug");
    admins[0] = TB_LIT("root");
    operations[0] = TB_LIT("change_status");
    operations[1] = TB_LIT("resolve");
    return (struct tb_board){
        .id = TB_LIT("board-1"),
        .workflow_id = TB_LIT("wf"),
        .version = 3,
        .name = TB_LIT("Board"),
        .columns = columns,
        .ncolumns = 5,
        .ticket_types = {types, 2},
        .default_ticket_type = TB_LIT("task"),
        .initial_status = TB_LIT("todo"),
        .admins = {admins, 1},
        .admin_on_blocked = {operations, 2},
        .allow_reopen = true,
        .search_weight_semantic = -1,
        .similar_percent = -1,
        .created_at = KIT_OLD,
        .updated_at = KIT_OLD,
    };
}

void kit_open(struct kit *k)
{
    *k = (struct kit){.arena = tb_arena_new(0)};
    must(k->arena != NULL);
    k->w = tb_world_new(k->arena);
    must(k->w != NULL);
    k->board = kit_usual_board();
    k->ctx = (struct tb_context){
        .now_us = KIT_NOW,
        .comment_id = kit_comment_id('n'),
        .commit_id = TB_LIT("tc-1"),
        .board_id = TB_LIT("board-new"),
    };
    k->actor = TB_LIT("ann");
    k->actor_type = TB_LIT("worker_agent");
    k->expected_version = TB_EXPECTED_NONE;
}

void kit_close(struct kit *k)
{
    tb_arena_free(k->arena);
}

void kit_add_board(struct kit *k)
{
    must(tb_world_add_board(k->w, &k->board) == TB_OK);
}

struct tb_ticket kit_ticket(char letter, const char *status)
{
    struct tb_ticket t = tb_ticket_absent(kit_id(letter));
    t.version = 7;
    t.fields[TB_TICKET_WORKFLOW_ID] = tb_value_str(TB_LIT("wf"));
    t.fields[TB_TICKET_CREATED_BY_AGENT_ID] = tb_value_str(TB_LIT("maker"));
    t.fields[TB_TICKET_TITLE] = tb_value_str(TB_LIT("Title"));
    t.fields[TB_TICKET_TICKET_TYPE] = tb_value_str(TB_LIT("task"));
    t.fields[TB_TICKET_PRIORITY] = tb_value_str(TB_LIT("medium"));
    t.fields[TB_TICKET_STATUS] = tb_value_str(tb_str_of(status));
    t.fields[TB_TICKET_CREATED_AT] = tb_value_time(KIT_OLD);
    t.fields[TB_TICKET_UPDATED_AT] = tb_value_time(KIT_OLD);
    return t;
}

void kit_add(struct kit *k, const struct tb_ticket *t)
{
    must(tb_world_add_ticket(k->w, t) == TB_OK);
}

void kit_edge(struct kit *k, char from, char to, const char *type)
{
    struct tb_edge edge = {kit_id(from), kit_id(to), tb_str_of(type)};
    must(tb_world_add_edge(k->w, &edge) == TB_OK);
}

void kit_ref(struct kit *k, char letter, unsigned flags, char parent)
{
    struct tb_ref ref = {
        .id = kit_id(letter),
        .workflow_id = flags & KIT_FOREIGN ? TB_LIT("elsewhere") : TB_LIT("wf"),
        .parent_ticket_id = parent ? kit_id(parent) : TB_STR_NULL,
        .is_resolved = flags & KIT_RESOLVED,
        .is_deleted = flags & KIT_DELETED,
    };
    must(tb_world_add_ref(k->w, &ref) == TB_OK);
}

/* ---- running ---- */

struct tb_command kit_command(const struct kit *k, enum tb_command_kind kind, char subject,
                              const void *data)
{
    return (struct tb_command){
        .type = &tb_command_types[kind],
        .id = TB_LIT("c1"),
        .source = TB_LIT("/test"),
        .subject = kind == TB_CMD_BOARD_PUT ? TB_LIT("wf") : kit_id(subject),
        .actor = k->actor,
        .actor_type = k->actor_type,
        .time_us = TB_TIME_NONE,
        .expected_version = k->expected_version,
        .data = data,
    };
}

struct tb_decision kit_decide(struct kit *k, enum tb_command_kind kind, char subject,
                              const void *data)
{
    struct tb_command cmd = kit_command(k, kind, subject, data);
    struct tb_decision decision;
    must(tb_world_decide(k->w, &cmd, &k->ctx, &decision) == TB_OK);
    return decision;
}

struct tb_decision kit_run(struct kit *k, enum tb_command_kind kind, char subject, const void *data)
{
    struct tb_command cmd = kit_command(k, kind, subject, data);
    struct tb_decision decision;
    must(tb_world_decide(k->w, &cmd, &k->ctx, &decision) == TB_OK);
    must(tb_world_commit(k->w, &cmd, &decision) == TB_OK);
    return decision;
}
