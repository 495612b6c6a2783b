#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "producer/lib/internal.h"

enum ticketbus_rc tb_lib_settings_load(const struct ticketbus_setting *settings, size_t n,
                                       struct tb_config **ret, struct ticketbus_error *err)
{
    struct tb_config_given *given = calloc(n ? n : 1, sizeof *given);
    if (!given) {
        return tb_lib_no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        given[i] = (struct tb_config_given){settings[i].name, settings[i].value};
    }
    struct tb_error e = {.rc = TB_OK};
    enum tb_rc rc = tb_config_load_with('L', given, n, ret, &e);
    free(given);
    return rc == TB_OK ? TICKETBUS_OK : tb_lib_fail_from(err, &e);
}

void tb_lib_settings_client_id(const char *given, char out[80])
{
    static atomic_uint made;
    if (given && *given) {
        (void)snprintf(out, 80, "%.79s", given);
    } else {
        /* Unique: some bugs of librdkafka before 2.6.1 need equal ids to show. */
        (void)snprintf(out, 80, "ticketbus-%d-%u", (int)getpid(), atomic_fetch_add(&made, 1) + 1);
    }
}
