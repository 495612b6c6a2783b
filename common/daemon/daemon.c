#include "common/daemon/daemon.h"

#include <signal.h>
#include <string.h>

#include "common/base/log.h"

static volatile sig_atomic_t g_reload;

static void on_hangup(int sig)
{
    (void)sig;
    g_reload = 1;
}

static enum tb_log_level log_level(const struct tb_config *cfg)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < TB_COUNT(names); i++) {
        if (strcmp(tb_config_str(cfg, TB_CFG(LOG_LEVEL)), names[i]) == 0) {
            return (enum tb_log_level)i;
        }
    }
    return TB_LOG_INFO;
}

void tb_daemon_begin(const char *program, const struct tb_config *cfg)
{
    struct sigaction sa = {.sa_handler = on_hangup};
    (void)sigaction(SIGHUP, &sa, NULL);
    tb_log_init(program, log_level(cfg),
                strcmp(tb_config_str(cfg, TB_CFG(LOG_FORMAT)), "json") == 0);
    tb_log_repeats((unsigned)tb_config_int(cfg, TB_CFG(LOG_REPEATS)));
}

static void on_changed_setting(const struct tb_setting_info *info, bool taken, void *arg)
{
    (void)arg;
    if (taken) {
        tb_log_info("%s has changed", info->name);
    } else {
        tb_log_warn("%s has changed, which takes a restart", info->name);
    }
}

bool tb_daemon_round(struct tb_config *cfg, char letter)
{
    struct tb_error err = {.rc = TB_OK};
    tb_log_tell_repeats(false);
    if (!g_reload) {
        return false;
    }
    g_reload = 0;
    if (tb_config_reload(cfg, letter, on_changed_setting, NULL, &err) != TB_OK) {
        tb_log_error("settings not read again: %s: %s", err.field, err.text);
        return false;
    }
    tb_log_level(log_level(cfg));
    tb_log_repeats((unsigned)tb_config_int(cfg, TB_CFG(LOG_REPEATS)));
    tb_log_info("settings read again");
    return true;
}
