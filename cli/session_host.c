/* The part of session.h that reaches the database and its machine. */
#include <stdio.h>
#include <string.h>

#include "cli/session.h"
#include "core/pg/directory.h"

/* Makes the way to the database's machine, once; nothing is sent yet. */
static enum error_code open_far(struct session *session, struct error *err)
{
    const struct config *config = &session->config;
    if (config->quiesce == QUIESCE_LOCAL || session->far.wire.ask != NULL)
        return ERR_NONE;
    if (config->quiesce == QUIESCE_SSM)
        TRY(session_open_far_cloud(session, err));
    session->ssh.options = (struct ssh_options){
        .destination = config->quiesce == QUIESCE_SSH ? config->ssh : config->source_instance,
        .config_file = config->ssh_config,
        .command = config->hold_command,
    };
    bool by_ssh = config->quiesce == QUIESCE_SSH;
    TRY(ssh_check(&session->ssh.options, err));
    session->far = (struct far){
        .wire = by_ssh ? ssh_wire(&session->ssh)
                       : cloud_aws_wire(session->far_aws, &session->ssm, config->source_instance,
                                        config->hold_command),
        .name = by_ssh ? config->ssh : config->source_instance,
        .freeze_limit_ms = config->freeze_limit_ms,
        .mount_points = session->mount_list,
    };
    session->far_holder = far_holder(&session->far);
    return ERR_NONE;
}

static bool is_far(const struct session *session)
{
    return session->far.wire.ask != NULL;
}

static enum error_code resolve_far(void *self, const char *path, char real[PATH_MAX],
                                   struct error *err)
{
    struct session *session = self;
    struct far_place place;
    TRY(far_find_place(&session->far, session->config.device_dir, path, &place, err));
    memcpy(real, place.real, sizeof(place.real));
    return ERR_NONE;
}

static enum error_code check_server(struct session *session, struct pg_conn *conn,
                                    struct error *err)
{
    const char *data_directory = session->config.data_directory;
    char head[PG_HEAD_SIZE];
    if (data_directory[0] == '\0')
        return ERR_NONE;
    if (!is_far(session))
        return pg_directory_check_server(conn, data_directory, err);
    TRY(session->far_holder.server_head(&session->far, data_directory, head, err));
    return pg_directory_check_head(conn, data_directory, head, err);
}

static enum error_code ask_server(struct session *session, struct pg_facts *facts,
                                  struct error *err)
{
    CLEANUP_PG_CONN struct pg_conn conn = {0};
    const struct pg_resolver resolver = {.self = session, .resolve = resolve_far};
    TRY(open_far(session, err));
    TRY(pg_conn_open(&conn, session->config.conninfo, NULL, 10000, 10000, err));
    TRY(check_server(session, &conn, err));
    return pg_facts_read(&conn, is_far(session) ? &resolver : NULL, facts, err);
}

/* Whatever the reason, here it is the database that cannot be asked, and not AWS. */
enum error_code session_read_facts(struct session *session, struct pg_facts *facts,
                                   struct error *err)
{
    return pg_conn_blame(ask_server(session, facts, err), err);
}

enum error_code session_read_collations(struct session *session, struct pg_collations *collations,
                                        struct error *err)
{
    return pg_conn_blame(pg_collations_read(session->config.conninfo, 10000, collations, err), err);
}

enum error_code session_find_facts(struct session *session, struct pg_facts *facts,
                                   struct error *err)
{
    struct config *config = &session->config;
    if (config->data_directory[0] == '\0' || config->quiesce != QUIESCE_LOCAL ||
        opt_sets(&session->options, "postgres.conninfo"))
        return session_read_facts(session, facts, err);
    enum error_code code = pg_directory_conninfo(config->data_directory, config->conninfo,
                                                 sizeof(config->conninfo), err);
    if (code == ERR_NOT_FOUND)
        return pg_directory_places(config->data_directory, facts, err);
    TRY(code);
    return session_read_facts(session, facts, err);
}

static enum error_code add_mount(struct session *session, const char *mount_point,
                                 struct error *err)
{
    for (size_t i = 0; i < session->mount_count; i++) {
        if (strcmp(session->mounts[i], mount_point) == 0)
            return ERR_NONE;
    }
    if (session->mount_count == CONFIG_MOUNT_MAX ||
        strlen(mount_point) >= sizeof(session->mounts[0]))
        return error_set(err, ERR_QUIESCE, "more than %d mounts to freeze", CONFIG_MOUNT_MAX);
    (void)snprintf(session->mounts[session->mount_count++], sizeof(session->mounts[0]), "%s",
                   mount_point);
    return ERR_NONE;
}

