/* Pieces JSON Schemas (draft 2020-12) are made of: each writes members of the object that is open.
 */
#ifndef TB_JSON_GEN_SCHEMA_H
#define TB_JSON_GEN_SCHEMA_H

#include "common/json/gen/gen.h"

#define TB_UUID_PATTERN "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

void tb_schema_text(struct tb_json *w, const char *name, const char *value);
void tb_schema_number(struct tb_json *w, const char *name, int64_t value);
void tb_schema_type(struct tb_json *w, const char *type, bool nullable);
void tb_schema_choices(struct tb_json *w, const char *const *list, bool nullable);
void tb_schema_lengths(struct tb_json *w, int64_t min, int64_t max);
void tb_schema_id(struct tb_json *w, int64_t max);
void tb_schema_time(struct tb_json *w);
/* A field's value: one object. */
void tb_schema_field(struct tb_json *w, const struct tb_field *f);
/* A record as an object that takes no other members. */
void tb_schema_record(struct tb_json *w, const struct tb_record *rec, bool nullable,
                      bool with_rationale);
/* What an attribute's value looks like. */
void tb_schema_attribute(struct tb_json *w, enum tb_attribute a, bool nullable);
/* Opens the property of an attribute. */
void tb_schema_open_attribute(struct tb_json *w, enum tb_attribute a);
/* The beginning of a document, up to its required attributes, and the end of its properties. */
void tb_schema_head(struct tb_json *w, const char *name, const char *kind, const char *doc);
void tb_schema_tail(struct tb_json *w);

#endif
