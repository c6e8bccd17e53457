/* freeze_probe: the smallest program that freezes, for freeze_e2e.sh.
 *
 * usage: freeze_probe cycle|hold WATCHDOG LIMIT_MS RECORD_DIR MOUNT...
 *        freeze_probe thaw RECORD_DIR
 * `cycle` freezes and thaws; `hold` freezes, says "frozen" and waits for a line on standard input. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/freeze.h"

static int fail(const struct error *err)
{
    (void)fprintf(stderr, "%s: %s\n", error_name(err->code), err->message);
    return 1;
}

static void say_thawed(void *context, const char *mount_point, bool was_frozen)
{
    (void)context;
    (void)printf("%s %s\n", was_frozen ? "thawed" : "not-frozen", mount_point);
}

static enum error_code freeze_and_thaw(struct freeze *freeze, struct watchdog *watchdog, bool hold,
                                       struct error *err)
{
    TRY(freeze_begin(freeze, watchdog, err));
    if (hold) {
        (void)puts("frozen");
        (void)fflush(stdout);
        (void)getchar();
    }
    return freeze_end(freeze, err);
}

static enum error_code run(char **argv, size_t mount_count, struct error *err)
{
    const char *mounts[FREEZE_MOUNTS_MAX] = {0};
    for (size_t i = 0; i < mount_count && i < FREEZE_MOUNTS_MAX; i++)
        mounts[i] = argv[5 + i];
    const char *own[] = {argv[2], argv[4]};
    int64_t flush_us = 0;
    CLEANUP_FREEZE struct freeze freeze = {0};
    struct watchdog watchdog = {0};
    TRY(freeze_open(&freeze, mounts, mount_count, err));
    TRY(freeze_check_own(&freeze, own, 2, err));
    TRY(freeze_flush(&freeze, 100000, 10, &flush_us, err));
    TRY(frozen_record_write(argv[4], freeze.mounts, freeze.count, err));
    struct watchdog_options options = {.program = argv[2],
                                       .limit_ms = strtol(argv[3], NULL, 10),
                                       .mount_fds = freeze.fds,
                                       .mount_count = freeze.count};
    TRY(watchdog_start(&watchdog, &options, err));
    bool fired = false;
    enum error_code done = freeze_and_thaw(&freeze, &watchdog, strcmp(argv[1], "hold") == 0, err);
    watchdog_stop(&watchdog, &fired);
    frozen_record_remove(argv[4]);
    TRY(done);
    (void)printf("fired=%d stolen=%d flush_us=%" PRId64 " held_us=%" PRId64 "\n", fired,
                 freeze.stolen, flush_us, freeze.ended_us - freeze.frozen_us);
    return ERR_NONE;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc == 3 && strcmp(argv[1], "thaw") == 0)
        return freeze_thaw_leftovers(argv[2], say_thawed, NULL, &err) == ERR_NONE ? 0 : fail(&err);
    if (argc < 6)
        return 2;
    return run(argv, (size_t)argc - 5, &err) == ERR_NONE ? 0 : fail(&err);
}
