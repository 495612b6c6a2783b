#include "producer/ctl/parked.h"

#include "common/base/clock.h"

static enum tb_rc read_time(const struct ctl *ctl, const char *name, int64_t *ret,
                            struct tb_error *err)
{
    tb_str text = ctl_opt(&ctl->args, name);
    *ret = TB_TIME_NONE;
    if (!tb_str_is_null(text) && !tb_time_parse(text, ret)) {
        return tb_fail(err, TB_EINVAL, "--%s is no time: 2026-11-23T20:08:00Z", name);
    }
    return TB_OK;
}

enum tb_rc ctl_parked_filter(struct ctl *ctl, struct ctl_parked_filter *ret, struct tb_error *err)
{
    struct ctl_parked_filter f = {
        .reason = ctl_opt(&ctl->args, "reason"),
        .code = ctl_opt(&ctl->args, "code"),
        .ticket = TB_STR_NULL,
    };
    tb_str ticket = ctl_opt(&ctl->args, "ticket");
    enum tb_rc rc = read_time(ctl, "since", &f.since_us, err);
    rc = rc != TB_OK ? rc : read_time(ctl, "until", &f.until_us, err);
    if (rc == TB_OK && !tb_str_is_null(ticket)) {
        rc = ctl_ticket_id(ctl, ticket, &f.ticket, err);
    }
    if (rc == TB_OK) {
        *ret = f;
    }
    return rc;
}

static void add_str(tb_buf *sql, struct tb_pg_params *params, const char *test, tb_str value)
{
    if (!tb_str_is_null(value)) {
        tb_pg_add_str(params, value);
        tb_buf_printf(sql, " AND %s $%d", test, params->n);
    }
}

static void add_time(tb_buf *sql, struct tb_pg_params *params, const char *test, int64_t value)
{
    if (value != TB_TIME_NONE) {
        tb_pg_add_time(params, value);
        tb_buf_printf(sql, " AND %s $%d", test, params->n);
    }
}

void ctl_parked_where(const struct ctl_parked_filter *f, tb_buf *sql, struct tb_pg_params *params)
{
    tb_buf_add_c(sql, " WHERE true");
    add_str(sql, params, "p.reason =", f->reason);
    add_str(sql, params, "p.code =", f->code);
    add_str(sql, params, "p.ticket_id =", f->ticket);
    add_time(sql, params, "p.parked_at >=", f->since_us);
    add_time(sql, params, "p.parked_at <", f->until_us);
}

bool ctl_parked_fits_letter(const struct ctl_parked_filter *f, tb_str code, tb_str subject,
                            int64_t time_us)
{
    return tb_str_is_null(f->reason) && (tb_str_is_null(f->code) || tb_str_eq(f->code, code)) &&
           (tb_str_is_null(f->ticket) || tb_str_eq(f->ticket, subject)) &&
           (f->since_us == TB_TIME_NONE || time_us >= f->since_us) &&
           (f->until_us == TB_TIME_NONE || time_us < f->until_us);
}
