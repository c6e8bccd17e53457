#include "model/sample.h"

#include <stdio.h>
#include <string.h>

#include "model/instant.h"

/* Nothing of ours runs a year; such a row is a unit error. */
#define LONGEST_MS (366 * MS_PER_DAY)

/* The next free row; of a full report that of a row without a size, which old snapshots have by the
 * dozen, so that what is odd is named all the same. NULL if there is none. */
static struct set_aside_row *place_for(struct set_aside *aside, enum set_aside_reason reason)
{
    if (aside->row_count < SET_ASIDE_MAX)
        return &aside->rows[aside->row_count++];
    for (size_t i = SET_ASIDE_MAX; i-- > 0 && reason != SET_ASIDE_SIZE;) {
        if (aside->rows[i].reason == SET_ASIDE_SIZE)
            return &aside->rows[i];
    }
    return NULL;
}

void set_aside_add(struct set_aside *aside, const char *id, int64_t at_ms,
                   enum set_aside_reason reason)
{
    aside->total_count++;
    struct set_aside_row *row = place_for(aside, reason);
    if (row == NULL)
        return;
    *row = (struct set_aside_row){.at_ms = at_ms, .reason = reason};
    snprintf(row->id, sizeof(row->id), "%s", id);
}

const char *set_aside_reason_text(enum set_aside_reason reason)
{
    static const char *const texts[] = {
        [SET_ASIDE_NONE] = "counts",
        [SET_ASIDE_TIME] = "its time is impossible",
        [SET_ASIDE_LENGTH] = "its length is impossible",
        [SET_ASIDE_SIZE] = "its size is unknown or impossible",
        [SET_ASIDE_DUPLICATE] = "seen before",
        [SET_ASIDE_OUTLIER] = "far off the line",
    };
    return texts[reason];
}

static bool time_is_possible(int64_t at_ms, int64_t now_ms)
{
    return at_ms > 0 && at_ms <= now_ms;
}

static bool size_is_possible(const struct volume_history *history, int64_t bytes)
{
    return bytes >= 0 &&
           (history->volume_bytes <= 0 || bytes - BLOCK_BYTES <= history->volume_bytes);
}

/* Rows without an id cannot be told apart and are taken as they are. */
static bool duration_seen_before(const struct volume_history *history, size_t index)
{
    const struct duration_sample *sample = &history->durations[index];
    if (sample->id[0] == '\0')
        return false;
    for (size_t i = 0; i < index; i++) {
        if (history->durations[i].kind == sample->kind &&
            strcmp(history->durations[i].id, sample->id) == 0)
            return true;
    }
    return false;
}

enum set_aside_reason sample_check_duration(const struct volume_history *history, size_t index,
                                            int64_t now_ms)
{
    const struct duration_sample *sample = &history->durations[index];
    if (!time_is_possible(sample->started_ms, now_ms))
        return SET_ASIDE_TIME;
    if (sample->duration_ms <= 0 || sample->duration_ms > LONGEST_MS)
        return SET_ASIDE_LENGTH;
    if (sample->started_ms + sample->duration_ms > now_ms)
        return SET_ASIDE_TIME;
    if (!size_is_possible(history, sample->delta_bytes))
        return SET_ASIDE_SIZE;
    return duration_seen_before(history, index) ? SET_ASIDE_DUPLICATE : SET_ASIDE_NONE;
}

static bool dirty_seen_before(const struct volume_history *history, size_t index)
{
    const struct dirty_sample *sample = &history->dirties[index];
    for (size_t i = 0; i < index; i++) {
        if (history->dirties[i].start_ms == sample->start_ms &&
            history->dirties[i].end_ms == sample->end_ms)
            return true;
    }
    return false;
}

enum set_aside_reason sample_check_dirty(const struct volume_history *history, size_t index,
                                         int64_t now_ms)
{
    const struct dirty_sample *sample = &history->dirties[index];
    if (!time_is_possible(sample->start_ms, now_ms) || !time_is_possible(sample->end_ms, now_ms))
        return SET_ASIDE_TIME;
    if (sample->end_ms <= sample->start_ms || sample->end_ms - sample->start_ms > LONGEST_MS)
        return SET_ASIDE_LENGTH;
    if (!size_is_possible(history, sample->changed_bytes))
        return SET_ASIDE_SIZE;
    return dirty_seen_before(history, index) ? SET_ASIDE_DUPLICATE : SET_ASIDE_NONE;
}

enum set_aside_reason sample_check_write(const struct write_sample *sample, int64_t now_ms)
{
    if (!time_is_possible(sample->start_ms, now_ms))
        return SET_ASIDE_TIME;
    if (sample->length_ms <= 0 || sample->length_ms > MS_PER_DAY)
        return SET_ASIDE_LENGTH;
    /* More than 10 GB/s or a million operations per second is beyond any EBS volume. */
    bool absurd = sample->bytes / INT64_C(10000000) > sample->length_ms ||
                  sample->ops / INT64_C(1000) > sample->length_ms;
    return sample->bytes < 0 || absurd ? SET_ASIDE_SIZE : SET_ASIDE_NONE;
}
