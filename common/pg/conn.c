/* Connection, errors and single statements. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/pg/internal.h"

enum tb_rc tb_pg_classify(const char *state)
{
    static const struct {
        const char *prefix;
        enum tb_rc rc;
    } classes[] = {
        {"40001", TB_ERETRY},       {"40P01", TB_ERETRY},       {"55P03", TB_ERETRY},
        {"08", TB_EUNAVAILABLE},    {"53", TB_EUNAVAILABLE},    {"57014", TB_ERETRY},
        {"57", TB_EUNAVAILABLE},    {"25P03", TB_EUNAVAILABLE}, {"25006", TB_EUNAVAILABLE},
        {"58", TB_EUNAVAILABLE},    {"3D000", TB_EUNAVAILABLE}, {"28", TB_EUNAVAILABLE},
        {"22", TB_EDATA},           {"23", TB_EDATA},           {"54", TB_EDATA},
        {"XX002", TB_EUNAVAILABLE}, {"XX001", TB_EUNAVAILABLE},
    };
    if (!state || !*state) {
        return TB_EUNAVAILABLE;
    }
    for (size_t i = 0; i < TB_COUNT(classes); i++) {
        if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].rc;
        }
    }
    return TB_EFATAL;
}

/* libpq's messages end in newlines and may span lines. */
static void one_line(const char *text, char *out, size_t room)
{
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < room; p++) {
        out[n++] = *p == '\n' || *p == '\r' ? ' ' : *p;
    }
    while (n > 0 && out[n - 1] == ' ') {
        n--;
    }
    out[n] = '\0';
}

enum tb_rc tb_pg_fail_result(struct tb_pg *pg, const PGresult *res, struct tb_error *err)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (!text) {
        text = PQerrorMessage(pg->conn);
    }
    char line[TB_ERROR_TEXT_MAX];
    one_line(text && *text ? text : "connection lost", line, sizeof line);
    enum tb_rc rc = PQstatus(pg->conn) == CONNECTION_OK ? tb_pg_classify(state) : TB_EUNAVAILABLE;
    (void)tb_fail(err, rc, "Postgres: %s", line);
    if (err && state) {
        (void)snprintf(err->code, sizeof err->code, "%s", state);
    }
    return rc;
}

/* Postgres quotes values of -c by backslash. */
static void add_option(tb_buf *buf, const char *name, const char *value)
{
    tb_buf_printf(buf, "%s-c %s=", buf->len ? " " : "", name);
    for (const char *p = value; *p; p++) {
        if (*p == ' ' || *p == '\\') {
            tb_buf_add_char(buf, '\\');
        }
        tb_buf_add_char(buf, *p);
    }
}

static void add_option_int(tb_buf *buf, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    add_option(buf, name, text);
}

static enum tb_rc check_server(struct tb_pg *pg, struct tb_error *err)
{
    if (PQserverVersion(pg->conn) < 140000) {
        return tb_fail(err, TB_EFATAL, "Postgres 14 or newer is needed, the server is %d",
                       PQserverVersion(pg->conn) / 10000);
    }
    struct tb_pg_result *r = NULL;
    enum tb_rc rc = tb_pg_exec(pg,
                               "SELECT pg_encoding_to_char(encoding) FROM pg_database"
                               " WHERE datname = current_database()",
                               NULL, &r, err);
    if (rc != TB_OK) {
        return rc;
    }
    tb_str encoding = tb_pg_str(r, 0, 0);
    if (!tb_str_eq_c(encoding, "UTF8")) {
        rc = tb_fail_field(err, TB_EFATAL, "DB_NAME",
                           "the database's encoding must be UTF8, it is %.*s", TB_ARG(encoding));
    }
    tb_pg_result_free(r);
    return rc;
}

/* libpq's sentences say what is wrong, not where it is set. Only words for people follow from them.
 */
static void name_settings(struct tb_error *err)
{
    static const struct {
        const char *part;
        const char *settings;
    } known[] = {
        {"does not match host name", "DB_HOST, DB_SSLMODE"},
        {"certificate verify failed", "DB_SSL_CA, DB_SSLMODE"},
        {"root certificate", "DB_SSL_CA, DB_SSLMODE"},
        {"does not support SSL", "DB_SSLMODE"},
        {"no pg_hba.conf entry", "DB_SSLMODE, DB_USER, DB_NAME, and the server's pg_hba.conf"},
        {"password authentication failed", "DB_USER, DB_PASSWORD"},
        {"no password supplied", "DB_PASSWORD"},
        {"sslmode value", "DB_SSLMODE"},
        {"could not translate host name", "DB_HOST"},
    };
    for (size_t i = 0; err && i < TB_COUNT(known); i++) {
        if (strstr(err->text, known[i].part)) {
            size_t used = strlen(err->text);
            (void)snprintf(err->text + used, sizeof err->text - used, " (see %s)",
                           known[i].settings);
            return;
        }
    }
}

static void ignore_notice(void *arg, const PGresult *res)
{
    (void)arg;
    (void)res;
}

