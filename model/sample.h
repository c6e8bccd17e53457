/* sample.h: what was observed of one volume, the only food of the timing model.
 *
 * Plain rows as the cloud reports them: how long snapshots and copies took, which blocks changed
 * between two snapshots, what was written when. Rows that cannot be true are set aside by id with a
 * reason, never corrected and never an error: one absurd row must not take the forecast away. */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the block by which EBS counts changes (EBS direct API reference). */
#define BLOCK_BYTES   524288
#define BYTES_PER_MIB 1048576.0

/* "snap-" or "vol-" and 17 hex digits, NUL-terminated. */
#define SAMPLE_ID_SIZE 32

/* The transfers whose durations are learned apart: making a snapshot, and copying one to the
 * target. */
enum transfer_kind { TRANSFER_SNAPSHOT, TRANSFER_COPY };

/* One snapshot or copy that was made, or is being made. */
struct duration_sample {
    char id[SAMPLE_ID_SIZE];
    enum transfer_kind kind;
    bool full;           /* carried every block ever written, not a difference */
    bool pending;        /* still running: duration_ms is its age so far */
    int64_t started_ms;  /* Unix milliseconds UTC, the server's clock */
    int64_t duration_ms; /* until completed, or the age if pending */
    int64_t delta_bytes; /* bytes carried (changed blocks x 512 KiB); -1 if unknown */
    unsigned queued;     /* own transfers of its kind that were running when it started */
    /* The most that a snapshot of its set carried. Those of a set complete together: only of that one
     * is the duration its own, of the others it is the longest that theirs can be. 0: no set. */
    int64_t set_bytes;
};

/* The blocks that changed between two snapshots of the volume, neighbours or not. Merged pairs come
 * from block identities (ListChangedBlocks between distant snapshots) and teach how the growth
 * bends. */
struct dirty_sample {
    char id[SAMPLE_ID_SIZE]; /* of the later snapshot */
    int64_t start_ms;        /* instants of the two snapshots, Unix milliseconds UTC */
    int64_t end_ms;
    int64_t changed_bytes;
    unsigned merged_count; /* neighbouring gaps covered: 1 for direct successors, m for a union */
};

/* What was written to the volume in one period (CloudWatch VolumeWriteBytes and VolumeWriteOps,
 * sums). */
struct write_sample {
    int64_t start_ms;  /* Unix milliseconds UTC */
    int64_t length_ms; /* the period, e.g. 60000 or 300000 */
    int64_t bytes;
    int64_t ops; /* -1 if unknown */
};

/* What other volumes of the account tell of this one: model/fleet.h. */
struct volume_prior;

struct write_sums;

/* Everything known of one volume. Borrows all arrays; any may be empty and in any order. */
struct volume_history {
    const char *volume_id;
    int64_t volume_bytes; /* size of the volume, the cap of any delta; 0 if unknown */
    const struct duration_sample *durations;
    size_t duration_count;
    const struct dirty_sample *dirties;
    size_t dirty_count;
    const struct write_sample *writes;
    size_t write_count;
    const struct volume_prior *prior; /* NULL: the built-in one */
    /* The same, from one who keeps sums (write_sums.h): read instead of `writes`. NULL: none. */
    const struct write_sums *sums;
    int copy_hops;       /* copies one after the other that make one row of TRANSFER_COPY; 0: one */
    double queue;        /* own transfers that will run beside each coming one */
    bool writes_current; /* counted up to now: no period is still late, as CloudWatch's are */
};

/* Why a row does not count. */
enum set_aside_reason {
    SET_ASIDE_NONE = 0,
    SET_ASIDE_TIME,      /* instant not positive, or in the future */
    SET_ASIDE_LENGTH,    /* duration or period not positive, or longer than a year */
    SET_ASIDE_SIZE,      /* negative, unknown where needed, or larger than the volume */
    SET_ASIDE_DUPLICATE, /* same id and kind (or same period) seen before */
    SET_ASIDE_OUTLIER,   /* lies so far off the fitted line that it counts next to nothing */
};

/* Rows kept for the report; later ones are counted only. */
#define SET_ASIDE_MAX 32

/* The rows that do not count, by id. Zero-initialise; owns nothing. */
struct set_aside {
    struct set_aside_row {
        char id[SAMPLE_ID_SIZE]; /* for a write period: "write", its start is in at_ms */
        int64_t at_ms;
        enum set_aside_reason reason;
    } rows[SET_ASIDE_MAX];
    size_t row_count;   /* filled rows */
    size_t total_count; /* all rows set aside, also those beyond SET_ASIDE_MAX */
};

/* Notes that the row `id` of instant at_ms (Unix milliseconds UTC) does not count. */
void set_aside_add(struct set_aside *aside, const char *id, int64_t at_ms,
                   enum set_aside_reason reason);

/* Names the reason in a few words for people; a static string. */
const char *set_aside_reason_text(enum set_aside_reason reason);

/* Tells whether the duration row at `index` can be true at now_ms; SET_ASIDE_NONE means yes. Linear
 * in index because of the search for a duplicate. */
enum set_aside_reason sample_check_duration(const struct volume_history *history, size_t index,
                                            int64_t now_ms);

/* Tells whether the dirty row at `index` can be true at now_ms; SET_ASIDE_NONE means yes. Linear in
 * index. */
enum set_aside_reason sample_check_dirty(const struct volume_history *history, size_t index,
                                         int64_t now_ms);

/* Tells whether the write row can be true at now_ms, its neighbours aside; SET_ASIDE_NONE means
 * yes. */
enum set_aside_reason sample_check_write(const struct write_sample *sample, int64_t now_ms);

#endif
