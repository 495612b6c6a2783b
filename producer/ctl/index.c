/* index ticket, index reconcile: what the indexer does, done here and now. */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "common/http/http.h"
#include "indexer/shell/proof.h"
#include "producer/ctl/ctl.h"
#include "producer/ctl/index.h"
#include "producer/ctl/progress.h"
#include "producer/ctl/verbs.h"

enum { SHOWN_MAX = 20 };

atomic_bool ctl_index_stop;

static void on_signal(int signal)
{
    (void)signal;
    atomic_store(&ctl_index_stop, true);
}

enum tb_rc ctl_index_open(struct ctl *ctl, struct tb_indexer *ix, tb_str collection,
                          struct tb_error *err)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    const struct tb_indexer_ties ties = {.stop = &ctl_index_stop, .abort = &ctl_index_stop};
    enum tb_rc rc = tb_http_global_init(err);
    rc = rc == TB_OK ? tb_indexer_open(ix, ctl->cfg, &ties, err) : rc;
    if (rc == TB_OK) {
        tb_indexer_give_up(ix, tb_config_int(ctl->cfg, TB_CFG(HTTP_TIMEOUT_MS)));
        rc = tb_indexer_aim(ix, collection, err);
    }
    return rc;
}

struct shown {
    struct ctl *ctl;
    bool all;
    int64_t counts[TB_FLAWS_];
    struct ctl_progress progress;
};

static void on_flaw(const struct tb_flaw_seen *seen, void *arg)
{
    struct shown *s = arg;
    struct ctl *ctl = s->ctl;
    if (++s->counts[seen->what] > SHOWN_MAX && !s->all) {
        return;
    }
    const char *what = tb_flaw_names[seen->what];
    if (ctl->json) {
        struct tb_json w = {.buf = &ctl->out};
        tb_json_open(&w, '{');
        tb_json_key(&w, "what");
        tb_json_string(&w, tb_str_of(what));
        tb_json_key(&w, "ticket_id");
        tb_json_string(&w, seen->ticket_id);
        tb_json_key(&w, "version");
        tb_json_int(&w, seen->version);
        tb_json_key(&w, "n");
        tb_json_int(&w, seen->n);
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        tb_buf_printf(&ctl->out, "%s: %.*s", what, TB_ARG(seen->ticket_id));
        tb_buf_printf(&ctl->out, seen->n > 1 ? " (%lld)\n" : "\n", (long long)seen->n);
    }
}

static void on_progress(size_t done, size_t total, void *arg)
{
    struct shown *s = arg;
    s->progress.total = total;
    ctl_progress_at(&s->progress, done);
}

static void counts_json(struct ctl *ctl, const struct tb_proof *p)
{
    const struct {
        const char *name;
        int64_t n;
    } counts[] = {
        {"tickets", p->tickets},         {"points", p->points},
        {"differences", p->differences}, {"repaired", p->repaired},
        {"refused", p->refused},         {"embedded", p->embedded},
        {"removed", p->removed},         {"tombstones_removed", p->tombstones},
        {"under_way", p->under_way},
    };
    struct tb_json w = {.buf = &ctl->out};
    tb_json_open(&w, '{');
    for (size_t i = 0; i < TB_COUNT(counts); i++) {
        tb_json_key(&w, counts[i].name);
        tb_json_int(&w, counts[i].n);
    }
    tb_json_key(&w, "flaws");
    tb_proof_flaws_json(p, &w);
    tb_json_close(&w, '}');
    tb_buf_add_char(&ctl->out, '\n');
}

static void counts_text(struct ctl *ctl, const struct shown *s, const struct tb_proof *p)
{
    for (size_t i = 0; i < TB_FLAWS_; i++) {
        if (s->counts[i] > SHOWN_MAX && !s->all) {
            tb_buf_printf(&ctl->out, "%s: %lld more; --all prints them\n", tb_flaw_names[i],
                          (long long)(s->counts[i] - SHOWN_MAX));
        }
    }
    tb_buf_printf(&ctl->out, "%lld tickets, %lld points, %lld differences", (long long)p->tickets,
                  (long long)p->points, (long long)p->differences);
    if (p->repair) {
        tb_buf_printf(&ctl->out,
                      "; %lld tickets written anew, %lld chunks embedded, %lld points removed, "
                      "%lld old tombstones removed",
                      (long long)p->repaired, (long long)p->embedded, (long long)p->removed,
                      (long long)p->tombstones);
    }
    if (p->refused) {
        tb_buf_printf(&ctl->out, "; %lld tickets refused: ticketctl dlq list --topic index",
                      (long long)p->refused);
    }
    if (p->under_way) {
        tb_buf_printf(&ctl->out, "; %lld tickets are being indexed", (long long)p->under_way);
    }
    tb_buf_add_char(&ctl->out, '\n');
}

