/* topics ensure, topics describe. */
#include "producer/ctl/topics.h"

#include <stdio.h>
#include <string.h>

#include "producer/ctl/grid.h"
#include "producer/ctl/verbs.h"

#define BROKER_DEFAULT_MAX 1048588 /* message.max.bytes as brokers come */

void ctl_topics_wanted(const struct tb_config *cfg, struct ctl_topic out[CTL_TOPICS])
{
    int32_t n = (int32_t)tb_config_int(cfg, TB_CFG(TOPIC_PARTITIONS));
    out[0] = (struct ctl_topic){tb_config_str(cfg, TB_CFG(TOPIC_COMMANDS)), n, "commands"};
    out[1] = (struct ctl_topic){tb_config_str(cfg, TB_CFG(TOPIC_EVENTS)), n, "events"};
    out[2] = (struct ctl_topic){tb_config_str(cfg, TB_CFG(TOPIC_DLQ)), 1, "dead letters"};
    out[3] = (struct ctl_topic){tb_config_str(cfg, TB_CFG(TOPIC_INDEX_DLQ)), 1, "not indexable"};
}

tb_str ctl_topic_duration(tb_str milliseconds, struct tb_arena *arena)
{
    int64_t ms;
    if (!ctl_parse_int(milliseconds, &ms)) {
        return milliseconds;
    }
    if (ms < 0) {
        return TB_LIT("for ever");
    }
    if (ms % 86400000 == 0) {
        return tb_arena_printf(arena, "%lld days", (long long)(ms / 86400000));
    }
    return ms % 3600000 == 0 ? tb_arena_printf(arena, "%lld hours", (long long)(ms / 3600000))
                             : tb_arena_printf(arena, "%lld s", (long long)(ms / 1000));
}

/* -1 when the broker does not tell. */
static int64_t number(const struct tb_topic_info *info, const char *name)
{
    int64_t value;
    return ctl_parse_int(tb_topic_value(info, name), &value) ? value : -1;
}

tb_str ctl_topic_trouble(const struct tb_config *cfg, const struct ctl_topic *topic,
                         const struct tb_topic_info *info, struct tb_arena *arena)
{
    int64_t outcomes_ms = tb_config_int(cfg, TB_CFG(OUTCOME_RETENTION_H)) * 3600000;
    int64_t largest = tb_config_int(cfg, TB_CFG(MESSAGE_MAX_BYTES));
    int64_t retention = number(info, "retention.ms");
    int64_t max = number(info, "max.message.bytes");
    tb_str policy = tb_topic_value(info, "cleanup.policy");
    bool waits = strcmp(topic->role, "commands") == 0 || strcmp(topic->role, "events") == 0;
    if (info->leaderless) {
        return tb_arena_printf(arena, "%d of %d partitions have no leader: look at the brokers",
                               info->leaderless, info->partitions);
    }
    if (waits && info->partitions != topic->partitions) {
        return tb_arena_printf(
            arena,
            "it has %d partitions, TICKETBUS_TOPIC_PARTITIONS says %d: set it to %d; another "
            "number "
            "would send tickets to other partitions than before (the runbook has the procedure)",
            info->partitions, topic->partitions, info->partitions);
    }
    if (!tb_str_is_null(policy) && !tb_str_eq_c(policy, "delete")) {
        return tb_arena_printf(arena,
                               "cleanup.policy is %.*s: compaction drops changes that consumers "
                               "still need; set it to delete",
                               TB_ARG(policy));
    }
    if (waits && tb_topic_value(info, "retention.ms").ptr && retention >= 0 &&
        retention < outcomes_ms) {
        return tb_arena_printf(
            arena,
            "retention.ms is %lld, shorter than the %lld hours outcomes are kept: "
            "raise it",
            (long long)retention, (long long)(outcomes_ms / 3600000));
    }
    if (max >= 0 && max < largest) {
        return tb_arena_printf(arena,
                               "max.message.bytes is %lld, less than TICKETBUS_MESSAGE_MAX_BYTES "
                               "(%lld): raise the first or lower the second",
                               (long long)max, (long long)largest);
    }
    return TB_STR_NULL;
}

static enum tb_rc ensure(struct ctl *ctl, struct tb_admin *admin, const struct ctl_topic *topic,
                         bool *ret_created, struct tb_error *err)
{
    const struct tb_config *cfg = ctl->cfg;
    int64_t largest = tb_config_int(cfg, TB_CFG(MESSAGE_MAX_BYTES));
    char retention[24];
    char max[24];
    (void)snprintf(retention, sizeof retention, "%lld",
                   (long long)tb_config_int(cfg, TB_CFG(TOPIC_RETENTION_MS)));
    (void)snprintf(
        max, sizeof max, "%lld",
        (long long)(largest + 4096 > BROKER_DEFAULT_MAX ? largest + 4096 : BROKER_DEFAULT_MAX));
    int64_t replicas = tb_config_int(cfg, TB_CFG(TOPIC_REPLICATION));
    const struct tb_topic_setting settings[] = {
        {"cleanup.policy", "delete"},
        {"retention.ms", retention},
        {"max.message.bytes", max},
        {"min.insync.replicas", replicas >= 3 ? "2" : "1"},
    };
    struct tb_topic_spec spec = {.name = topic->name,
                                 .partitions = topic->partitions,
                                 .replication = (int16_t)replicas,
                                 .settings = settings,
                                 .nsettings = TB_COUNT(settings)};
    return tb_admin_ensure(admin, &spec, ret_created, CTL_KAFKA_MS, err);
}

