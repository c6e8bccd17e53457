#include "core/pg/conn.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

/* A signal between a look and the poll costs one slice. */
enum { GRACE_MS = 2000, SLICE_MS = 500 };

/* How long to wait, and for whom. */
struct patience {
    int64_t deadline_us; /* monotonic */
    bool heeds_stop;
};

/* Milliseconds until a monotonic deadline, never negative. */
static int left_ms(int64_t deadline_us)
{
    int64_t left_us = deadline_us - clock_mono_us();
    return left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
}

static int64_t deadline_in(int timeout_ms)
{
    return clock_mono_us() + (int64_t)timeout_ms * 1000;
}

static bool is_stopped(const struct patience *patience)
{
    return patience->heeds_stop && clock_stop_signal() != 0;
}

/* False when the deadline passed, or a stop is heeded. */
static bool wait_socket(const PGconn *handle, short events, const struct patience *patience)
{
    struct pollfd polled = {.fd = PQsocket(handle), .events = events};
    int ready = 0;
    do {
        int left = left_ms(patience->deadline_us);
        ready = poll(&polled, 1, left < SLICE_MS ? left : SLICE_MS);
    } while (ready <= 0 && left_ms(patience->deadline_us) > 0 && !is_stopped(patience));
    return ready > 0;
}

/* libpq's texts have several lines and end with a newline; ours are one line. */
static void one_line(const char *text, char *line, size_t size)
{
    (void)snprintf(line, size, "%s", text);
    for (char *c = line; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
    for (size_t length = strlen(line); length > 0 && line[length - 1] == ' '; length--)
        line[length - 1] = '\0';
}

/* What libpq quotes before it has reached a server are pieces of the connection string, and a
 * password with an odd sign in it may be among them. */
static void hide_pieces(char *line)
{
    char *to = line;
    bool quoted = false;
    if (strncmp(line, "connection to server", 20) == 0)
        return;
    for (const char *from = line; *from != '\0'; from++) {
        if (*from == '"')
            quoted = !quoted;
        if (*from == '"' || !quoted)
            *to++ = *from;
    }
    *to = '\0';
}

static enum error_code connect_failed(const PGconn *handle, struct error *err)
{
    char line[300];
    one_line(PQerrorMessage(handle), line, sizeof(line));
    hide_pieces(line);
    bool refused = PQconnectionNeedsPassword(handle) != 0 ||
                   strstr(line, "authentication failed") != NULL ||
                   strstr(line, "pg_hba.conf") != NULL;
    return error_set(err, refused ? ERR_ACCESS : ERR_UNREACHABLE,
                     "cannot connect to PostgreSQL: %s", line);
}

/* The default prints to standard error, which may lie on a filesystem that is about to freeze. */
static void drop_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

/* libpq shows what it does not understand, and that may be a password with a space in it. */
static enum error_code check_conninfo(const char *conninfo, struct error *err)
{
    char *why = NULL;
    if (strchr(conninfo, '=') == NULL && strstr(conninfo, "://") == NULL)
        return ERR_NONE; /* the name of a database */
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    if (why != NULL)
        PQfreemem(why);
    if (options == NULL) {
        return error_set(err, ERR_CONFIG,
                         "postgres.conninfo is no connection string that libpq understands (not "
                         "shown here: it may hold a password)");
    }
    PQconninfoFree(options);
    return ERR_NONE;
}

static PGconn *start_connecting(const char *conninfo, const char *database)
{
    /* Later words win, so the connection string may change the keep-alives but not the database. */
    const char *keywords[] = {"fallback_application_name",
                              "keepalives_idle",
                              "keepalives_interval",
                              "keepalives_count",
                              "dbname",
                              "dbname",
                              NULL};
    const char *values[] = {"ebshift", "10", "5", "3", conninfo, database, NULL};
    return PQconnectStartParams(keywords, values, 1);
}

static enum error_code finish_connecting(PGconn *handle, int timeout_ms, struct error *err)
{
    const struct patience patience = {.deadline_us = deadline_in(timeout_ms)};
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (PQstatus(handle) == CONNECTION_BAD)
            return connect_failed(handle, err);
        if (!wait_socket(handle, events, &patience))
            return error_set(err, ERR_TIMEOUT, "PostgreSQL does not answer the connection");
        status = PQconnectPoll(handle);
        if (status == PGRES_POLLING_FAILED)
            return connect_failed(handle, err);
    }
    return ERR_NONE;
}

