/* The rows of webhooks, in table.c. */
#ifndef TB_CTL_TABLE_WEBHOOKS_H
#define TB_CTL_TABLE_WEBHOOKS_H

#include "producer/ctl/table_options.h"
#include "producer/ctl/verbs.h"

static const struct ctl_option webhook_options[] = {
    {.name = "workflow",
     .letter = 'w',
     .value = "ID",
     .repeat = true,
     .doc = "Only of this workflow."},
    {.name = "ticket", .value = "TICKET", .repeat = true, .doc = "Only of this ticket."},
    {.name = "type",
     .letter = 't',
     .value = "TYPE",
     .repeat = true,
     .doc = "Only of this type: ticket.created, or created for short."},
    {.name = "description", .value = "TEXT", .doc = "What it is for."},
    {.name = "parallel", .value = "N", .doc = "Most requests at once, 4 unless said."},
    {.name = "rate", .value = "N", .doc = "Most requests a second, 50 unless said."},
};

static const struct ctl_option webhook_rotate_options[] = {
    {.name = "hours",
     .value = "N",
     .doc = "How long the old secret signs too, 24 unless said; 0: it is void at once."},
};

static const char *const webhook_statuses[] = {"pending", "delivered", "dead", NULL};
static const struct ctl_option webhook_deliveries_options[] = {
    {.name = "status",
     .value = "STATUS",
     .choices = webhook_statuses,
     .doc = "Only those that are so."},
    {.name = "limit", .letter = 'n', .value = "N", .doc = "Most to show, 20 unless said."},
};

#define WEBHOOK(name_, args_, min, max, options_, noptions_, summary_, details_, run_)             \
    {                                                                                              \
        .group = "Operating", .name = name_, .args = args_, .min_args = min, .max_args = max,      \
        .kind = CTL_NO_KIND, .options = options_, .noptions = noptions_, .has_json = true,         \
        .reach = CTL_EITHER, .summary = summary_, .details = details_, .run = run_                 \
    }

/* clang-format off */
#define WEBHOOK_COMMANDS \
    WEBHOOK("webhook create", "URL", 1, 1, webhook_options, TB_COUNT(webhook_options), "Send events to a URL.", \
            "It is told what happens from now on. The secret its receiver verifies signatures with is shown once.\n", ctl_run_webhook_create), \
    WEBHOOK("webhook list", "", 0, 0, NULL, 0, "List webhooks, and what waits for them.", \
            NULL, ctl_run_webhook_list), \
    WEBHOOK("webhook show", "WEBHOOK", 1, 1, NULL, 0, "Show a webhook.", \
            NULL, ctl_run_webhook_show), \
    WEBHOOK("webhook pause", "WEBHOOK", 1, 1, NULL, 0, "Stop sending to a webhook; events are kept for it.", \
            NULL, ctl_run_webhook_pause), \
    WEBHOOK("webhook resume", "WEBHOOK", 1, 1, NULL, 0, "Send again, what has waited first.", \
            NULL, ctl_run_webhook_resume), \
    WEBHOOK("webhook rotate", "WEBHOOK", 1, 1, webhook_rotate_options, TB_COUNT(webhook_rotate_options), "Give a webhook a new secret.", \
            "Until the old one has run out both sign every delivery.\n", ctl_run_webhook_rotate), \
    WEBHOOK("webhook test", "WEBHOOK", 1, 1, NULL, 0, "Send a webhook.test event and show what came of it.", \
            NULL, ctl_run_webhook_test), \
    WEBHOOK("webhook deliveries", "WEBHOOK", 1, 1, webhook_deliveries_options, TB_COUNT(webhook_deliveries_options), "List the latest deliveries.", \
            NULL, ctl_run_webhook_deliveries), \
    WEBHOOK("webhook redrive", "WEBHOOK [DELIVERY]", 1, 2, NULL, 0, "Try dead deliveries again, all or one.", \
            NULL, ctl_run_webhook_redrive), \
    WEBHOOK("webhook delete", "WEBHOOK", 1, 1, NULL, 0, "Delete a webhook and what waits for it.", \
            NULL, ctl_run_webhook_delete)
/* clang-format on */

#endif
