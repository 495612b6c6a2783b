/* What the sources of libticketbus share. */
#ifndef TICKETBUS_INTERNAL_H
#define TICKETBUS_INTERNAL_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "common/config/config.h"
#include "common/model/command.h"
#include "ticketbus/ticketbus.h"

/* ---- errors (error.c) ---- */

enum ticketbus_rc tb_lib_fail(struct ticketbus_error *err, enum ticketbus_rc rc, const char *fmt,
                              ...) TB_PRINTF(3, 4);
/* field and code may be NULL. */
enum ticketbus_rc tb_lib_fail_with(struct ticketbus_error *err, enum ticketbus_rc rc,
                                   const char *field, const char *code, const char *fmt, ...)
    TB_PRINTF(5, 6);
/* Ours in terms of the public one. */
enum ticketbus_rc tb_lib_fail_from(struct ticketbus_error *err, const struct tb_error *from);
enum ticketbus_rc tb_lib_no_memory(struct ticketbus_error *err);

/* ---- commands (command.c, fields.c, seal.c) ---- */

/* A field of the data as JSON. */
struct ticketbus_field {
    int field;   /* of the type's record */
    int nested;  /* of that field's record, -1: the whole field */
    tb_str json; /* in the command's arena */
};

struct ticketbus_command {
    const struct tb_command_type *type;
    struct tb_arena *arena; /* holds every text below, NUL-terminated */
    tb_str id;
    tb_str source;
    tb_str subject;
    bool subject_given;
    tb_str actor;
    tb_str actor_type;
    tb_str correlation_id;
    tb_str causation_id;
    tb_str traceparent;
    tb_str tracestate;
    tb_str rationale;
    int64_t time_us;
    int64_t expected_version;
    struct ticketbus_field *fields; /* malloc'ed */
    size_t nfields;
    size_t room;
    tb_buf extensions; /* members: "a":"x","b":"y" */
    tb_str json;       /* null until sealed */
};

enum ticketbus_rc tb_lib_command_open(const struct ticketbus_command *cmd,
                                      struct ticketbus_error *err);
/* Fields as one object, in out. */
void tb_lib_fields_write(const struct ticketbus_command *cmd, tb_buf *out);
/* The subject of a create, as far as known. */
bool tb_lib_command_derive(struct ticketbus_command *cmd);

/* Largest command or event this library takes. */
#define TICKETBUS_JSON_MAX ((size_t)128 * 1024 * 1024)

/* ---- events (event.c) ---- */

/* One malloc'ed block; free() it. scratch is reset. TICKETBUS_EDATA: not an event. */
enum ticketbus_rc tb_lib_event_make(tb_str bytes, int32_t partition, int64_t offset,
                                    struct tb_arena *scratch, struct ticketbus_event **ret,
                                    struct ticketbus_error *err);

/* ---- settings (settings.c) ---- */

enum ticketbus_rc tb_lib_settings_load(const struct ticketbus_setting *settings, size_t n,
                                       struct tb_config **ret, struct ticketbus_error *err);
/* "ticketbus-<pid>-<n>" when given is NULL. */
void tb_lib_settings_client_id(const char *given, char out[80]);

#endif
