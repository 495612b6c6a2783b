/* The registry of rejection codes (common/tbl/rejections.def). */
#ifndef TB_MODEL_REJECTION_H
#define TB_MODEL_REJECTION_H

#include "common/base/str.h"

enum tb_rejection {
    TB_REJECT_NONE = 0,
#define REJECTION(symbol, code, sentence) TB_REJECT_##symbol,
#include "common/tbl/rejections.def"
#undef REJECTION
    TB_REJECT_COUNT_,
};

/* Wire code, "" for none. */
const char *tb_rejection_code(enum tb_rejection rejection);
const char *tb_rejection_sentence(enum tb_rejection rejection);
/* TB_REJECT_NONE when unknown. */
enum tb_rejection tb_rejection_find(tb_str code);

#endif
