#include "model/write_sums.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

/* Where operations are not measured: the size of one, that of a typical database write. */
#define BYTES_PER_OP 16384.0
/* What is too old goes ten days at a time. */
#define MAX_TICKS  ((size_t)((WRITE_PAST_MS + 10 * MS_PER_DAY) / WRITE_TICK_MS))
#define KEEP_TICKS ((size_t)(WRITE_PAST_MS / WRITE_TICK_MS))

void write_sums_done(struct write_sums *sums)
{
    free(sums->ticks);
    free(sums->covered_ms);
    *sums = (struct write_sums){0};
}

/* Drops the oldest ticks, whole half hours, so that tick `last` comes to lie within what is kept. */
static void forget(struct write_sums *sums, size_t last)
{
    size_t dropped = (last + 1 - KEEP_TICKS + TICKS_PER_SLOT - 1) / TICKS_PER_SLOT * TICKS_PER_SLOT;
    size_t kept = sums->tick_count > dropped ? sums->tick_count - dropped : 0;
    memmove(sums->ticks, sums->ticks + (sums->tick_count - kept), kept * sizeof(*sums->ticks));
    memmove(sums->covered_ms, sums->covered_ms + (sums->tick_count - kept),
            kept * sizeof(*sums->covered_ms));
    sums->tick_count = kept;
    sums->first_ms += (int64_t)dropped * WRITE_TICK_MS;
}

static enum error_code reserve(struct write_sums *sums, size_t count, struct error *err)
{
    if (count <= sums->room)
        return ERR_NONE;
    size_t room = MIN(MAX(2 * sums->room, count), MAX_TICKS);
    struct write_total *ticks = realloc(sums->ticks, room * sizeof(*ticks));
    if (ticks != NULL)
        sums->ticks = ticks;
    uint32_t *covered_ms = realloc(sums->covered_ms, room * sizeof(*covered_ms));
    if (covered_ms != NULL)
        sums->covered_ms = covered_ms;
    if (ticks == NULL || covered_ms == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold %zu write ticks", room);
    sums->room = room;
    return ERR_NONE;
}

/* Makes the ticks up to that of end_ms exist. */
static enum error_code reach(struct write_sums *sums, int64_t end_ms, struct error *err)
{
    size_t last = (size_t)((end_ms - 1 - sums->first_ms) / WRITE_TICK_MS);
    if (last >= MAX_TICKS) {
        forget(sums, last);
        last = (size_t)((end_ms - 1 - sums->first_ms) / WRITE_TICK_MS);
    }
    if (last < sums->tick_count)
        return ERR_NONE;
    TRY(reserve(sums, last + 1, err));
    size_t added = last + 1 - sums->tick_count;
    memset(sums->ticks + sums->tick_count, 0, added * sizeof(*sums->ticks));
    memset(sums->covered_ms + sums->tick_count, 0, added * sizeof(*sums->covered_ms));
    sums->tick_count = last + 1;
    return ERR_NONE;
}

/* Spreads one period over its ticks, by time. */
static void spread(struct write_sums *sums, const struct write_sample *row)
{
    double bytes = (double)row->bytes;
    double ops = row->ops >= 0 ? (double)row->ops : bytes / BYTES_PER_OP;
    int64_t end_ms = row->start_ms + row->length_ms;
    int64_t at_ms = MAX(row->start_ms, sums->first_ms);
    size_t tick = (size_t)((at_ms - sums->first_ms) / WRITE_TICK_MS);
    while (at_ms < end_ms) {
        int64_t next_ms = sums->first_ms + (int64_t)(tick + 1) * WRITE_TICK_MS;
        int64_t part_ms = MIN(next_ms, end_ms) - at_ms;
        double share = (double)part_ms / (double)row->length_ms;
        sums->ticks[tick].bytes += bytes * share;
        sums->ticks[tick].ops += ops * share;
        sums->covered_ms[tick] += (uint32_t)part_ms;
        at_ms = next_ms;
        tick++;
    }
}

static enum error_code add(struct write_sums *sums, const struct write_sample *row,
                           struct error *err)
{
    int64_t end_ms = row->start_ms + row->length_ms;
    if (sums->end_ms == 0)
        sums->first_ms = row->start_ms - row->start_ms % WRITE_SLOT_MS;
    TRY(reach(sums, end_ms, err));
    spread(sums, row);
    sums->newest_ms = row->start_ms;
    sums->end_ms = MAX(sums->end_ms, end_ms);
    sums->ops_missing = sums->ops_missing || row->ops < 0;
    return ERR_NONE;
}

enum error_code write_sums_add(struct write_sums *sums, const struct write_sample *rows,
                               size_t count, int64_t now_ms, struct set_aside *aside,
                               struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        enum set_aside_reason reason = sample_check_write(&rows[i], now_ms);
        if (reason == SET_ASIDE_NONE && sums->end_ms != 0 && rows[i].start_ms <= sums->newest_ms)
            reason = SET_ASIDE_DUPLICATE;
        if (reason != SET_ASIDE_NONE) {
            set_aside_add(aside, "write", rows[i].start_ms, reason);
        } else if (rows[i].start_ms > now_ms - WRITE_PAST_MS) {
            TRY(add(sums, &rows[i], err));
        }
    }
    return ERR_NONE;
}
