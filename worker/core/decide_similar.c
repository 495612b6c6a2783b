/* What the index finds about a ticket reaches it as a command, like all that writes one. */
#include "worker/core/decide.h"

bool tb_decide_similar(struct tb_draft *d)
{
    const struct tb_similars_data *data = d->cmd->data;
    const struct tb_similar_data *given = data->similar.items;
    size_t n = 0;
    struct tb_similar *list = TB_NEW_N(d->arena, struct tb_similar, data->similar.n + 1);
    if (!list || !tb_ticket_exists(&d->state) || tb_ticket_bool(&d->state, TB_TICKET_IS_DELETED)) {
        return true;
    }
    for (size_t i = 0; i < data->similar.n; i++) {
        if (!tb_str_eq(given[i].ticket_id, d->cmd->subject)) {
            list[n++] = (struct tb_similar){given[i].ticket_id, given[i].score};
        }
    }
    struct tb_change *change = n ? tb_draft_emit(d, TB_EVENT_SIMILAR_FOUND,
                                                 TB_SAY(d, "like %.*s%s", TB_ARG(list[0].ticket_id),
                                                        n > 1 ? " and others" : ""))
                                 : NULL;
    if (change) {
        change->similar = list;
        change->nsimilar = n;
    }
    return true;
}
