#include "core/host/hold.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

enum { FLUSH_PASSES = 10, FLUSH_QUICK_US = 100000, DEFAULT_LIMIT_MS = 10000 };

void hold_init(struct hold *hold, const struct hold_options *options)
{
    *hold = (struct hold){.options = *options};
    struct hold_options *kept = &hold->options;
    for (size_t i = 0; i < options->mount_count && i < FREEZE_MOUNTS_MAX; i++)
        hold->mount_points[i] = options->mount_points[i];
    for (size_t i = 0; i < options->own_count && i < OWN_PATHS_MAX; i++)
        hold->own_paths[i] = options->own_paths[i];
    kept->mount_points = NULL;
    kept->own_paths = NULL;
    if (kept->record_dir == NULL)
        kept->record_dir = FROZEN_RECORD_DIR;
    if (kept->freeze_limit_ms == 0)
        kept->freeze_limit_ms = DEFAULT_LIMIT_MS;
}

static enum error_code check_own(const struct hold *hold, const char *watchdog, struct error *err)
{
    const char *own[OWN_PATHS_MAX + 2] = {watchdog, hold->options.record_dir};
    if (hold->options.own_count > OWN_PATHS_MAX)
        return error_set(err, ERR_INVALID, "more than %d own paths", OWN_PATHS_MAX);
    for (size_t i = 0; i < hold->options.own_count; i++)
        own[i + 2] = hold->own_paths[i];
    return freeze_check_own(&hold->freeze, own, hold->options.own_count + 2, err);
}

static enum error_code start_watchdog(struct hold *hold, const char *program, struct error *err)
{
    struct watchdog_options options = {
        .program = program,
        .limit_ms = hold->options.freeze_limit_ms,
        .mount_fds = hold->freeze.fds,
        .mount_count = hold->freeze.count,
    };
    return watchdog_start(&hold->watchdog, &options, err);
}

static enum error_code lock_memory(struct hold *hold, struct error *err)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return error_set(err, ERR_SYSTEM, "cannot lock memory: %s", strerrordesc_np(errno));
    hold->memory_locked = true;
    return ERR_NONE;
}

static enum error_code here_check_thawed(void *self, struct error *err)
{
    struct hold *hold = self;
    return freeze_check_thawed(hold->mount_points, hold->options.mount_count, err);
}

static enum error_code here_prepare(void *self, struct error *err)
{
    struct hold *hold = self;
    hold->began = false;
    hold->ended = false;
    hold->flush_before_us = 0;
    if (hold->options.mount_count == 0)
        return ERR_NONE;
    char program[PATH_MAX];
    TRY(watchdog_find(hold->options.watchdog_program, program, sizeof(program), err));
    TRY(freeze_open(&hold->freeze, hold->mount_points, hold->options.mount_count, err));
    TRY(check_own(hold, program, err));
    TRY(frozen_record_write(hold->options.record_dir, hold->freeze.mounts, hold->freeze.count,
                            err));
    hold->recorded = true;
    TRY(start_watchdog(hold, program, err));
    TRY(lock_memory(hold, err));
    return freeze_flush(&hold->freeze, FLUSH_QUICK_US, FLUSH_PASSES, &hold->flush_before_us, err);
}

/* One more flush, because building and signing the request took a moment in which writers went on;
 * then nothing but the freeze. */
static enum error_code here_begin(void *self, struct error *err)
{
    struct hold *hold = self;
    int64_t flush_us = 0;
    TRY(freeze_flush(&hold->freeze, FLUSH_QUICK_US, 1, &flush_us, err));
    hold->flush_before_us += flush_us;
    TRY(freeze_begin(&hold->freeze, &hold->watchdog, err));
    hold->began = true;
    return ERR_NONE;
}

static bool here_end(void *self)
{
    struct hold *hold = self;
    hold->ended = freeze_end(&hold->freeze, NULL) == ERR_NONE;
    return hold->ended;
}

static void note(const struct hold *hold, struct held *held)
{
    const struct freeze *freeze = &hold->freeze;
    held->flush_before_us = hold->flush_before_us;
    held->stolen = freeze->stolen;
    held->all_frozen = hold->ended && freeze->count > 0;
    if (!hold->began || freeze->count == 0)
        return;
    held->freeze_us = freeze->frozen_us - freeze->began_us;
    held->held_us = freeze->ended_us - freeze->frozen_us;
    held->thaw_us = freeze->thawed_us - freeze->ended_us;
    /* We may have slept through it: the watchdog counted from the first FIFREEZE and thawed then. */
    int64_t limit_us = hold->options.freeze_limit_ms * 1000;
    if (held->fired && held->freeze_us + held->held_us > limit_us)
        held->held_us = limit_us > held->freeze_us ? limit_us - held->freeze_us : 0;
}

static enum error_code here_settle(void *self, struct held *held, struct error *err)
{
    struct hold *hold = self;
    enum error_code thawed = freeze_end(&hold->freeze, err);
    *held = (struct held){0};
    watchdog_stop(&hold->watchdog, &held->fired);
    note(hold, held);
    if (hold->recorded && thawed == ERR_NONE)
        frozen_record_remove(hold->options.record_dir);
    if (hold->memory_locked)
        (void)munlockall();
    hold->recorded = false;
    hold->memory_locked = false;
    hold->flush_before_us = 0;
    freeze_close(&hold->freeze);
    return thawed;
}

void hold_done(struct hold *hold)
{
    struct held unused;
    if (here_settle(hold, &unused, NULL) != ERR_NONE) {
        /* The caller has heard of it by its own settle(). */
    }
    *hold = (struct hold){0};
}

struct holder hold_holder(struct hold *hold)
{
    return (struct holder){
        .self = hold,
        .check_thawed = here_check_thawed,
        .prepare = here_prepare,
        .begin = here_begin,
        .end = here_end,
        .settle = here_settle,
    };
}