enum tb_rc tb_pg_connect(const struct tb_config *cfg, const char *application_name,
                         struct tb_pg **ret, struct tb_error *err)
{
    tb_buf options;
    tb_buf_init(&options, 4096);
    char port[24];
    char tcp_timeout[24];
    (void)snprintf(port, sizeof port, "%lld", (long long)tb_config_int(cfg, TB_CFG(DB_PORT)));
    (void)snprintf(tcp_timeout, sizeof tcp_timeout, "%lld",
                   (long long)tb_config_int(cfg, TB_CFG(DB_TCP_TIMEOUT_MS)));
    int64_t statement_ms = tb_config_int(cfg, TB_CFG(DB_STATEMENT_TIMEOUT_MS));
    add_option_int(&options, "statement_timeout", statement_ms);
#ifndef TB_PLANT_NO_LOCK_TIMEOUTS
    add_option_int(&options, "lock_timeout", tb_config_int(cfg, TB_CFG(DB_LOCK_TIMEOUT_MS)));
    add_option_int(&options, "idle_in_transaction_session_timeout",
                   tb_config_int(cfg, TB_CFG(DB_IDLE_TIMEOUT_MS)));
#endif
    add_option(&options, "search_path", tb_config_str(cfg, TB_CFG(DB_SCHEMA)));
    add_option(&options, "TimeZone", "UTC");
    add_option(&options, "DateStyle", "ISO");

    const char *const names[] = {"host",
                                 "port",
                                 "dbname",
                                 "user",
                                 "password",
                                 "sslmode",
                                 "sslrootcert",
                                 "options",
                                 "application_name",
                                 "client_encoding",
                                 "connect_timeout",
                                 "tcp_user_timeout",
                                 NULL};
    const char *const values[] = {tb_config_str(cfg, TB_CFG(DB_HOST)),
                                  port,
                                  tb_config_str(cfg, TB_CFG(DB_NAME)),
                                  tb_config_str(cfg, TB_CFG(DB_USER)),
                                  tb_config_str(cfg, TB_CFG(DB_PASSWORD)),
                                  tb_config_str(cfg, TB_CFG(DB_SSLMODE)),
                                  tb_config_str(cfg, TB_CFG(DB_SSL_CA)),
                                  options.failed ? "" : options.ptr,
                                  application_name,
                                  "UTF8",
                                  "10",
                                  tcp_timeout,
                                  NULL};
    struct tb_pg *pg = calloc(1, sizeof *pg);
    if (!pg || options.failed) {
        free(pg);
        tb_buf_dispose(&options);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    pg->deadline_ms = statement_ms + 5000;
    pg->conn = PQconnectdbParams(names, values, 0);
    tb_buf_dispose(&options);
    enum tb_rc rc = TB_OK;
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        (void)tb_pg_fail_result(pg, NULL, err);
        name_settings(err);
        rc = TB_EUNAVAILABLE;
    }
    if (rc == TB_OK) {
        (void)PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
        rc = check_server(pg, err);
    }
    if (rc != TB_OK) {
        tb_pg_free(pg);
        return rc;
    }
    *ret = pg;
    return TB_OK;
}

void tb_pg_free(struct tb_pg *pg)
{
    if (pg) {
        PQfinish(pg->conn);
        free(pg);
    }
}

bool tb_pg_alive(const struct tb_pg *pg)
{
    return pg && PQstatus(pg->conn) == CONNECTION_OK;
}

int tb_pg_socket(const struct tb_pg *pg)
{
    return PQsocket(pg->conn);
}

int tb_pg_server_version(const struct tb_pg *pg)
{
    return PQserverVersion(pg->conn);
}

static bool succeeded(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static enum tb_rc take(struct tb_pg *pg, PGresult *res, struct tb_pg_result **ret,
                       struct tb_error *err)
{
    if (!succeeded(res)) {
        enum tb_rc rc = tb_pg_fail_result(pg, res, err);
        PQclear(res);
        return rc;
    }
    if (!ret) {
        PQclear(res);
        return TB_OK;
    }
    struct tb_pg_result *r = calloc(1, sizeof *r);
    if (!r) {
        PQclear(res);
        return tb_fail(err, TB_ENOMEM, "out of memory");
    }
    r->res = res;
    *ret = r;
    return TB_OK;
}

enum tb_rc tb_pg_exec(struct tb_pg *pg, const char *sql, const struct tb_pg_params *params,
                      struct tb_pg_result **ret, struct tb_error *err)
{
    if (params && params->failed) {
        return tb_fail(err, TB_ELIMIT, "the parameters of a statement are too large");
    }
    PGresult *res =
        PQexecParams(pg->conn, sql, params ? params->n : 0, NULL, params ? params->values : NULL,
                     params ? params->lengths : NULL, params ? params->formats : NULL, 0);
    return take(pg, res, ret, err);
}

enum tb_rc tb_pg_script(struct tb_pg *pg, const char *sql, struct tb_error *err)
{
    return take(pg, PQexec(pg->conn, sql), NULL, err);
}

enum tb_rc tb_pg_rollback(struct tb_pg *pg, struct tb_error *err)
{
    PGTransactionStatusType status = PQtransactionStatus(pg->conn);
    if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
        return tb_pg_script(pg, "ROLLBACK", err);
    }
    return TB_OK;
}
