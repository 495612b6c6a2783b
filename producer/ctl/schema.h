/* Which migrations the database has. */
#ifndef TB_CTL_SCHEMA_H
#define TB_CTL_SCHEMA_H

#include "producer/ctl/ctl.h"

struct ctl_schema_row {
    bool applied;
    bool changed; /* applied with another text than this program's */
    int64_t applied_at;
};

struct ctl_schema {
    int64_t current; /* highest applied, 0 for none */
    int64_t latest;  /* this program's last */
    size_t pending;
    size_t unknown; /* applied, but newer than this program */
    size_t changed;
    struct ctl_schema_row *rows; /* by version, from 1 at index 0 */
};

enum tb_rc ctl_schema_read(struct ctl *ctl, struct ctl_schema *ret,
                           struct tb_error *err) TB_MUST_USE;

#endif