/* A pooler hands each transaction to any server process, and backup mode belongs to one. The pid
 * told at the start of the session is a pooler's invention, or differs from query to query. */
static enum error_code refuse_pooler(struct pg_conn *conn, struct error *err)
{
    for (int look = 0; look < 2; look++) {
        char pid[24];
        TRY(pg_conn_value(conn, "SELECT pg_backend_pid()", NULL, pid, sizeof(pid), err));
        if (strtol(pid, NULL, 10) != PQbackendPID(conn->handle)) {
            return error_set(err, ERR_POSTGRES,
                             "a connection pooler stands before PostgreSQL; a direct connection is "
                             "needed");
        }
    }
    return ERR_NONE;
}

static enum error_code set_up_session(struct pg_conn *conn, struct error *err)
{
    char limit[64];
    (void)snprintf(limit, sizeof(limit), "SET statement_timeout = %d", conn->statement_timeout_ms);
    TRY(pg_conn_run(conn, limit, err));
    static const struct {
        int from_version_num;
        const char *sql;
    } settings[] = {
        {0, "SET default_transaction_read_only = off"}, /* else our own fence would stop us */
        {0, "SET idle_in_transaction_session_timeout = 0"},
        {140000, "SET idle_session_timeout = 0"},
        {0, "SET lock_timeout = 0"},
        {0, "SET client_min_messages = error"},
    };
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (conn->server_version_num >= settings[i].from_version_num)
            TRY(pg_conn_run(conn, settings[i].sql, err));
    }
    return refuse_pooler(conn, err);
}

enum error_code pg_conn_open(struct pg_conn *conn, const char *conninfo, const char *database,
                             int connect_timeout_ms, int statement_timeout_ms, struct error *err)
{
    CLEANUP_PG_CONN struct pg_conn opened = {.statement_timeout_ms = statement_timeout_ms};
    TRY(check_conninfo(conninfo, err));
    opened.handle = start_connecting(conninfo, database != NULL ? database : PG_CONTROL_DATABASE);
    if (opened.handle == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a PostgreSQL connection");
    (void)PQsetNoticeReceiver(opened.handle, drop_notice, NULL);
    TRY(finish_connecting(opened.handle, connect_timeout_ms, err));
    opened.server_version_num = PQserverVersion(opened.handle);
    opened.dialect = pg_dialect_find(opened.server_version_num);
    if (opened.dialect == NULL) {
        return error_set(err, ERR_POSTGRES, "PostgreSQL %d is too old, 9.6 is the first supported",
                         opened.server_version_num);
    }
    if (PQsetnonblocking(opened.handle, 1) != 0)
        return connect_failed(opened.handle, err);
    TRY(set_up_session(&opened, err));
    *conn = opened;
    opened = (struct pg_conn){0};
    return ERR_NONE;
}

void pg_conn_close(struct pg_conn *conn)
{
    if (conn->handle != NULL)
        PQfinish(conn->handle);
    *conn = (struct pg_conn){0};
}

void pg_result_clear(PGresult **result)
{
    PQclear(*result);
    *result = NULL;
}

bool pg_conn_alive(const struct pg_conn *conn)
{
    return conn->handle != NULL && PQstatus(conn->handle) == CONNECTION_OK;
}

static enum error_code session_lost(struct pg_conn *conn, const char *sql, struct error *err)
{
    char line[200];
    one_line(PQerrorMessage(conn->handle), line, sizeof(line));
    pg_conn_close(conn);
    return error_set(err, ERR_POSTGRES, "session with PostgreSQL lost at '%.60s': %s", sql, line);
}

/* What the server's SQLSTATE means for us; everything else is ERR_POSTGRES. */
static enum error_code code_of_state(const char *state)
{
    static const struct {
        char state[6];
        enum error_code code;
    } codes[] = {
        {"57014", ERR_TIMEOUT},   /* query_canceled: statement_timeout */
        {"42501", ERR_ACCESS},    /* insufficient_privilege */
        {"3D000", ERR_NOT_FOUND}, /* invalid_catalog_name: no such database */
        {"42704", ERR_NOT_FOUND}, /* undefined_object */
    };
    for (size_t i = 0; state != NULL && i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(state, codes[i].state) == 0)
            return codes[i].code;
    }
    return ERR_POSTGRES;
}

