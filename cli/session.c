#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/counter_local.h"
#include "core/pg/directory.h"
#include "core/version.h"
#include "model/strbuf.h"

#define DEFAULT_CONFIG "/etc/ebshift.conf"
/* Set by a simulation that wants its rehearsals to share its clock. */
#define CLOCK_VARIABLE "EBSHIFT_CLOCK"
/* Set by a simulation whose by-id links lie elsewhere; a key of the config says the same. */
#define DEVICES_VARIABLE "EBSHIFT_DEVICE_DIR"

void session_done(struct session *session)
{
    if (session->has_quiesce)
        quiesce_local_done(&session->local);
    if (session->far.wire.close != NULL)
        session->far.wire.close(session->far.wire.self);
    cloud_aws_free(session->far_aws);
    http_free(session->far_http);
    cloud_aws_free(session->source_aws);
    cloud_aws_free(session->target_aws);
    cloud_aws_free(session->via_source_aws);
    cloud_aws_free(session->via_target_aws);
    http_free(session->http);
    store_close(session->store);
    if (session->rehearsing)
        rehearsal_clock_close(&session->rehearsal);
    *session = (struct session){0};
}

enum error_code session_start(struct session *session, struct error *err)
{
    const char *socket_path = getenv(CLOCK_VARIABLE); /* NOLINT(concurrency-mt-unsafe) */
    session->progress = (struct progress){
        .verbose = session->options.verbose,
        .json = session->options.json,
    };
    session->log = progress_log(&session->progress);
    session->clock = clock_system();
    if (socket_path == NULL || socket_path[0] == '\0')
        return ERR_NONE;
    TRY(rehearsal_clock_open(&session->rehearsal, socket_path, err));
    session->rehearsing = true;
    session->clock = rehearsal_clock(&session->rehearsal);
    return ERR_NONE;
}

/* ---- config ---- */

static enum error_code read_config_file(struct session *session, bool must_exist, struct error *err)
{
    const char *path = session->options.config_path;
    bool named = path != NULL;
    if (!named)
        path = DEFAULT_CONFIG;
    if (access(path, F_OK) != 0 && !(named && must_exist))
        return ERR_NONE;
    return config_read_file(&session->config, path, err);
}

/* Everybody on this host may read a command line. */
static enum error_code set_flag(struct session *session, const char *key, const char *value,
                                struct error *err)
{
    struct config alone = {0};
    TRY(config_set(&alone, key, value, err));
    if (config_holds_secret(&alone)) {
        return error_set(err, ERR_CONFIG,
                         "a password does not belong on a command line, where others can see it: "
                         "use ~/.pgpass, PGPASSWORD or the config");
    }
    return config_set(&session->config, key, value, err);
}

/* Repeated --volume flags make one set, so they are joined before the key is set. */
static enum error_code apply_flags(struct session *session, struct error *err)
{
    CLEANUP_STRBUF struct strbuf volumes = {.max_bytes = 4096};
    const struct options *options = &session->options;
    for (size_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].key, "source.volume") == 0) {
            strbuf_printf(&volumes, "%s ", options->settings[i].value);
        } else {
            TRY(set_flag(session, options->settings[i].key, options->settings[i].value, err));
        }
    }
    TRY(strbuf_check(&volumes, err));
    if (volumes.length == 0)
        return ERR_NONE;
    return config_set(&session->config, "source.volume", strbuf_text(&volumes), err);
}

enum error_code session_configure(struct session *session, bool must_exist, struct error *err)
{
    config_init(&session->config);
    const char *devices = getenv(DEVICES_VARIABLE); /* NOLINT(concurrency-mt-unsafe) */
    if (devices != NULL && devices[0] != '\0')
        TRY(config_set(&session->config, "host.device_directory", devices, err));
    TRY(read_config_file(session, must_exist, err));
    TRY(config_read_environment(&session->config, (const char *const *)environ, err));
    TRY(apply_flags(session, err));
    session->roots = session_roots(session);
    session->counter = counter_local(&session->roots);
    return ERR_NONE;
}

/* ---- store ---- */

enum error_code session_open_store(struct session *session, struct error *err)
{
    TRY(store_open(session->config.store, &session->store, err));
    return store_lock(session->store, clock_now_ms(&session->clock), err);
}

enum error_code session_read_store(struct session *session, struct error *err)
{
    return store_open_readonly(session->config.store, &session->store, err);
}

/* ---- clouds ---- */

/* Where one side of the move is, and in whose name. Borrows. */
struct side {
    struct http *http; /* NULL: the one of all */
    const struct aws_env *env;
    const char *region;
    const char *fallback_region; /* if nothing names one */
    const char *profile;
    bool takes_role; /* that of the target */
};

