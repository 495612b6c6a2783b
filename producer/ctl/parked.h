/* Which parked tickets and dead letters are meant: the filters that dlq list, replay and drop
 * share.
 */
#ifndef TB_CTL_PARKED_H
#define TB_CTL_PARKED_H

#include "producer/ctl/ctl.h"

struct ctl_parked_filter {
    tb_str reason; /* null: any, as everywhere here */
    tb_str code;
    tb_str ticket;
    int64_t since_us; /* TB_TIME_NONE: any */
    int64_t until_us;
};

/* From the options typed. TB_EINVAL names the option. */
enum tb_rc ctl_parked_filter(struct ctl *ctl, struct ctl_parked_filter *ret,
                             struct tb_error *err) TB_MUST_USE;
/* "WHERE ..." over parked_tickets p, its values in params. */
void ctl_parked_where(const struct ctl_parked_filter *f, tb_buf *sql, struct tb_pg_params *params);
/* A dead letter is parked nowhere: a reason asked for leaves none. */
bool ctl_parked_fits_letter(const struct ctl_parked_filter *f, tb_str code, tb_str subject,
                            int64_t time_us);

#endif
