#include "common/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)1024 * 1024)

#define TYPE_STR  TB_SETTING_STR
#define TYPE_INT  TB_SETTING_INT
#define TYPE_BOOL TB_SETTING_BOOL

const struct tb_setting_info tb_settings[TB_SETTING_COUNT_] = {
#define SETTING(symbol, name, type, def, min, max, unit, programs, secret, doc)                    \
    [TB_SET_##symbol##_] = {name, TYPE_##type, def, min, max, unit, programs, secret, doc},
#include "common/tbl/settings.def"
#undef SETTING
};

struct value {
    char *text;
    int64_t number;
    bool boolean;
    bool given;
};

struct tb_config {
    struct value values[TB_SETTING_COUNT_];
};

static int find(const char *name, size_t len)
{
    for (int i = 0; i < TB_SETTING_COUNT_; i++) {
        if (strlen(tb_settings[i].name) == len && memcmp(tb_settings[i].name, name, len) == 0) {
            return i;
        }
    }
    return -1;
}

static enum tb_rc assign(struct tb_config *cfg, int s, const char *text, size_t len, bool given,
                         struct tb_error *err)
{
    char *copy = strndup(text, len);
    if (!copy) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    free(cfg->values[s].text);
    cfg->values[s].text = copy;
    cfg->values[s].given = given;
    return TB_OK;
}

/* ---- checking ---- */

static enum tb_rc check_int(struct value *v, const struct tb_setting_info *info,
                            struct tb_error *err)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(v->text, &end, 10);
    bool digits = *v->text != '\0' && strspn(v->text, "-0123456789") == strlen(v->text);
    if (!digits || errno != 0 || *end != '\0') {
        return tb_fail_field(err, TB_EINVAL, info->name, "\"%s\" is not a whole number", v->text);
    }
    if (n < info->min || n > info->max) {
        return tb_fail_field(err, TB_EINVAL, info->name, "%lld is not within %lld and %lld%s%s", n,
                             (long long)info->min, (long long)info->max, *info->unit ? " " : "",
                             info->unit);
    }
    v->number = n;
    return TB_OK;
}

static enum tb_rc check_bool(struct value *v, const struct tb_setting_info *info,
                             struct tb_error *err)
{
    static const char *const words[] = {"0", "1", "false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < TB_COUNT(words); i++) {
        if (strcmp(v->text, words[i]) == 0) {
            v->boolean = i % 2 == 1;
            return TB_OK;
        }
    }
    return tb_fail_field(err, TB_EINVAL, info->name, "is neither true nor false");
}

static enum tb_rc check_str(const struct value *v, const struct tb_setting_info *info,
                            struct tb_error *err)
{
    int64_t len = (int64_t)strlen(v->text);
    if (len < info->min || len > info->max) {
        return tb_fail_field(err, TB_EINVAL, info->name,
                             "has %lld characters, allowed are %lld to %lld", (long long)len,
                             (long long)info->min, (long long)info->max);
    }
    return TB_OK;
}

static enum tb_rc check(struct value *v, const struct tb_setting_info *info, struct tb_error *err)
{
    switch (info->type) {
    case TB_SETTING_INT:
        return check_int(v, info, err);
    case TB_SETTING_BOOL:
        return check_bool(v, info, err);
    case TB_SETTING_STR:
        return check_str(v, info, err);
    }
    return TB_OK;
}

/* ---- sources ---- */

/* NAME=value; blank lines and # comments; a leading "export " and single or double quotes around
 * the value are allowed, so that shell files work. */
static enum tb_rc read_line(struct tb_config *cfg, const char *line, size_t len, int number,
                            struct tb_error *err)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r' || line[len - 1] == '\t')) {
        len--;
    }
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    if (len == 0 || *line == '#') {
        return TB_OK;
    }
    if (len > 7 && memcmp(line, "export ", 7) == 0) {
        line += 7;
        len -= 7;
    }
    const char *equals = memchr(line, '=', len);
    if (!equals) {
        return tb_fail_field(err, TB_EINVAL, "TICKETBUS_CONFIG", "line %d is not NAME=value",
                             number);
    }
    size_t name_len = (size_t)(equals - line);
    int s = find(line, name_len);
    if (s < 0) {
        return tb_fail_field(err, TB_EINVAL, "TICKETBUS_CONFIG",
                             "line %d: there is no setting %.*s", number, (int)name_len, line);
    }
    const char *value = equals + 1;
    size_t value_len = len - name_len - 1;
    if (value_len >= 2 && (*value == '\'' || *value == '"') && value[value_len - 1] == *value) {
        value++;
        value_len -= 2;
    }
    return assign(cfg, s, value, value_len, true, err);
}

