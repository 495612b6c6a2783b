/* The golden table of rules: states x commands x contexts through decide, as text. */
#ifndef TB_TESTS_CORE_GOLDEN_H
#define TB_TESTS_CORE_GOLDEN_H

#include "tests/unit/core/kit.h"

struct golden {
    tb_buf *out;
    struct kit *lists; /* keeps the lists of the commands' data */
    bool hit[TB_RULE_COUNT_];
};

/* One command against every state and context. The data must outlive the call alone. */
void golden_command(struct golden *g, const char *name, enum tb_command_kind kind,
                    const void *data);
void golden_tickets(struct golden *g); /* every command of a ticket */
void golden_boards(struct golden *g);  /* board.put */
void golden_limits(struct golden *g);  /* what only large inputs reach */
/* Notes the rule as hit and writes the decision. */
void golden_line(struct golden *g, const char *state, const char *context, const char *outcome);
void golden_note(struct golden *g, const struct tb_decision *decision);

#endif
