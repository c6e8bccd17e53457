#include "cli/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/counter_local.h"
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

struct mount_roots session_roots(const struct session *session)
{
    return (struct mount_roots){.by_id = session->config.device_dir};
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
