/* One event of every type, with the values the golden files show. */
#ifndef TB_TEST_JSON_SAMPLES_H
#define TB_TEST_JSON_SAMPLES_H

#include "tests/unit/json/kit.h"

/* What causes the event; decoded from a golden command. */
const char *sample_cause(enum tb_event_kind kind);
/* Fills args for the kind; what they point to is in the arena or static. */
void sample_event(enum tb_event_kind kind, const struct tb_command *cmd, struct tb_arena *arena,
                  struct tb_event_args *args);
struct tb_dead_letter sample_dead_letter(void);

#endif
