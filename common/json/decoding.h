/* What the two sources that decode a command share: the state and how a failure is noted. */
#ifndef TB_JSON_DECODING_H
#define TB_JSON_DECODING_H

#include "common/json/attributes.h"
#include "common/json/command.h"
#include "common/json/internal.h"

struct tb_decoding {
    struct tb_arena *arena;
    struct tb_command *cmd;
    struct tb_decode_failure *fail;
    enum tb_rc rc;                               /* of the first failure */
    const struct tb_tree *attrs[TB_ATTR_COUNT_]; /* NULL: not given, or null */
};

/* Notes a failure; the first one counts. */
void tb_decoding_fail(struct tb_decoding *d, enum tb_decode_kind kind, enum tb_rejection rejection,
                      tb_str field, const char *fmt, ...) TB_PRINTF(5, 6);
/* The attribute is not valid: answered, or a dead letter where nobody can be answered. */
void tb_decoding_invalid(struct tb_decoding *d, enum tb_attribute a, const char *what);
void tb_decoding_dead(struct tb_decoding *d, enum tb_attribute a, const char *what);
void tb_decoding_no_memory(struct tb_decoding *d);

/* Schema version, id, source, type and subject: what an answer needs. */
void tb_decoding_identity(struct tb_decoding *d);
/* All the others, as far as they go. */
void tb_decoding_attributes(struct tb_decoding *d);
void tb_decoding_extensions(struct tb_decoding *d, const struct tb_tree *root);

#endif
