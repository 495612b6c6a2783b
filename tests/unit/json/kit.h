/* What the tests of this folder share. */
#ifndef TB_TEST_JSON_KIT_H
#define TB_TEST_JSON_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/json/command.h"
#include "common/json/event.h"
#include "common/json/record.h"

/* JSON written with ' for ", so that it can be read in C. */
tb_str kit_json(struct tb_arena *arena, const char *fmt, ...) TB_PRINTF(2, 3);

void kit_assert_str(tb_str got, const char *want);

/* A command's envelope around data, with every required attribute; more is put before data. */
tb_str kit_command(struct tb_arena *arena, const char *type, const char *more, const char *data);

#define KIT_TICKET  "ticket-01936a5d-ac96-774b-bcce-b302099a8057"
#define KIT_TICKET2 "ticket-01936a5d-ac96-774b-bcce-b302099a8058"

/* Random but repeatable. */
struct kit_random {
    uint64_t state;
};
uint32_t kit_next(struct kit_random *r);
uint32_t kit_below(struct kit_random *r, uint32_t n);

/* Valid data of the record: every field that is required and others at random, some null, lengths
 * up to the caps now and then. */
void *kit_random_record(const struct tb_record *rec, struct kit_random *r, struct tb_arena *arena);

/* Reads a file of the repository whole; fails the test when it is not there. */
tb_str kit_file(struct tb_arena *arena, const char *path);

#endif
