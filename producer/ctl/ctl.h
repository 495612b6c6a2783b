/* One run of ticketctl: what was asked, settings, connections made on first use, output.
 *
 * Commands return an exit code: 0 done, 1 rejected, not found or failed, 2 wrong usage or settings,
 * 3 a part could not be reached. What is asked for goes to standard output, the rest to stderr. */
#ifndef TB_CTL_CTL_H
#define TB_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/attr.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/json_write.h"
#include "common/config/config.h"
#include "common/pg/pg.h"
#include "producer/ctl/args.h"
#include "producer/ctl/term.h"

enum { CTL_DONE = 0, CTL_REJECTED = 1, CTL_USAGE = 2, CTL_UNREACHABLE = 3 };

#define CTL_OUT_MAX   ((size_t)1 << 30) /* most bytes of one answer */
#define CTL_INPUT_MAX ((size_t)1 << 30) /* most bytes of a file read whole */

struct ctl_backend;
struct ctl_server;
struct ticketbus_outcome;

struct ctl {
    struct tb_arena *arena; /* lives as long as the run */
    struct ctl_args args;
    struct tb_config *cfg;
    const struct ctl_backend *backend; /* which way the command goes */
    struct ctl_server *server;         /* the gateway, NULL where it goes directly */
    struct tb_pg *pg;                  /* NULL until ctl_need_pg */
    struct ticketbus_outcome *outcome; /* of the command sent, or NULL */
    struct ctl_term term;
    bool json;
    tb_buf out; /* standard output, written by ctl_flush and at the end */
};

/* Prints the sentence and gives the exit code that goes with it. */
int ctl_fail(const struct tb_error *err);
int ctl_exit_of(enum tb_rc rc);
/* Wrong usage, in the words of the format: exit code 2. */
int ctl_usage(const struct ctl *ctl, const char *fmt, ...) TB_PRINTF(2, 3);
/* A sentence on stderr. */
void ctl_say(const char *fmt, ...) TB_PRINTF(1, 2);

/* Writes what has gathered in ctl->out. False when nobody reads it any more. */
bool ctl_flush(struct ctl *ctl);

enum tb_rc ctl_need_pg(struct ctl *ctl, struct tb_error *err) TB_MUST_USE;
/* ctl_need_pg and tb_pg_exec. */
enum tb_rc ctl_query(struct ctl *ctl, const char *sql, const struct tb_pg_params *params,
                     struct tb_pg_result **ret, struct tb_error *err) TB_MUST_USE;

/* The whole of a file, "-" for standard input, in the arena. */
enum tb_rc ctl_read_file(struct ctl *ctl, const char *path, tb_str *ret,
                         struct tb_error *err) TB_MUST_USE;

/* The ticket id that a user means: a ticket id, its UUID, or as stored in Postgres an external id
 * or the end (at least four characters) of a UUID. TB_ENOTFOUND, or TB_ECONFLICT when several
 * match. */
enum tb_rc ctl_ticket_id(struct ctl *ctl, tb_str given, tb_str *ret,
                         struct tb_error *err) TB_MUST_USE;
/* Well-formed "ticket-<lower-case uuid>". */
bool ctl_is_ticket_id(tb_str text);

/* The sentence that settings, commands and pages share. */
#define CTL_EXIT_CODES                                                                             \
    "0 done; 1 rejected, not found or failed; 2 wrong usage or settings; 3 a part could not be "   \
    "reached, or no outcome came in time."

#endif