int ctl_index_fail(const struct tb_indexer *ix, struct tb_error *err)
{
    const struct tb_patience *const all[] = {&ix->pg_patience, &ix->store_patience,
                                             &ix->embed_patience, &ix->kafka_patience};
    for (size_t i = 0; i < TB_COUNT(all) && err->rc == TB_EUNAVAILABLE; i++) {
        if (all[i]->attempts && !atomic_load(&ctl_index_stop)) {
            (void)tb_fail(err, TB_EUNAVAILABLE, "%s is away: %s", all[i]->part, all[i]->why);
        }
    }
    return ctl_fail(err);
}

int ctl_run_index_reconcile(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_indexer ix = {0};
    struct tb_pg *lock = NULL;
    struct shown shown = {.ctl = ctl, .all = ctl_flag(&ctl->args, "all")};
    enum tb_rc rc = ctl_index_open(ctl, &ix, TB_STR_NULL, &err);
    rc = rc == TB_OK ? tb_proof_lock(ctl->cfg, ix.collection, &lock, &err) : rc;
    if (rc == TB_OK && !lock) {
        tb_indexer_close(&ix);
        ctl_say("a pass is running already");
        return CTL_REJECTED;
    }
    struct tb_proof p = {.ix = &ix,
                         .repair = !ctl_flag(&ctl->args, "dry-run"),
                         .tombstone_s = tb_config_int(ctl->cfg, TB_CFG(INDEX_TOMBSTONE_H)) * 3600,
                         .fn = on_flaw,
                         .progress = on_progress,
                         .arg = &shown};
    ctl_progress_start(&shown.progress, "comparing", 0);
    rc = rc == TB_OK ? tb_proof_run(&p, &err) : rc;
    ctl_progress_end(&shown.progress);
    int code = CTL_DONE;
    if (rc != TB_OK) {
        code = ctl_index_fail(&ix, &err);
    } else {
        if (ctl->json) {
            counts_json(ctl, &p);
        } else {
            counts_text(ctl, &shown, &p);
        }
        code = (p.differences && !p.repair) || p.refused ? CTL_REJECTED : CTL_DONE;
    }
    tb_pg_free(lock);
    tb_indexer_close(&ix);
    return code;
}

int ctl_run_index_ticket(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_indexer ix = {0};
    struct shown shown = {.ctl = ctl, .all = true};
    tb_str id;
    enum tb_rc rc = ctl_ticket_id(ctl, ctl->args.args[0], &id, &err);
    rc = rc == TB_OK ? ctl_index_open(ctl, &ix, TB_STR_NULL, &err) : rc;
    struct tb_proof p = {.ix = &ix, .repair = true, .fn = on_flaw, .arg = &shown};
    rc = rc == TB_OK ? tb_proof_tickets(&p, &id, 1, ctl_flag(&ctl->args, "fresh"), &err) : rc;
    if (rc == TB_OK && p.tickets == 0) {
        rc = tb_fail(&err, TB_ENOTFOUND, "there is no ticket %.*s", TB_ARG(id));
    }
    int code = CTL_DONE;
    if (rc != TB_OK) {
        code = ctl_index_fail(&ix, &err);
    } else if (ctl->json) {
        counts_json(ctl, &p);
    } else if (p.repaired == 0 && p.refused == 0) {
        tb_buf_printf(&ctl->out, "%.*s is in the index as it should be\n", TB_ARG(id));
    } else if (p.repaired) {
        tb_buf_printf(&ctl->out, "%.*s is indexed: %lld chunks embedded\n", TB_ARG(id),
                      (long long)p.embedded);
    }
    if (rc == TB_OK && (p.refused || ix.stats.poison)) {
        ctl_say("%.*s is refused%s: ticketctl dlq list --topic index says why", TB_ARG(id),
                p.refused ? "" : " in parts");
        code = CTL_REJECTED;
    }
    tb_indexer_close(&ix);
    return code;
}
