/* git, as a program: no shell, fixed arguments, a clean environment, a limit of time and size. */
#ifndef TB_GATEWAY_GIT_H
#define TB_GATEWAY_GIT_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/str.h"

/* Hexadecimal, 4 to 64 digits: can be no option, path or revision expression. */
bool tb_git_sha_valid(tb_str sha);

/* What `git show` says of the commit, appended. TB_ENOTFOUND: the repository has no such commit;
 * TB_ELIMIT: out holds the beginning; TB_EUNAVAILABLE: not done in time, or no git. */
enum tb_rc tb_git_show(const char *repository, tb_str sha, tb_buf *out,
                       struct tb_error *err) TB_MUST_USE;

#endif
