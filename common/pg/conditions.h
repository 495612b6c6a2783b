/* Conditions on tickets that every reader means alike. Each begins with AND and speaks of a ticket
 * `t` and its board `b`. */
#ifndef TB_PG_CONDITIONS_H
#define TB_PG_CONDITIONS_H

/* Open, unblocked and nobody's: what an orchestrator may hand out. */
extern const char tb_sql_ready[];
/* Neither resolved nor in a column for what is done. */
extern const char tb_sql_unfinished[];

#endif
