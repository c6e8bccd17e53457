#include "bench/still.h"

#include <stdio.h>

static enum error_code fence_record(void *self, struct strbuf *record, struct error *err)
{
    (void)self;
    (void)err;
    strbuf_puts(record, "-- nothing is fenced\n");
    return ERR_NONE;
}

static enum error_code spend(struct scene *scene, int64_t spent_ms, struct error *err)
{
    return clock_sleep_until(&scene->clock, scene->fake.now_ms + spent_ms, err);
}

static enum error_code read_lsn(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    (void)self;
    (void)err;
    (void)snprintf(lsn, LSN_TEXT_SIZE, "0/3000000");
    return ERR_NONE;
}

static enum error_code fence(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    struct scene *scene = self;
    TRY(spend(scene, scene->fence_ms, err));
    return read_lsn(self, lsn, err);
}

static enum error_code unfence(void *self, const char *record, struct error *err)
{
    (void)self;
    (void)record;
    (void)err;
    return ERR_NONE;
}

static enum error_code backup_begin(void *self, const char *label, struct error *err)
{
    (void)self;
    return error_set(err, ERR_STATE, "no backup '%s' without a database", label);
}

static enum error_code backup_end(void *self, struct quiesce_backup *backup, struct error *err)
{
    (void)self;
    (void)backup;
    return error_set(err, ERR_STATE, "no backup without a database");
}

static enum error_code prepare(void *self, struct error *err)
{
    struct scene *scene = self;
    return spend(scene, scene->checkpoint_ms, err);
}

static enum error_code begin_cut(void *self, struct error *err)
{
    (void)self;
    (void)err;
    return ERR_NONE;
}

static void end_cut(void *self)
{
    (void)self;
}

static struct cut cut(void *self)
{
    return (struct cut){.begin = begin_cut, .end = end_cut, .self = self};
}

static enum error_code settle(void *self, struct error *err)
{
    (void)self;
    (void)err;
    return ERR_NONE;
}

static void report(const void *self, struct quiesce_report *report)
{
    (void)self;
    *report = (struct quiesce_report){.consistency = CONSISTENCY_FROZEN, .fenced = true};
}

struct quiesce still_quiesce(struct scene *scene)
{
    return (struct quiesce){
        .self = scene,
        .fence_record = fence_record,
        .fence = fence,
        .unfence = unfence,
        .read_lsn = read_lsn,
        .backup_begin = backup_begin,
        .backup_end = backup_end,
        .prepare = prepare,
        .cut = cut,
        .settle = settle,
        .report = report,
    };
}

enum error_code still_hold(struct scene *scene, struct error *err)
{
    return spend(scene, scene->fence_ms + scene->checkpoint_ms, err);
}
