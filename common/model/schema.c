#include "common/model/schema.h"

int tb_record_find(const struct tb_record *record, tb_str name)
{
    for (size_t i = 0; i < record->nfields; i++) {
        if (tb_str_eq_c(name, record->fields[i].name)) {
            return (int)i;
        }
    }
    return -1;
}
