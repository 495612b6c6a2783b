#include "gateway/read/git.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "gateway/core/diff.h"

#define TIMEOUT_US ((int64_t)10 * 1000000)

bool tb_git_sha_valid(tb_str sha)
{
    if (sha.len < 4 || sha.len > 64) {
        return false;
    }
    for (size_t i = 0; i < sha.len; i++) {
        char c = sha.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return true;
}

static enum tb_rc start(char *const *argv, int *ret_fd, pid_t *ret_pid, struct tb_error *err)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                                              "HOME=/nonexistent",
                                              "LC_ALL=C",
                                              "GIT_CONFIG_NOSYSTEM=1",
                                              "GIT_TERMINAL_PROMPT=0",
                                              "GIT_OPTIONAL_LOCKS=0",
                                              "GIT_CONFIG_GLOBAL=/dev/null",
                                              "GIT_NO_REPLACE_OBJECTS=1",
                                              NULL};
    union {
        const char *const *ours;
        char *const *theirs; /* it is not written to */
    } env = {.ours = environment};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return tb_fail(err, TB_EUNAVAILABLE, "cannot make a pipe: %s", strerror(errno));
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t defaults;
    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    (void)posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &defaults);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawnp(ret_pid, "git", &actions, &attr, argv, env.theirs);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(ends[1]);
    if (failed) {
        (void)close(ends[0]);
        return tb_fail(err, TB_EUNAVAILABLE, "cannot start git: %s", strerror(failed));
    }
    *ret_fd = ends[0];
    return TB_OK;
}

/* Reads to the end, the limit of size, or that of time. */
static enum tb_rc read_all(int fd, tb_buf *out, struct tb_error *err)
{
    char part[65536];
    int64_t deadline = tb_clock_mono_us() + TIMEOUT_US;
    for (;;) {
        int64_t left = (deadline - tb_clock_mono_us()) / 1000;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
            return tb_fail(err, TB_EUNAVAILABLE, "git took too long");
        }
        ssize_t n = read(fd, part, sizeof part);
        if (n <= 0) {
            return TB_OK;
        }
        size_t fits = out->max - out->len < (size_t)n ? out->max - out->len : (size_t)n;
        tb_buf_add(out, part, fits);
        if (fits < (size_t)n) {
            return tb_fail(err, TB_ELIMIT, "the commit is larger than is shown");
        }
    }
}

enum tb_rc tb_git_show(const char *repository, tb_str sha, tb_buf *out, struct tb_error *err)
{
    static const char format[] = "--format=" TB_DIFF_FORMAT;
    char commit[80];
    char safe[4200];
    if (!tb_git_sha_valid(sha)) {
        return tb_fail_field(err, TB_EINVAL, "sha", "is no hash of a commit");
    }
    (void)snprintf(commit, sizeof commit, "%.*s^{commit}", TB_ARG(sha));
    (void)snprintf(safe, sizeof safe, "safe.directory=%s", repository);
    const char *argv[] = {"git",
                          "-C",
                          repository,
                          "--no-pager",
                          "-c",
                          safe,
                          "-c",
                          "core.fsmonitor=false",
                          "-c",
                          "core.quotePath=false",
                          "show",
                          "--no-color",
                          "--no-ext-diff",
                          "--no-textconv",
                          "--no-show-signature",
                          "--first-parent",
                          "-m",
                          "-M",
                          "--src-prefix=a/",
                          "--dst-prefix=b/",
                          format,
                          "--patch",
                          "--end-of-options",
                          commit,
                          NULL};
    union {
        const char **ours;
        char *const *theirs;
    } args = {.ours = argv};
    int fd = -1;
    pid_t pid = 0;
    enum tb_rc rc = start(args.theirs, &fd, &pid, err);
    if (rc != TB_OK) {
        return rc;
    }
    rc = read_all(fd, out, err);
    (void)close(fd);
    if (rc != TB_OK) {
        (void)kill(pid, SIGKILL);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (rc == TB_OK && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        return tb_fail_field(err, TB_ENOTFOUND, "sha", "there is no commit %.*s", TB_ARG(sha));
    }
    return rc;
}
