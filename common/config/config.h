/* Settings, from the one table common/tbl/settings.def. */
#ifndef TB_CONFIG_CONFIG_H
#define TB_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

enum tb_setting {
#define SETTING(symbol, name, type, def, min, max, unit, programs, secret, doc) TB_SET_##symbol##_,
#include "common/tbl/settings.def"
#undef SETTING
    TB_SETTING_COUNT_,
};
/* Short form for call sites: TB_CFG(DB_HOST). */
#define TB_CFG(symbol) TB_SET_##symbol##_

enum tb_setting_type { TB_SETTING_STR, TB_SETTING_INT, TB_SETTING_BOOL };

struct tb_setting_info {
    const char *name;
    enum tb_setting_type type;
    const char *def;
    int64_t min;
    int64_t max;
    const char *unit;
    const char *programs;
    bool secret;
    const char *doc;
};
extern const struct tb_setting_info tb_settings[TB_SETTING_COUNT_];

struct tb_config;

/* Reads the environment and the file named by TICKETBUS_CONFIG (unknown names there are errors) and
 * checks every value that `program` (its letter) reads. The config is immutable and may be shared
 * by threads. Free with tb_config_free. */
enum tb_rc tb_config_load(char program, struct tb_config **ret, struct tb_error *err) TB_MUST_USE;
/* The same with values that win over both; TB_ENOTFOUND when there is no setting of a name. */
struct tb_config_given {
    const char *name;
    const char *value;
};
enum tb_rc tb_config_load_with(char program, const struct tb_config_given *given, size_t n,
                               struct tb_config **ret, struct tb_error *err) TB_MUST_USE;
void tb_config_free(struct tb_config *cfg);

/* Reads both again. Of what has changed, the settings that `program` may change while it runs
 * (RELOADED in the table) are taken over, which frees their old strings: no other thread may read
 * them meanwhile. told is called for each change, never with a value. On failure nothing changes.
 */
typedef void tb_config_told_fn(const struct tb_setting_info *info, bool taken, void *arg);
enum tb_rc tb_config_reload(struct tb_config *cfg, char program, tb_config_told_fn *told, void *arg,
                            struct tb_error *err) TB_MUST_USE;

/* NUL-terminated, valid as long as cfg. */
const char *tb_config_str(const struct tb_config *cfg, enum tb_setting s);
int64_t tb_config_int(const struct tb_config *cfg, enum tb_setting s);
bool tb_config_bool(const struct tb_config *cfg, enum tb_setting s);
/* The value was given, not defaulted. */
bool tb_config_given(const struct tb_config *cfg, enum tb_setting s);

/* The settings of one program as text for --help; secrets show no value. */
void tb_config_help(char program, tb_buf *out);
/* docs/configuration.md. */
void tb_config_markdown(tb_buf *out);

#endif
