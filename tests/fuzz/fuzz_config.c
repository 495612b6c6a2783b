/* Any file as TICKETBUS_CONFIG: read or refused with a sentence. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/config/config.h"
#include "tests/fuzz/fuzz.h"

/* A file in memory, its name in the environment. */
static int config_file(void)
{
    static int fd = -1;
    if (fd < 0) {
        char path[64];
        fd = memfd_create("config", 0);
        FUZZ_CHECK(fd >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        FUZZ_CHECK(setenv("TICKETBUS_CONFIG", path, 1) == 0);
    }
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = config_file();
    FUZZ_CHECK(ftruncate(fd, 0) == 0);
    FUZZ_CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
    struct tb_config *cfg = NULL;
    struct tb_error err = {0};
    enum tb_rc rc = tb_config_load("WICLG"[size % 5], &cfg, &err);
    FUZZ_CHECK(rc == TB_OK || (rc == TB_EINVAL && err.field[0] && err.text[0]));
    for (int s = 0; rc == TB_OK && s < TB_SETTING_COUNT_; s++) {
        enum tb_setting setting = (enum tb_setting)s;
        const struct tb_setting_info *info = &tb_settings[s];
        FUZZ_CHECK(tb_config_str(cfg, setting));
        if (info->type == TB_SETTING_INT) {
            int64_t n = tb_config_int(cfg, setting);
            FUZZ_CHECK(n >= info->min && n <= info->max);
        }
    }
    tb_config_free(cfg);
    return 0;
}
