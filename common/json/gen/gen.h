/* The generator of schemas and reference pages: everything it writes follows from the tables in
 * common/tbl, common/model and attributes.def. Not installed. */
#ifndef TB_JSON_GEN_H
#define TB_JSON_GEN_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/json_write.h"
#include "common/json/attributes.h"
#include "common/model/command.h"
#include "common/model/event.h"

#define TB_GEN_MAX_BYTES ((size_t)4 * 1024 * 1024)

/* ---- shapes of what events carry besides ticket fields ---- */

enum tb_shape_kind {
    TB_SHAPE_STRING,
    TB_SHAPE_TIME,
    TB_SHAPE_BOOL,
    TB_SHAPE_INT,
    TB_SHAPE_STRINGS,
    TB_SHAPE_STRINGS_MAP,
    TB_SHAPE_OBJECT, /* of shape */
    TB_SHAPE_LIST,   /* of objects of shape */
    TB_SHAPE_FIELDS, /* any of the ticket's fields */
};

struct tb_shape;

struct tb_shape_member {
    const char *name;
    enum tb_shape_kind kind;
    bool required;
    bool nullable;
    const struct tb_shape *shape;
    const char *doc;
};

struct tb_shape {
    const char *name;
    const struct tb_shape_member *members;
    size_t n;
};

/* The data of an event type; optional members are those only some events of the type have. */
void tb_shape_of_event(const struct tb_event_type *type, struct tb_shape_member *members,
                       size_t room, size_t *ret_n);
/* The shapes members refer to, for the pages. NULL-terminated. */
extern const struct tb_shape *const tb_shapes[];
extern const struct tb_shape tb_shape_dead_letter;

/* ---- documents; each is appended whole ---- */

void tb_gen_command_schema(const struct tb_command_type *type, tb_buf *out);
void tb_gen_event_schema(const struct tb_event_type *type, tb_buf *out);
void tb_gen_dead_letter_schema(tb_buf *out);
void tb_gen_asyncapi(tb_buf *out);
void tb_gen_commands_page(tb_buf *out);
void tb_gen_events_page(tb_buf *out);
void tb_gen_rejections_page(tb_buf *out);

/* Which attributes a command or event of the type has to carry. */
bool tb_gen_command_requires(const struct tb_command_type *type, enum tb_attribute a);
bool tb_gen_event_has(const struct tb_event_type *type, enum tb_attribute a, bool *ret_required);

#endif