static const char *given(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static enum error_code open_cloud(struct session *session, const struct side *side,
                                  struct cloud_aws **aws, struct cloud *cloud, struct error *err)
{
    struct cloud_aws_options options = {
        .http = side->http != NULL ? side->http : session->http,
        .clock = &session->clock,
        .env = side->env,
        .region = given(side->region),
        .fallback_region = side->fallback_region,
        .profile = given(side->profile),
        .role_arn = side->takes_role ? given(session->config.target_role) : NULL,
        .external_id = side->takes_role ? given(session->config.target_external_id) : NULL,
        .endpoint_url = given(session->config.endpoint_url),
    };
    TRY(cloud_aws_new(&options, aws, err));
    *cloud = cloud_aws_cloud(*aws);
    return ERR_NONE;
}

/* A profile of the target's own brings its region: the variables speak of the source. */
static enum error_code open_target(struct session *session, struct error *err)
{
    struct config *config = &session->config;
    bool is_own = config->target_profile[0] != '\0';
    session->target_env = session->aws_env;
    if (is_own) {
        session->target_env.region = NULL;
        session->target_env.default_region = NULL;
    }
    const struct side side = {
        .env = &session->target_env,
        .region = config->target_region[0] == '\0' && !is_own ? config->source_region
                                                              : config->target_region,
        .fallback_region = config->source_region,
        .profile = is_own ? config->target_profile : config->profile,
        .takes_role = true,
    };
    TRY(open_cloud(session, &side, &session->target_aws, &session->target, err));
    (void)snprintf(config->target_region, sizeof(config->target_region), "%s",
                   session->target.region);
    return ERR_NONE;
}

/* For another account, both sides are needed in the region where snapshots change hands. */
static enum error_code open_via(struct session *session, struct error *err)
{
    struct config *config = &session->config;
    bool own_profile = config->target_profile[0] != '\0';
    if (config->target_account[0] == '\0')
        return ERR_NONE;
    if (config->via_region[0] == '\0')
        (void)snprintf(config->via_region, sizeof(config->via_region), "%s", config->target_region);
    const struct side source = {
        .env = &session->aws_env, .region = config->via_region, .profile = config->profile};
    const struct side target = {
        .env = &session->target_env,
        .region = config->via_region,
        .profile = own_profile ? config->target_profile : config->profile,
        .takes_role = true,
    };
    TRY(open_cloud(session, &source, &session->via_source_aws, &session->via_source, err));
    return open_cloud(session, &target, &session->via_target_aws, &session->via_target, err);
}

static void make_path(struct session *session)
{
    const struct config *config = &session->config;
    const struct path_ends ends = {
        .source = &session->source,
        .target = &session->target,
        .target_key = config->target_key,
        .account_id = config->target_account,
        .principal = session->principal,
        .via_source = &session->via_source,
        .via_target = &session->via_target,
        .via_key = config->via_key,
    };
    /* The role outlives every session of it; without one the account's root stands for all. */
    if (config->target_role[0] != '\0') {
        (void)snprintf(session->principal, sizeof(session->principal), "%s", config->target_role);
    } else {
        (void)snprintf(session->principal, sizeof(session->principal), "arn:aws:iam::%s:root",
                       config->target_account);
    }
    session->path = path_make(&ends);
}

enum error_code session_open_clouds(struct session *session, struct error *err)
{
    struct config *config = &session->config;
    session->aws_env = aws_env_read();
    TRY(http_new("ebshift/" EBSHIFT_VERSION, session->aws_env.ca_bundle, &session->http, err));
    const struct side side = {
        .env = &session->aws_env, .region = config->source_region, .profile = config->profile};
    TRY(open_cloud(session, &side, &session->source_aws, &session->source, err));
    (void)snprintf(config->source_region, sizeof(config->source_region), "%s",
                   session->source.region);
    TRY(open_target(session, err));
    TRY(open_via(session, err));
    make_path(session);
    return ERR_NONE;
}

/* ---- quiesce ---- */

struct mount_roots session_roots(const struct session *session)
{
    return (struct mount_roots){.by_id = session->config.device_dir};
}

/* A principal and connections of its own: what is said over SSM inside the freeze must not touch the
 * request that is ready to be sent there. */
static enum error_code open_ssm(struct session *session, struct error *err)
{
    const struct config *config = &session->config;
    struct cloud unused;
    if (session->source_aws == NULL || config->source_instance[0] == '\0')
        return error_set(err, ERR_CONFIG, "host.quiesce is 'ssm', and source.instance is not set");
    TRY(http_new("ebshift/" EBSHIFT_VERSION, session->aws_env.ca_bundle, &session->far_http, err));
    const struct side side = {.http = session->far_http,
                              .env = &session->aws_env,
                              .region = config->source_region,
                              .profile = config->profile};
    return open_cloud(session, &side, &session->far_aws, &unused, err);
}

/* Makes the way to the database's machine, once; nothing is sent yet. */
static enum error_code open_far(struct session *session, struct error *err)
{
    const struct config *config = &session->config;
    if (config->quiesce == QUIESCE_LOCAL || session->far.wire.ask != NULL)
        return ERR_NONE;
    if (config->quiesce == QUIESCE_SSM)
        TRY(open_ssm(session, err));
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