static enum tb_rc read_file(struct tb_config *cfg, const char *path, struct tb_error *err)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        return tb_fail_field(err, TB_EINVAL, "TICKETBUS_CONFIG", "%s: %s", path, strerror(errno));
    }
    char *line = NULL;
    size_t room = 0;
    size_t total = 0;
    enum tb_rc rc = TB_OK;
    ssize_t n;
    for (int number = 1; rc == TB_OK && (n = getline(&line, &room, f)) > 0; number++) {
        size_t len = (size_t)n - (line[n - 1] == '\n');
        total += (size_t)n;
        rc = total > FILE_MAX_BYTES
                 ? tb_fail_field(err, TB_EINVAL, "TICKETBUS_CONFIG", "%s is too large", path)
                 : read_line(cfg, line, len, number, err);
    }
    free(line);
    (void)fclose(f);
    return rc;
}

static const char *find_given(const struct tb_config_given *given, size_t n, const char *name)
{
    for (size_t i = n; i > 0; i--) {
        if (strcmp(given[i - 1].name, name) == 0) {
            return given[i - 1].value;
        }
    }
    return NULL;
}

static enum tb_rc load(struct tb_config *cfg, char program, const struct tb_config_given *given,
                       size_t n, struct tb_error *err)
{
    enum tb_rc rc = TB_OK;
    for (int s = 0; s < TB_SETTING_COUNT_ && rc == TB_OK; s++) {
        rc = assign(cfg, s, tb_settings[s].def, strlen(tb_settings[s].def), false, err);
    }
    const char *path = getenv("TICKETBUS_CONFIG");
    if (rc == TB_OK && path && *path) {
        rc = read_file(cfg, path, err);
    }
    for (int s = 0; s < TB_SETTING_COUNT_ && rc == TB_OK; s++) {
        const char *text = find_given(given, n, tb_settings[s].name);
        text = text ? text : getenv(tb_settings[s].name);
        if (text) {
            rc = assign(cfg, s, text, strlen(text), true, err);
        }
        if (rc != TB_OK) {
            break;
        }
        rc = check(&cfg->values[s], &tb_settings[s], err);
        /* A value this program does not read is none of its business. */
        if (rc == TB_EINVAL && !strchr(tb_settings[s].programs, program)) {
            rc = assign(cfg, s, tb_settings[s].def, strlen(tb_settings[s].def), false, err);
            rc = rc != TB_OK ? rc : check(&cfg->values[s], &tb_settings[s], err);
        }
    }
    return rc;
}

enum tb_rc tb_config_load(char program, struct tb_config **ret, struct tb_error *err)
{
    return tb_config_load_with(program, NULL, 0, ret, err);
}

enum tb_rc tb_config_load_with(char program, const struct tb_config_given *given, size_t n,
                               struct tb_config **ret, struct tb_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (find(given[i].name, strlen(given[i].name)) < 0) {
            return tb_fail_field(err, TB_ENOTFOUND, given[i].name, "there is no setting %s",
                                 given[i].name);
        }
    }
    struct tb_config *cfg = calloc(1, sizeof *cfg);
    if (!cfg) {
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    enum tb_rc rc = load(cfg, program, given, n, err);
    if (rc != TB_OK) {
        tb_config_free(cfg);
        return rc;
    }
    *ret = cfg;
    return TB_OK;
}

void tb_config_free(struct tb_config *cfg)
{
    if (cfg) {
        for (int s = 0; s < TB_SETTING_COUNT_; s++) {
            free(cfg->values[s].text);
        }
        free(cfg);
    }
}

const char *tb_config_str(const struct tb_config *cfg, enum tb_setting s)
{
    return cfg->values[s].text;
}

