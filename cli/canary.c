#include "cli/canary.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/drive.h"
#include "cli/learn.h"

/* Apart from the runs that learning and `status` look at. */
static enum error_code store_place(const struct session *session, char *place, size_t size,
                                   struct error *err)
{
    if (snprintf(place, size, "%s/canary", session->config.store) < (int)size)
        return ERR_NONE;
    return error_set(err, ERR_CONFIG, "store path '%s' is too long", session->config.store);
}

/* What is told of a canary's steps would be taken for the move's. */
static void take_warnings(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    const struct log *log = self;
    log_event(log, level == LOG_INFO ? LOG_DEBUG : level, at_ms, "canary: %s", message);
}

static enum error_code open_store(const struct session *session, struct store **store,
                                  struct error *err)
{
    char place[CONFIG_TEXT_SIZE];
    TRY(store_place(session, place, sizeof(place), err));
    TRY(store_open(place, store, err));
    return store_lock(*store, clock_now_ms(&session->clock), err);
}

/* Neither the move's store nor its database, and no machine of the target's. */
static struct engine canary_engine(struct session *session, const struct run *run,
                                   const struct log *log, struct store *store)
{
    struct engine engine = drive_engine(session, run);
    engine.store = store;
    engine.log = log;
    engine.quiesce = NULL;
    engine.counter = NULL;
    engine.keep_snapshots = false;
    return engine;
}

enum error_code canary_fly(struct session *session, const struct cloud_volume *like,
                           struct canary_times *times, struct error *err)
{
    CLEANUP_STORE struct store *store = NULL;
    struct log log = {.take = take_warnings, .self = &session->log};
    char account[16];
    TRY(learn_accounts(session, account, err));
    TRY(open_store(session, &store, err));
    struct run run = drive_new_run(session, account);
    struct run named = run;
    (void)snprintf(run.id, sizeof(run.id), "canary-%.16s", named.id + strlen("2026"));
    struct engine engine = canary_engine(session, &run, &log, store);
    return canary_send(&engine, like, times, err);
}

/* The run that a killed canary left; *left is false if there is none. */
static enum error_code find_left(const struct session *session, struct store **store,
                                 struct run *run, bool *left, struct error *err)
{
    char place[CONFIG_TEXT_SIZE];
    *left = false;
    TRY(store_place(session, place, sizeof(place), err));
    if (access(place, F_OK) != 0)
        return ERR_NONE;
    TRY(open_store(session, store, err));
    enum error_code code = store_get_run(*store, NULL, run, err);
    if (code == ERR_NO_RUN)
        return ERR_NONE;
    TRY(code);
    *left = !machine_is_final(run->state);
    return ERR_NONE;
}

enum error_code canary_tidy(const struct session *session, char removed[RUN_ID_SIZE],
                            struct error *err)
{
    /* One clock for both: a second one would wait for the first. */
    CLEANUP_SESSION struct session own = {
        .options = session->options, .clock = session->clock, .log = session->log};
    CLEANUP_STORE struct store *store = NULL;
    struct run run;
    bool left = false;
    removed[0] = '\0';
    TRY(session_configure(&own, true, err));
    TRY(find_left(&own, &store, &run, &left, err));
    if (!left)
        return ERR_NONE;
    drive_take_run(&own, &run);
    TRY(session_open_clouds(&own, err));
    TRY(drive_check_accounts(&own, &run, err));
    struct log log = {.take = take_warnings, .self = &own.log};
    struct engine engine = canary_engine(&own, &run, &log, store);
    TRY(canary_remove(&engine, err));
    (void)snprintf(removed, RUN_ID_SIZE, "%s", run.id);
    return ERR_NONE;
}
