/* The registry of rules (rules.def): what a decision may name as its reason. */
#ifndef TB_WORKER_CORE_RULES_H
#define TB_WORKER_CORE_RULES_H

#include "common/model/decision.h"

enum tb_rule {
#define RULE(symbol, id, verdict, rejection, sentence, source) TB_RULE_##symbol,
#include "worker/core/rules.def"
#undef RULE
    TB_RULE_COUNT_,
};

struct tb_rule_info {
    const char *id;
    enum tb_verdict verdict;
    enum tb_rejection rejection; /* TB_REJECT_NONE unless the verdict is a rejection */
    const char *sentence;
    const char *source; /* where the rule comes from */
};

/* Indexed by rule. */
extern const struct tb_rule_info tb_rules[TB_RULE_COUNT_];

#endif
