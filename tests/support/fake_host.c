#include "tests/support/fake_host.h"

#include <stdio.h>
#include <string.h>

#define RECORD_LINE "ALTER SYSTEM RESET default_transaction_read_only;\n"

void fake_host_init(struct fake_host *host, struct fake_world *in)
{
    *host = (struct fake_host){.in = in};
}

/* An effect that takes its time: a place to die before it, and one after it in effect_done(). */
static enum error_code begin_effect(struct fake_host *host, int64_t takes_ms, struct error *err)
{
    struct clock clock = fake_world_clock(host->in);
    TRY(fake_world_step(host->in, err));
    return clock_sleep_until(&clock, clock_now_ms(&clock) + takes_ms, err);
}

static enum error_code effect_done(struct fake_host *host, struct error *err)
{
    return fake_world_step(host->in, err);
}

static void add_span(struct host_spans *spans, int64_t from_ms, int64_t to_ms)
{
    size_t place = spans->count++ % HOST_SPANS;
    spans->items[place].from_ms = from_ms;
    spans->items[place].to_ms = to_ms;
}

bool host_spans_hold(const struct host_spans *spans, int64_t world_ms)
{
    for (size_t i = 0; i < spans->count && i < HOST_SPANS; i++) {
        if (world_ms >= spans->items[i].from_ms && world_ms <= spans->items[i].to_ms)
            return true;
    }
    return false;
}

/* ---- fence ---- */

static enum error_code fence_record(void *self, struct strbuf *record, struct error *err)
{
    struct fake_host *host = self;
    TRY(begin_effect(host, 20, err));
    host->fence_records++;
    if (host->fenced)
        return error_set(err, ERR_STATE, "asked how it was before while the fence is up");
    strbuf_puts(record, RECORD_LINE);
    return ERR_NONE;
}

static enum error_code fence(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    struct fake_host *host = self;
    TRY(begin_effect(host, 1500, err));
    if (!host->fenced)
        host->fenced_ms = host->in->now_ms;
    host->fenced = true;
    enum error_code fails = host->fence_fails;
    host->fence_fails = ERR_NONE;
    if (fails != ERR_NONE)
        return error_set(err, fails, "2 sessions do not end");
    (void)snprintf(lsn, LSN_TEXT_SIZE, "2B/5C0A1F38");
    return effect_done(host, err);
}

static enum error_code unfence(void *self, const char *record, struct error *err)
{
    struct fake_host *host = self;
    TRY(begin_effect(host, 200, err));
    if (strcmp(record, RECORD_LINE) != 0)
        return error_set(err, ERR_POSTGRES, "not a record of a fence: '%s'", record);
    enum error_code fails = host->unfence_fails;
    host->unfence_fails = ERR_NONE;
    if (fails != ERR_NONE)
        return error_set(err, fails, "no answer");
    host->fenced = false;
    return effect_done(host, err);
}

static enum error_code read_lsn(void *self, char lsn[LSN_TEXT_SIZE], struct error *err)
{
    TRY(begin_effect(self, 5, err));
    (void)snprintf(lsn, LSN_TEXT_SIZE, "2B/5C0A1F38");
    return ERR_NONE;
}

/* ---- backup mode ---- */

static enum error_code backup_begin(void *self, const char *label, struct error *err)
{
    (void)label;
    struct fake_host *host = self;
    TRY(begin_effect(host, 300, err));
    if (host->backup)
        return error_set(err, ERR_STATE, "a backup is on");
    host->backup = true;
    host->backup_ms = host->in->now_ms;
    return effect_done(host, err);
}

static enum error_code backup_end(void *self, struct quiesce_backup *backup, struct error *err)
{
    struct fake_host *host = self;
    TRY(begin_effect(host, 700, err));
    if (!host->backup || host->frozen)
        return error_set(err, ERR_STATE, "no backup to end, or still frozen");
    host->backup = false;
    enum error_code fails = host->backup_end_fails;
    host->backup_end_fails = ERR_NONE;
    if (fails != ERR_NONE)
        return error_set(err, fails, "the backup session is gone");
    add_span(&host->backups, host->backup_ms, host->in->now_ms);
    host->report.consistency = CONSISTENCY_BACKUP;
    (void)snprintf(backup->start_lsn, sizeof(backup->start_lsn), "2B/5B000028");
    (void)snprintf(backup->stop_lsn, sizeof(backup->stop_lsn), "2B/5C0A1F38");
    backup->archive_waited = true;
    strbuf_puts(&backup->label, "START WAL LOCATION: 2B/5B000028\n");
    return effect_done(host, err);
}

/* ---- freeze ---- */

static enum error_code prepare(void *self, struct error *err)
{
    struct fake_host *host = self;
    TRY(begin_effect(host, 2500, err));
    if (host->prepared || host->frozen)
        return error_set(err, ERR_STATE, "prepared twice");
    host->prepared = true;
    host->report = (struct quiesce_report){.consistency = CONSISTENCY_CRASH};
    return effect_done(host, err);
}

static enum error_code freeze(void *self, struct error *err)
{
    struct fake_host *host = self;
    TRY(fake_world_step(host->in, err));
    if (!host->prepared || host->frozen)
        return error_set(err, ERR_STATE, "frozen without being prepared");
    host->frozen = true;
    host->frozen_ms = host->in->now_ms;
    return effect_done(host, err);
}

/* The watchdog may have been quicker. */
static void thaw_all(struct fake_host *host)
{
    int64_t limit_ms = host->frozen_ms + HOST_FREEZE_LIMIT_MS;
    int64_t now_ms = host->in->now_ms;
    if (!host->frozen)
        return;
    host->frozen = false;
    host->report.watchdog_fired = now_ms > limit_ms;
    host->report.freeze_us = 700;
    host->report.held_us = (now_ms - host->frozen_ms) * 1000;
    host->report.thaw_us = 90;
    if (host->report.watchdog_fired)
        return;
    add_span(&host->freezes, host->frozen_ms, now_ms);
    host->report.consistency = CONSISTENCY_FROZEN;
}

static void thaw(void *self)
{
    struct fake_host *host = self;
    if (fake_world_step(host->in, NULL) != ERR_NONE)
        return;
    thaw_all(host);
    (void)effect_done(host, NULL);
}

static struct cut cut(void *self)
{
    return (struct cut){.begin = freeze, .end = thaw, .self = self};
}

static enum error_code settle(void *self, struct error *err)
{
    struct fake_host *host = self;
    TRY(begin_effect(host, 10, err));
    thaw_all(host);
    host->prepared = false;
    enum error_code fails = host->settle_fails;
    host->settle_fails = ERR_NONE;
    if (fails != ERR_NONE)
        return error_set(err, fails, "cannot thaw '/srv/data'");
    return effect_done(host, err);
}

static void report(const void *self, struct quiesce_report *report)
{
    *report = ((const struct fake_host *)self)->report;
}

struct quiesce fake_host_quiesce(struct fake_host *host)
{
    return (struct quiesce){
        .self = host,
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

void fake_host_bury(struct fake_host *host)
{
    host->frozen = false;
    host->prepared = false;
    host->backup = false;
}