int64_t tb_config_int(const struct tb_config *cfg, enum tb_setting s)
{
    return cfg->values[s].number;
}

bool tb_config_bool(const struct tb_config *cfg, enum tb_setting s)
{
    return cfg->values[s].boolean;
}

bool tb_config_given(const struct tb_config *cfg, enum tb_setting s)
{
    return cfg->values[s].given;
}

/* ---- reading again ---- */

/* Letters of the programs that take a new value at SIGHUP, by setting. */
static const char *const reloaded[TB_SETTING_COUNT_] = {
#define SETTING(symbol, name, type, def, min, max, unit, programs, secret, doc)
#define RELOADED(symbol, programs) [TB_SET_##symbol##_] = programs,
#include "common/tbl/settings.def"
#undef SETTING
};

enum tb_rc tb_config_reload(struct tb_config *cfg, char program, tb_config_told_fn *told, void *arg,
                            struct tb_error *err)
{
    struct tb_config *fresh = NULL;
    enum tb_rc rc = tb_config_load(program, &fresh, err);
    if (rc != TB_OK || !fresh) {
        return rc;
    }
    for (int s = 0; s < TB_SETTING_COUNT_; s++) {
        if (!strchr(tb_settings[s].programs, program) ||
            strcmp(cfg->values[s].text, fresh->values[s].text) == 0) {
            continue;
        }
        bool takes = reloaded[s] && strchr(reloaded[s], program);
        if (takes) {
            struct value old = cfg->values[s];
            cfg->values[s] = fresh->values[s];
            fresh->values[s] = old;
        }
        told(&tb_settings[s], takes, arg);
    }
    tb_config_free(fresh);
    return TB_OK;
}

/* ---- documentation ---- */

void tb_config_help(char program, tb_buf *out)
{
    for (int s = 0; s < TB_SETTING_COUNT_; s++) {
        const struct tb_setting_info *info = &tb_settings[s];
        if (!strchr(info->programs, program)) {
            continue;
        }
        tb_buf_printf(out, "  %-32s %s", info->name, info->doc);
        if (*info->def) {
            tb_buf_printf(out, " [%s%s%s]", info->def, *info->unit ? " " : "", info->unit);
        }
        tb_buf_add_char(out, '\n');
    }
}

static void programs_text(const char *letters, tb_buf *out)
{
    static const struct {
        char letter;
        const char *name;
    } programs[] = {
        {'W', "worker"}, {'I', "indexer"}, {'C', "ticketctl"}, {'L', "library"}, {'G', "gateway"}};
    bool first = true;
    for (size_t i = 0; i < TB_COUNT(programs); i++) {
        if (strchr(letters, programs[i].letter)) {
            tb_buf_printf(out, "%s%s", first ? "" : ", ", programs[i].name);
            first = false;
        }
    }
}

void tb_config_markdown(tb_buf *out)
{
    tb_buf_add_c(out,
                 "# Configuration\n\n"
                 "Generated from `common/tbl/settings.def`. Settings are environment variables, "
                 "or lines `NAME=value` of the file\nnamed by `TICKETBUS_CONFIG`; the "
                 "environment wins. A value out of bounds stops the program with the name of "
                 "the setting.\n\n"
                 "At SIGHUP a program reads them again and takes over those marked with its name "
                 "in the last column; changes of others\nare logged and wait for a restart. Only "
                 "the file can have changed: an environment does not.\n\n"
                 "| setting | default | bounds | unit | read by | what it is | SIGHUP |\n"
                 "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (int s = 0; s < TB_SETTING_COUNT_; s++) {
        const struct tb_setting_info *info = &tb_settings[s];
        tb_buf_printf(out, "| `%s` | %s%s%s | %lld to %lld%s | %s | ", info->name,
                      *info->def ? "`" : "", info->def, *info->def ? "`" : "", (long long)info->min,
                      (long long)info->max, info->type == TB_SETTING_STR ? " characters" : "",
                      info->unit);
        programs_text(info->programs, out);
        tb_buf_printf(out, " | %s%s | ", info->doc, info->secret ? " Secret: never shown." : "");
        programs_text(reloaded[s] ? reloaded[s] : "", out);
        tb_buf_add_c(out, " |\n");
    }
}
