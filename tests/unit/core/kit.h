/* What the tests of the rules share: short names for tickets, a usual board, running one command,
 * and a decision as one line of text.
 *
 * Ticket 'A' has an id that ends in the letter's code; the text shows the letter again. */
#ifndef TB_TESTS_CORE_KIT_H
#define TB_TESTS_CORE_KIT_H

#include "common/base/buf.h"
#include "worker/core/rules.h"
#include "worker/core/world.h"

#define KIT_NOW 500 /* the command's time in every test, in microseconds since 1970 */
#define KIT_OLD 100 /* when existing tickets were made */

/* Bit of a record's tb_present, for initialisers: .p.set = BIT(TB_X) | BIT(TB_Y). */
#define BIT(field) (UINT64_C(1) << (field))
/* A list from literals: LIST(TB_LIT("a"), TB_LIT("b")). Lives to the end of the block. */
#define LIST(...)                                                                                  \
    ((tb_strs){(const tb_str[]){__VA_ARGS__},                                                      \
               sizeof((const tb_str[]){__VA_ARGS__}) / sizeof(tb_str)})
/* Records from initialised structs. */
#define RECORDS(type, ...)                                                                         \
    ((struct tb_records){(const type[]){__VA_ARGS__},                                              \
                         sizeof((const type[]){__VA_ARGS__}) / sizeof(type)})

struct kit {
    struct tb_arena *arena;
    struct tb_world *w;
    struct tb_board board; /* the usual one; kit_add_board puts it into the world */
    struct tb_context ctx;
    tb_str actor;
    tb_str actor_type;
    int64_t expected_version;
};

/* Aborts when out of memory, as all of the kit does. */
void kit_open(struct kit *k);
void kit_close(struct kit *k);

tb_str kit_id(char letter);         /* ticket-…41 for 'A' */
tb_str kit_comment_id(char letter); /* comment-…41 */
tb_strs kit_ids(struct kit *k,
                const char *letters); /* "AB": both ids, sorted by letter if you do */

void kit_add_board(struct kit *k);
/* An existing ticket of workflow "wf" in the column; the caller may change it before adding. */
struct tb_ticket kit_ticket(char letter, const char *status);
void kit_add(struct kit *k, const struct tb_ticket *t);
void kit_edge(struct kit *k, char from, char to, const char *type);
enum { KIT_RESOLVED = 1, KIT_DELETED = 2, KIT_FOREIGN = 4 };
void kit_ref(struct kit *k, char letter, unsigned flags, char parent /* 0: none */);

struct tb_command kit_command(const struct kit *k, enum tb_command_kind kind, char subject,
                              const void *data);
struct tb_decision kit_decide(struct kit *k, enum tb_command_kind kind, char subject,
                              const void *data);
/* Decides and commits. */
struct tb_decision kit_run(struct kit *k, enum tb_command_kind kind, char subject,
                           const void *data);

/* The usual board: todo (open), doing, review (active), done, closed (done); types task (default),
 * bug; administrator root, who may do anything to a blocked ticket. */
struct tb_board kit_usual_board(void);

/* "applied status.moved | ticket.status_changed{status todo>doing} by ann => recheck Y" and so on.
 * updated_at is shown only when it is not the event's time; an event that does not set it has a ~.
 */
void kit_render(tb_buf *buf, const struct tb_decision *decision);
/* With ids as letters. */
void kit_render_str(tb_buf *buf, tb_str s);

#endif
