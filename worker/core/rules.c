#include "worker/core/rules.h"

const struct tb_rule_info tb_rules[TB_RULE_COUNT_] = {
#define RULE(symbol, id_, verdict_, rejection_, sentence_, source_)                                \
    [TB_RULE_##symbol] = {.id = id_,                                                               \
                          .verdict = TB_##verdict_,                                                \
                          .rejection = TB_REJECT_##rejection_,                                     \
                          .sentence = sentence_,                                                   \
                          .source = source_},
#include "worker/core/rules.def"
#undef RULE
};
