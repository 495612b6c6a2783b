#include "common/crash/crash.h"

#ifdef TB_FAULTS
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/crypto/crypto.h"

static struct {
    const char *name; /* NULL: none */
    size_t name_len;
    double when;
    bool chance;
    bool stop;
    unsigned passed;
} plan;

static void read_plan(void)
{
    const char *text = getenv("TICKETBUS_CRASH_AT");
    const char *colon = text ? strchr(text, ':') : NULL;
    if (!colon) {
        return;
    }
    char *end;
    plan.when = strtod(colon + 1, &end);
    plan.chance = memchr(colon, '.', (size_t)(end - colon)) != NULL;
    plan.stop = strcmp(end, ":stop") == 0;
    plan.name_len = (size_t)(colon - text);
    plan.name = text;
}

static bool is_due(void)
{
    if (!plan.chance) {
        return ++plan.passed == (unsigned)plan.when;
    }
    uint16_t dice;
    tb_random(&dice, sizeof dice);
    return dice < plan.when * UINT16_MAX;
}

void tb_crash_point(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, read_plan);
    if (!plan.name || strlen(name) != plan.name_len ||
        strncmp(name, plan.name, plan.name_len) != 0 || !is_due()) {
        return;
    }
    tb_log_warn("crash point %s: %s", name, plan.stop ? "SIGSTOP" : "SIGKILL");
    (void)kill(getpid(), plan.stop ? SIGSTOP : SIGKILL);
}
#else
typedef int tb_no_crash_points; /* a translation unit must not be empty */
#endif