static enum error_code check_result(const PGresult *result, const char *sql, struct error *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return ERR_NONE;
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    char line[240];
    one_line(primary != NULL ? primary : PQresultErrorMessage(result), line, sizeof(line));
    return error_set(err, code_of_state(PQresultErrorField(result, PG_DIAG_SQLSTATE)),
                     "PostgreSQL refused '%.80s': %s", sql, line);
}

static bool send_all(PGconn *handle, const struct patience *patience)
{
    int unsent = 0;
    while ((unsent = PQflush(handle)) == 1) {
        if (!wait_socket(handle, POLLIN | POLLOUT, patience) || PQconsumeInput(handle) == 0)
            return false;
    }
    return unsent == 0;
}

/* NULL when the session is lost, the deadline passed or a stop is heeded. */
static PGresult *receive(PGconn *handle, const struct patience *patience)
{
    PGresult *last = NULL;
    for (;;) {
        while (PQisBusy(handle) != 0) {
            if (!wait_socket(handle, POLLIN, patience) || PQconsumeInput(handle) == 0) {
                PQclear(last);
                return NULL;
            }
        }
        PGresult *next = PQgetResult(handle);
        if (next == NULL)
            return last;
        PQclear(last);
        last = next;
    }
}

enum error_code pg_conn_query(struct pg_conn *conn, const char *sql, const char *argument,
                              PGresult **result, struct error *err)
{
    if (conn->handle == NULL)
        return error_set(err, ERR_POSTGRES, "no session with PostgreSQL for '%.60s'", sql);
    const struct patience patience = {
        .deadline_us = deadline_in(conn->statement_timeout_ms + GRACE_MS),
        .heeds_stop = conn->heeds_stop,
    };
    const char *values[] = {argument};
    if (PQsendQueryParams(conn->handle, sql, argument != NULL ? 1 : 0, NULL, values, NULL, NULL,
                          0) == 0 ||
        !send_all(conn->handle, &patience))
        return session_lost(conn, sql, err);
    CLEANUP_PG_RESULT PGresult *received = receive(conn->handle, &patience);
    if (received == NULL && is_stopped(&patience)) {
        pg_conn_close(conn);
        return clock_check_stop(err);
    }
    if (received == NULL && left_ms(patience.deadline_us) == 0) {
        pg_conn_close(conn);
        return error_set(err, ERR_TIMEOUT, "PostgreSQL does not answer '%.80s'", sql);
    }
    if (received == NULL || PQstatus(conn->handle) == CONNECTION_BAD)
        return session_lost(conn, sql, err);
    TRY(check_result(received, sql, err));
    *result = received;
    received = NULL;
    return ERR_NONE;
}

enum error_code pg_conn_run(struct pg_conn *conn, const char *sql, struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    return pg_conn_query(conn, sql, NULL, &result, err);
}

enum error_code pg_conn_value(struct pg_conn *conn, const char *sql, const char *argument,
                              char *value, size_t value_size, struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, sql, argument, &result, err));
    if (PQntuples(result) != 1 || PQnfields(result) != 1 ||
        (size_t)PQgetlength(result, 0, 0) >= value_size)
        return error_set(err, ERR_POSTGRES, "unexpected answer to '%.80s'", sql);
    (void)snprintf(value, value_size, "%s", PQgetvalue(result, 0, 0));
    return ERR_NONE;
}

enum error_code pg_conn_blame(enum error_code code, struct error *err)
{
    if (code != ERR_UNREACHABLE && code != ERR_ACCESS && code != ERR_TIMEOUT)
        return code;
    if (err != NULL)
        err->code = ERR_POSTGRES;
    return ERR_POSTGRES;
}

enum error_code pg_conn_lsn(struct pg_conn *conn, char *lsn, size_t lsn_size, struct error *err)
{
    char standby[8] = "";
    TRY(pg_conn_value(conn, "SELECT pg_is_in_recovery()", NULL, standby, sizeof(standby), err));
    const char *sql = standby[0] == 't' ? conn->dialect->replay_lsn : conn->dialect->insert_lsn;
    return pg_conn_value(conn, sql, NULL, lsn, lsn_size, err);
}