enum error_code session_find_place(struct session *session, const char *path,
                                   struct far_place *place, struct error *err)
{
    struct mount_roots roots = session_roots(session);
    struct mount mount;
    *place = (struct far_place){0};
    if (is_far(session)) {
        TRY(far_find_place(&session->far, session->config.device_dir, path, place, err));
        if (place->volumes.count > 0)
            return ERR_NONE;
        return error_set(err, ERR_QUIESCE, "host '%s': '%s' lies on no EBS volume",
                         session->far.name, place->mount_point);
    }
    TRY(mount_find(&roots, path, &mount, err));
    (void)snprintf(place->real, sizeof(place->real), "%s", path);
    memcpy(place->mount_point, mount.mount_point, sizeof(place->mount_point));
    return mount_volumes(&roots, &mount, &place->volumes, err);
}

static enum error_code check_in_set(const struct session *session, const struct pg_place *place,
                                    const struct volume_ids *needed, struct error *err)
{
    for (size_t i = 0; i < needed->count; i++) {
        bool found = false;
        for (size_t j = 0; j < session->config.volume_count; j++)
            found = found || strcmp(needed->items[i], session->config.volumes[j]) == 0;
        if (!found) {
            return error_set(err, ERR_QUIESCE, "%s at '%s' lies on volume '%s', not in the set",
                             place->name, place->path, needed->items[i]);
        }
    }
    return ERR_NONE;
}

/* Every place must lie on the set, but for config files elsewhere: those are only told. */
static enum error_code cover_place(struct session *session, const struct pg_place *place,
                                   struct error *err)
{
    struct far_place found;
    enum error_code code = session_find_place(session, place->path, &found, err);
    if (code == ERR_NONE)
        code = check_in_set(session, place, &found.volumes, err);
    if (code != ERR_NONE && place->kind == PG_PLACE_CONFIG) {
        log_event(&session->log, LOG_WARN, clock_now_ms(&session->clock),
                  "%s '%s' is not on the volumes: carry it over yourself", place->name,
                  place->path);
        return ERR_NONE;
    }
    TRY(code);
    return add_mount(session, found.mount_point, err);
}

enum error_code session_find_mounts(struct session *session, const struct pg_facts *facts,
                                    struct error *err)
{
    session->mount_count = 0;
    /* WAL last, so that it is held shortest. */
    for (size_t i = 0; i < facts->place_count; i++) {
        if (facts->places[i].kind != PG_PLACE_WAL)
            TRY(cover_place(session, &facts->places[i], err));
    }
    for (size_t i = 0; i < facts->place_count; i++) {
        if (facts->places[i].kind == PG_PLACE_WAL)
            TRY(cover_place(session, &facts->places[i], err));
    }
    for (size_t i = 0; i < session->mount_count; i++)
        session->mount_list[i] = session->mounts[i];
    return ERR_NONE;
}

const struct survey *session_survey(struct session *session)
{
    if (session->config.quiesce == QUIESCE_LOCAL) {
        session->here = (struct survey_here){.own_path = session->config.store,
                                             .scratch_directory = session->config.store};
        session->survey = survey_here(&session->here);
    } else if (is_far(session)) {
        session->survey = far_survey(&session->far);
    } else {
        return NULL;
    }
    return &session->survey;
}

/* A backup ends without its last WAL then, and is worth no more than the frozen volumes alone. */
static enum error_code check_archive(const struct session *session, const struct pg_facts *facts,
                                     struct error *err)
{
    if (!session->options.backup_mode || session->options.force || !facts->archive.failing)
        return ERR_NONE;
    return error_set(err, ERR_POSTGRES,
                     "the archive fails at '%s', and a backup needs it; --force goes on regardless",
                     facts->archive.last_failed_wal);
}

enum error_code session_open_quiesce(struct session *session, struct error *err)
{
    CLEANUP_PG_FACTS struct pg_facts facts = {0};
    const struct config *config = &session->config;
    const char *own = config->store;
    if (config->data_directory[0] == '\0')
        return ERR_NONE;
    TRY(session_read_facts(session, &facts, err));
    TRY(check_archive(session, &facts, err));
    TRY(session_find_mounts(session, &facts, err));
    session->far.mount_count = session->mount_count;
    struct quiesce_local_options options = {
        .conninfo = config->conninfo,
        .data_directory = config->data_directory,
        .hold = {.mount_points = session->mount_list,
                 .mount_count = session->mount_count,
                 .own_paths = &own,
                 .own_count = 1,
                 .freeze_limit_ms = config->freeze_limit_ms},
        .far = is_far(session) ? &session->far_holder : NULL,
        .statement_timeout_ms = (int)config->checkpoint_limit_ms,
        .archive_wait_ms = (int)config->archive_limit_ms,
    };
    quiesce_local_init(&session->local, &options);
    session->quiesce = quiesce_local(&session->local);
    session->has_quiesce = true;
    return ERR_NONE;
}