int ctl_run_topics_ensure(struct ctl *ctl)
{
    struct tb_error err = {0};
    struct tb_admin *admin = NULL;
    enum tb_rc rc = tb_admin_new(ctl->cfg, "ticketctl", &admin, &err);
    if (rc != TB_OK) {
        return ctl_fail(&err);
    }
    struct ctl_topic topics[CTL_TOPICS];
    struct tb_json w = {.buf = &ctl->out};
    int code = CTL_DONE;
    ctl_topics_wanted(ctl->cfg, topics);
    if (ctl->json) {
        tb_json_open(&w, '{');
    }
    for (size_t i = 0; i < CTL_TOPICS && code != CTL_UNREACHABLE; i++) {
        bool created = false;
        rc = ensure(ctl, admin, &topics[i], &created, &err);
        if (rc != TB_OK) {
            code = ctl_fail(&err);
        }
        const char *said = rc != TB_OK ? "refused" : created ? "created" : "there";
        if (ctl->json) {
            tb_json_key(&w, topics[i].name);
            tb_json_string(&w, tb_str_of(said));
        } else {
            tb_buf_printf(&ctl->out, "%s: %s\n", topics[i].name, said);
        }
    }
    if (ctl->json) {
        tb_json_close(&w, '}');
        tb_buf_add_char(&ctl->out, '\n');
    }
    tb_admin_free(admin);
    return code;
}

static void describe_json(struct tb_json *w, const struct ctl_topic *topic,
                          const struct tb_topic_info *info, tb_str trouble)
{
    tb_json_open(w, '{');
    tb_json_key(w, "name");
    tb_json_string(w, tb_str_of(topic->name));
    tb_json_key(w, "role");
    tb_json_string(w, tb_str_of(topic->role));
    tb_json_key(w, "exists");
    tb_json_bool(w, info != NULL);
    tb_json_key(w, "trouble");
    tb_json_string(w, trouble);
    if (info) {
        tb_json_key(w, "partitions");
        tb_json_int(w, info->partitions);
        tb_json_key(w, "replication");
        tb_json_int(w, info->replication);
        tb_json_key(w, "settings");
        tb_json_open(w, '{');
        for (size_t i = 0; i < info->nvalues; i++) {
            tb_json_key_str(w, info->values[i].name);
            tb_json_string(w, info->values[i].value);
        }
        tb_json_close(w, '}');
    }
    tb_json_close(w, '}');
}

int ctl_run_topics_describe(struct ctl *ctl)
{
    static const char *const heads[] = {"TOPIC",     "ROLE",        "PARTITIONS", "REPLICAS",
                                        "RETENTION", "MAX MESSAGE", "TROUBLE",    NULL};
    struct tb_error err = {0};
    struct tb_admin *admin = NULL;
    if (tb_admin_new(ctl->cfg, "ticketctl", &admin, &err) != TB_OK) {
        return ctl_fail(&err);
    }
    struct ctl_topic topics[CTL_TOPICS];
    struct ctl_grid grid;
    struct tb_json w = {.buf = &ctl->out};
    int code = CTL_DONE;
    ctl_topics_wanted(ctl->cfg, topics);
    ctl_grid_init(&grid, ctl->arena, heads);
    if (ctl->json) {
        tb_json_open(&w, '[');
    }
    for (size_t i = 0; i < CTL_TOPICS && code != CTL_UNREACHABLE; i++) {
        struct tb_topic_info info = {0};
        enum tb_rc rc =
            tb_admin_describe(admin, topics[i].name, ctl->arena, &info, CTL_KAFKA_MS, &err);
        bool there = rc == TB_OK;
        if (!there && rc != TB_ENOTFOUND) {
            code = ctl_fail(&err);
            continue;
        }
        tb_str trouble = there ? ctl_topic_trouble(ctl->cfg, &topics[i], &info, ctl->arena)
                               : TB_LIT("it is not there: ticketctl topics ensure");
        code = tb_str_is_null(trouble) ? code : CTL_REJECTED;
        if (ctl->json) {
            describe_json(&w, &topics[i], there ? &info : NULL, trouble);
            continue;
        }
        ctl_grid_add(&grid, tb_str_of(topics[i].name), CTL_PLAIN);
        ctl_grid_add(&grid, tb_str_of(topics[i].role), CTL_PLAIN);
        ctl_grid_add_int(&grid, info.partitions);
        ctl_grid_add_int(&grid, info.replication);
        ctl_grid_add(&grid, ctl_topic_duration(tb_topic_value(&info, "retention.ms"), ctl->arena),
                     CTL_PLAIN);
        ctl_grid_add(&grid, tb_topic_value(&info, "max.message.bytes"), CTL_PLAIN);
        ctl_grid_add(&grid, trouble, CTL_YELLOW);
    }
    if (ctl->json) {
        tb_json_close(&w, ']');
        tb_buf_add_char(&ctl->out, '\n');
    } else {
        ctl_grid_render(&grid, &ctl->term, &ctl->out);
    }
    tb_admin_free(admin);
    return code;
}
