#include "common/json/attributes.h"

const struct tb_attribute_info tb_attributes[TB_ATTR_COUNT_] = {
#define ATTRIBUTE(symbol, name, command, event, format, doc)                                       \
    [TB_ATTR_##symbol] = {name, TB_USE_##command, TB_USE_##event, TB_FORMAT_##format, doc},
#include "common/json/attributes.def"
#undef ATTRIBUTE
};

int tb_attribute_find(tb_str name)
{
    for (int i = 0; i < TB_ATTR_COUNT_; i++) {
        if (tb_str_eq_c(name, tb_attributes[i].name)) {
            return i;
        }
    }
    return -1;
}
