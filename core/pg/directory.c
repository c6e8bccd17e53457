#include "core/pg/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* postmaster.pid: pid, data directory, start time, port, socket directory, address ("Lock file
 * contents" in the source of PostgreSQL, src/include/utils/pidfile.h, unchanged since 9.1). */
#define LINE_PORT    4
#define LINE_SOCKET  5
#define LINE_ADDRESS 6

struct lock_file {
    char port[16];
    char socket[512];
    char address[128];
};

static void take_line(char *to, size_t size, const char *line)
{
    (void)snprintf(to, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static bool read_lock_file(const char *data_directory, struct lock_file *lock)
{
    char path[PATH_MAX];
    char line[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", data_directory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    for (int number = 1; fgets(line, sizeof(line), file) != NULL; number++) {
        if (number == LINE_PORT)
            take_line(lock->port, sizeof(lock->port), line);
        if (number == LINE_SOCKET)
            take_line(lock->socket, sizeof(lock->socket), line);
        if (number == LINE_ADDRESS)
            take_line(lock->address, sizeof(lock->address), line);
    }
    (void)fclose(file);
    return true;
}

enum error_code pg_directory_conninfo(const char *data_directory, char *conninfo, size_t size,
                                      struct error *err)
{
    struct lock_file lock = {0};
    if (!read_lock_file(data_directory, &lock))
        return error_set(err, ERR_NOT_FOUND, "no server runs in '%s'", data_directory);
    const char *host = lock.socket[0] != '\0' ? lock.socket : lock.address;
    /* Nothing of the file may end the value it is put into and begin another option. */
    bool plain =
        strspn(lock.port, "0123456789") == strlen(lock.port) && strpbrk(host, "'\\") == NULL;
    if (lock.port[0] == '\0' || host[0] == '\0' || !plain) {
        return error_set(err, ERR_POSTGRES, "cannot understand '%s/postmaster.pid'",
                         data_directory);
    }
    char text[sizeof(lock) + 64];
    int length = snprintf(text, sizeof(text), "host='%s' port=%s user=postgres dbname=postgres",
                          host, lock.port);
    if (length < 0 || (size_t)length >= size)
        return error_set(err, ERR_CONFIG, "the socket directory '%s' is too long", host);
    memcpy(conninfo, text, (size_t)length + 1);
    return ERR_NONE;
}

/* ---- the server of a directory ---- */

/* Process, directory and start: what tells one server from every other. */
#define LINES_OF_ONE_SERVER 3

static size_t head_length(const char *text)
{
    const char *end = text;
    for (int line = 0; line < LINES_OF_ONE_SERVER && end != NULL; line++) {
        end = strchr(end, '\n');
        end = end != NULL ? end + 1 : NULL;
    }
    return end != NULL ? (size_t)(end - text) : 0;
}

static enum error_code read_head(const char *data_directory, char head[PG_HEAD_SIZE],
                                 struct error *err)
{
    char path[PATH_MAX + 32];
    char ours[PG_HEAD_SIZE];
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", data_directory);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return error_set(err, ERR_NOT_FOUND, "no server runs in '%s'", data_directory);
    ours[fread(ours, 1, sizeof(ours) - 1, file)] = '\0';
    (void)fclose(file);
    if (head_length(ours) == 0)
        return error_set(err, ERR_NOT_FOUND, "no server runs in '%s'", data_directory);
    memcpy(head, ours, strlen(ours) + 1);
    return ERR_NONE;
}

static bool is_same_head(const char *head, const char *theirs)
{
    size_t length = head_length(head);
    return length > 0 && length == head_length(theirs) && strncmp(head, theirs, length) == 0;
}

static bool is_same_server(const char *data_directory, const char *theirs)
{
    char head[PG_HEAD_SIZE];
    return read_head(data_directory, head, NULL) == ERR_NONE && is_same_head(head, theirs);
}

/* One row: the path, and postmaster.pid for whoever may see it. The server asks for the right to call
 * a function also where a CASE would never come to it. */
static const char *server_sql(const struct pg_conn *conn)
{
    const char *superuser = PQparameterStatus(conn->handle, "is_superuser");
    return superuser != NULL && strcmp(superuser, "on") == 0
               ? "SELECT current_setting('data_directory'), pg_read_file('postmaster.pid')"
               : "SELECT current_setting('data_directory'), NULL";
}

enum error_code pg_directory_check_server(struct pg_conn *conn, const char *data_directory,
                                          struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    char resolved[PATH_MAX];
    char theirs[PATH_MAX];
    TRY(pg_conn_query(conn, server_sql(conn), NULL, &result, err));
    const char *path = PQgetvalue(result, 0, 0);
    if (realpath(data_directory, resolved) == NULL) {
        return error_set(err, ERR_POSTGRES, "cannot find '%s': %s", data_directory,
                         strerrordesc_np(errno));
    }
    bool same =
        realpath(path, theirs) != NULL && strcmp(theirs, resolved) == 0 &&
        (PQgetisnull(result, 0, 1) != 0 || is_same_server(resolved, PQgetvalue(result, 0, 1)));
    if (same)
        return ERR_NONE;
    return error_set(
        err, ERR_POSTGRES, "another server answers than the one in '%s': it runs in '%s'%s",
        data_directory, path, strcmp(path, resolved) == 0 ? " of another machine" : "");
}

enum error_code pg_directory_check_head(struct pg_conn *conn, const char *data_directory,
                                        const char *head, struct error *err)
{
    CLEANUP_PG_RESULT PGresult *result = NULL;
    TRY(pg_conn_query(conn, server_sql(conn), NULL, &result, err));
    const char *path = PQgetvalue(result, 0, 0);
    bool same = PQgetisnull(result, 0, 1) != 0 ? strcmp(path, data_directory) == 0
                                               : is_same_head(head, PQgetvalue(result, 0, 1));
    if (same)
        return ERR_NONE;
    return error_set(err, ERR_POSTGRES,
                     "another server answers than the one in '%s' of the far machine: it runs in "
                     "'%s'",
                     data_directory, path);
}

/* ---- places ---- */

static enum error_code add_place(struct pg_facts *facts, enum pg_place_kind kind, const char *name,
                                 const char *path, struct error *err)
{
    struct pg_place *places =
        reallocarray(facts->places, facts->place_count + 1, sizeof(*facts->places));
    if (places == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu places", facts->place_count + 1);
    facts->places = places;
    struct pg_place *place = &places[facts->place_count];
    *place = (struct pg_place){.kind = kind};
    (void)snprintf(place->name, sizeof(place->name), "%s", name);
    if (realpath(path, place->path) == NULL) {
        return error_set(err, errno == ENOENT ? ERR_POSTGRES : ERR_SYSTEM,
                         "cannot follow %s '%s': %s", name, path, strerrordesc_np(errno));
    }
    facts->place_count++;
    return ERR_NONE;
}

static enum error_code add_tablespaces(struct pg_facts *facts, const char *folder, DIR *links,
                                       struct error *err)
{
    const struct dirent *entry = NULL;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
    while ((entry = readdir(links)) != NULL) {
        char path[PATH_MAX + NAME_MAX + 2];
        char name[64];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)snprintf(name, sizeof(name), "tablespace %.40s", entry->d_name);
        TRY(add_place(facts, PG_PLACE_TABLESPACE, name, path, err));
    }
    return ERR_NONE;
}

static enum error_code read_places(const char *data_directory, struct pg_facts *facts,
                                   struct error *err)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/PG_VERSION", data_directory);
    if (access(path, R_OK) != 0) {
        return error_set(err, ERR_CONFIG, "'%s' is not the data directory of a PostgreSQL",
                         data_directory);
    }
    TRY(add_place(facts, PG_PLACE_DATA, "data directory", data_directory, err));
    (void)snprintf(path, sizeof(path), "%s/pg_wal", data_directory);
    if (access(path, F_OK) != 0) /* before 10 */
        (void)snprintf(path, sizeof(path), "%s/pg_xlog", data_directory);
    TRY(add_place(facts, PG_PLACE_WAL, "pg_wal", path, err));
    (void)snprintf(path, sizeof(path), "%s/pg_tblspc", data_directory);
    DIR *links = opendir(path);
    if (links == NULL)
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", path, strerrordesc_np(errno));
    enum error_code code = add_tablespaces(facts, path, links, err);
    (void)closedir(links);
    return code;
}

enum error_code pg_directory_places(const char *data_directory, struct pg_facts *facts,
                                    struct error *err)
{
    CLEANUP_PG_FACTS struct pg_facts read = {0};
    TRY(read_places(data_directory, &read, err));
    facts->places = read.places;
    facts->place_count = read.place_count;
    read = (struct pg_facts){0};
    return ERR_NONE;
}
