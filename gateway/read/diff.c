/* get_commit_diff: the commit is looked for in the configured repositories. */
#include "gateway/core/diff.h"
#include "common/base/log.h"
#include "gateway/read/git.h"
#include "gateway/read/internal.h"

#define SHOW_MAX ((size_t)4 * 1024 * 1024)

/* One "name=path" of the setting; false at its end. */
static bool next_repository(tb_str *rest, struct tb_arena *arena, tb_str *ret_name,
                            const char **ret_path)
{
    while (rest->len > 0) {
        const char *comma = memchr(rest->ptr, ',', rest->len);
        size_t n = comma ? (size_t)(comma - rest->ptr) : rest->len;
        const char *equals = memchr(rest->ptr, '=', n);
        tb_str entry = {rest->ptr, n};
        size_t step = comma ? n + 1 : n;
        *rest = (tb_str){rest->ptr + step, rest->len - step};
        if (equals) {
            size_t name = (size_t)(equals - entry.ptr);
            *ret_name = (tb_str){entry.ptr, name};
            *ret_path =
                tb_arena_str(arena, (tb_str){entry.ptr + name + 1, entry.len - name - 1}).ptr;
            return *ret_path != NULL;
        }
    }
    return false;
}

static void answer(const struct tb_read *read, tb_str text, tb_str name, bool cut,
                   struct tb_reply *ret)
{
    tb_buf out;
    tb_buf_init(&out, TB_READ_MAX);
    if (tb_diff_json(text, name, cut, &out)) {
        tb_read_done(&out, read->arena, ret);
    } else {
        tb_reply_error(ret, read->arena, TB_REPLY_FAILED, "internal_error", TB_STR_NULL,
                       "git said something that is not understood");
    }
    tb_buf_dispose(&out);
}

void tb_run_diff(const struct tb_read *read, struct tb_pool_thread *thread, struct tb_reply *ret)
{
    const struct tb_diff_params *p = read->params;
    tb_str rest = tb_str_of(tb_config_str(thread->cfg, TB_CFG(GATEWAY_REPOSITORIES)));
    tb_str name = TB_STR_NULL;
    const char *path = NULL;
    struct tb_error err = {.rc = TB_OK};
    if (!tb_git_sha_valid(p->sha)) {
        tb_reply_error(ret, read->arena, TB_REPLY_INVALID, "validation_failed", TB_LIT("sha"),
                       "is no hash of a commit: 4 to 64 hexadecimal digits");
        return;
    }
    tb_buf text;
    tb_buf_init(&text, SHOW_MAX);
    while (next_repository(&rest, read->arena, &name, &path)) {
        if (!tb_str_is_null(p->repository) && !tb_str_eq(p->repository, name)) {
            continue;
        }
        tb_buf_clear(&text);
        enum tb_rc rc = tb_git_show(path, p->sha, &text, &err);
        if (rc == TB_OK || rc == TB_ELIMIT) {
            answer(read, tb_buf_str(&text), name, rc == TB_ELIMIT, ret);
            tb_buf_dispose(&text);
            return;
        }
        if (rc != TB_ENOTFOUND) {
            tb_log_warn("repository %.*s: %s", TB_ARG(name), err.text);
        }
    }
    tb_buf_dispose(&text);
    if (err.rc == TB_EUNAVAILABLE) {
        tb_reply_from(ret, read->arena, &err);
    } else {
        tb_read_missing(read, ret, "sha", "commit", p->sha);
    }
}
