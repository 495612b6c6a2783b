/* The commands' functions, one file per group of verbs. */
#ifndef TB_CTL_VERBS_H
#define TB_CTL_VERBS_H

struct ctl;

/* help.c */
int ctl_run_help(struct ctl *ctl);
int ctl_run_completion(struct ctl *ctl);
int ctl_run_version(struct ctl *ctl);
int ctl_run_settings(struct ctl *ctl);
/* migrate.c */
int ctl_run_migrate_up(struct ctl *ctl);
int ctl_run_migrate_down(struct ctl *ctl);
int ctl_run_migrate_status(struct ctl *ctl);
/* token.c */
int ctl_run_mcp(struct ctl *ctl);
int ctl_run_token_create(struct ctl *ctl);
int ctl_run_token_list(struct ctl *ctl);
int ctl_run_token_revoke(struct ctl *ctl);
/* topics.c */
int ctl_run_topics_ensure(struct ctl *ctl);
int ctl_run_topics_describe(struct ctl *ctl);
/* write.c */
int ctl_run_write(struct ctl *ctl);
int ctl_run_board_put(struct ctl *ctl);
/* send.c */
int ctl_run_send(struct ctl *ctl);
/* list.c */
int ctl_run_list(struct ctl *ctl);
/* show.c */
int ctl_run_show(struct ctl *ctl);
int ctl_run_history(struct ctl *ctl);
int ctl_run_timeline(struct ctl *ctl);
/* board.c */
int ctl_run_board(struct ctl *ctl);
int ctl_run_boards(struct ctl *ctl);
/* outcome.c */
int ctl_run_outcome(struct ctl *ctl);
/* export.c */
int ctl_run_export(struct ctl *ctl);
/* events.c */
int ctl_run_events(struct ctl *ctl);
/* partitions.c */
int ctl_run_partition_list(struct ctl *ctl);
int ctl_run_partition_resume(struct ctl *ctl);
/* parking.c */
int ctl_run_dlq_list(struct ctl *ctl);
int ctl_run_dlq_show(struct ctl *ctl);
/* settle.c */
int ctl_run_dlq_settle(struct ctl *ctl);
/* search.c */
int ctl_run_search(struct ctl *ctl);
int ctl_run_similar(struct ctl *ctl);
int ctl_run_index_status(struct ctl *ctl);
int ctl_run_index_verify(struct ctl *ctl);
/* index.c */
int ctl_run_index_ticket(struct ctl *ctl);
int ctl_run_index_reconcile(struct ctl *ctl);
/* reindex.c */
int ctl_run_index_reindex(struct ctl *ctl);
/* doctor.c */
int ctl_run_doctor(struct ctl *ctl);
/* import.c */
int ctl_run_import_beads(struct ctl *ctl);
/* webhook.c */
int ctl_run_webhook_create(struct ctl *ctl);
int ctl_run_webhook_list(struct ctl *ctl);
int ctl_run_webhook_show(struct ctl *ctl);
int ctl_run_webhook_pause(struct ctl *ctl);
int ctl_run_webhook_resume(struct ctl *ctl);
int ctl_run_webhook_rotate(struct ctl *ctl);
int ctl_run_webhook_test(struct ctl *ctl);
int ctl_run_webhook_deliveries(struct ctl *ctl);
int ctl_run_webhook_redrive(struct ctl *ctl);
int ctl_run_webhook_delete(struct ctl *ctl);

#endif
