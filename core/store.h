/* store.h: the memory of ebshift: runs and their journal, what they made, what was learned.
 *
 * One SQLite database (WAL, synchronous=FULL) in a directory of mode 0700; every function is one
 * transaction, on disk when it returns. The work list is the database: status, resume and history
 * are queries. One process holds the lock and writes; readers need none.
 *
 * Every function may fail with ERR_STORE (the disk is full, the file is damaged) or ERR_NO_MEMORY.
 * Arrays handed out are heap memory of the caller. Instants are Unix milliseconds UTC, 0 for
 * "not yet". */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cloud.h"
#include "core/counter.h"
#include "model/error.h"
#include "model/machine.h"
#include "model/sample.h"

#define RUN_ID_SIZE      24
#define STORE_TOKEN_SIZE 64

struct store;

/* Opens (and makes, if needed) the store in a directory, checks that it is whole and brings its
 * tables up to date. Errors: ERR_STORE, also if a newer ebshift has written it or if it is damaged
 * or lost; ERR_LOCKED if another program keeps it locked. Close with store_close(). */
MUST_CHECK enum error_code store_open(const char *directory, struct store **store,
                                      struct error *err);
/* Opens a store only to read it, so that looking never changes a thing; needs no right to write,
 * unless a process that was killed left a log there. Errors: ERR_NO_RUN if there is none. */
MUST_CHECK enum error_code store_open_readonly(const char *directory, struct store **store,
                                               struct error *err);
void store_close(struct store *store);
/* For CLEANUP_STORE. */
void store_closep(struct store **store);
#define CLEANUP_STORE CLEANUP(store_closep)

/* Takes the lock that makes this process the only one that acts, from now_ms on; released by
 * store_close() and by the death of the process. Errors: ERR_LOCKED, naming the holder: its process
 * id, its host and since when. */
MUST_CHECK enum error_code store_lock(struct store *store, int64_t now_ms, struct error *err);

/* Whether what is written still goes to where the next process will look for it. Errors: ERR_STORE
 * if the file was deleted, moved or replaced. */
MUST_CHECK enum error_code store_check_there(struct store *store, struct error *err);

/* ---- runs ---- */

/* One execution of a plan. What the operator asked for, where it stands, what came out. */
struct run {
    char id[RUN_ID_SIZE];
    enum machine_state state;
    int round; /* the round in progress or last done, from 1; the final one counts on */
    int64_t created_ms;
    int64_t finished_ms;

    /* what was asked for */
    char source_region[32];
    char source_instance[CLOUD_ID_SIZE];
    char target_region[32];
    char target_zone[CLOUD_ZONE_SIZE];
    char target_instance[CLOUD_ID_SIZE]; /* empty: volumes are made and not attached */
    char target_key[CLOUD_KEY_SIZE];
    char source_account[16];
    char target_account[16]; /* empty: the same */
    char target_profile[64]; /* how to act there; empty: not so */
    char target_role[CLOUD_KEY_SIZE];
    char target_external_id[512];
    char via_region[32]; /* where the snapshots change hands, for another account */
    char via_key[CLOUD_KEY_SIZE];
    bool fence;
    bool backup;
    int64_t window_start_ms;
    int64_t window_end_ms;
    int64_t max_downtime_ms; /* 0: the window */
    double confidence;

    /* the promise: seconds of downtime as told when the run began, and when the cut was decided */
    double first_p05_s;
    double first_p50_s;
    double first_p95_s;
    double downtime_p05_s;
    double downtime_p50_s;
    double downtime_p95_s;
    double miss_probability;
    /* what the model's draws said for the first promise, before past promises corrected it */
    double drawn_p05_s;
    double drawn_p50_s;
    double drawn_p95_s;

    /* what happened */
    int64_t down_ms; /* service went down: the fence, or the cut where there is none */
    int64_t cut_ms;
    int64_t up_ms; /* volumes handed over */
    int64_t freeze_us;
    int64_t request_us;
    int64_t flush_us;
    int64_t thaw_us;
    int64_t round_trip_us; /* part of freeze_us: words between two machines */
    char consistency[12];
    char lsn[24];
    char failure[400]; /* the last error, empty after success */
};

/* Writes a new run with its first journal line. Errors: ERR_STORE. */
MUST_CHECK enum error_code store_add_run(struct store *store, const struct run *run,
                                         struct error *err);
/* Writes every member of *run and, if the state changed, a journal line of `now_ms`. */
MUST_CHECK enum error_code store_save_run(struct store *store, const struct run *run,
                                          int64_t now_ms, struct error *err);
/* Finds a run by id, or the newest one if run_id is NULL or "". Errors: ERR_NO_RUN. */
MUST_CHECK enum error_code store_get_run(struct store *store, const char *run_id, struct run *run,
                                         struct error *err);

/* One step of the journal: which state was entered when. */
struct journal_step {
    enum machine_state state;
    int round;
    int64_t entered_ms;
};
MUST_CHECK enum error_code store_get_journal(struct store *store, const char *run_id,
                                             struct journal_step **steps, size_t *count,
                                             struct error *err);

/* Texts that belong to a run and must survive: how to lift the fence, backup_label and others. */
MUST_CHECK enum error_code store_put_text(struct store *store, const char *run_id, const char *name,
                                          const char *text, struct error *err);
/* Appends to *text. Errors: ERR_NOT_FOUND. */
MUST_CHECK enum error_code store_get_text(struct store *store, const char *run_id, const char *name,
                                          struct strbuf *text, struct error *err);

/* ---- rounds ---- */

/* One round of a run, predicted beside actual. Seconds and bytes are of the whole set. */
struct round {
    int number;
    bool final;
    double delta_bytes[3]; /* p05, p50, p95 */
    double snapshot_s[3];
    double copy_s[3];
    double duration_s[3];
    int64_t planned_ms;
    int64_t started_ms;
    int64_t snapshot_done_ms;
    int64_t copy_started_ms;
    int64_t copy_done_ms;
    int64_t actual_delta_bytes; /* -1 while unknown */
    bool full;
};
/* Adds or replaces a round of a run. */
MUST_CHECK enum error_code store_put_round(struct store *store, const char *run_id,
                                           const struct round *round, struct error *err);
MUST_CHECK enum error_code store_get_rounds(struct store *store, const char *run_id,
                                            struct round **rounds, size_t *count,
                                            struct error *err);

/* ---- objects: intents and what came of them ---- */

/* The relays are copies on the way, where more than one is needed; OBJECT_COPY is the last one. */
enum object_kind {
    OBJECT_SNAPSHOT,
    OBJECT_COPY,
    OBJECT_VOLUME,
    OBJECT_RELAY,
    OBJECT_SECOND_RELAY,
};

enum object_state {
    OBJECT_INTENDED, /* journalled; the call may or may not have been sent */
    OBJECT_CREATED,  /* the service gave an id */
    OBJECT_READY,    /* completed, available or attached */
    OBJECT_LOST,     /* the service failed it, or it is not ours to use */
    OBJECT_DELETED,
};

/* Something a run makes at the service. The token goes into a tag of the same call;
 * the members of a snapshot set share one. */
struct object {
    int64_t number; /* set by the store */
    enum object_kind kind;
    enum object_state state;
    int round;
    char token[STORE_TOKEN_SIZE];
    char volume_id[CLOUD_ID_SIZE]; /* the source volume it stands for */
    char from_id[CLOUD_ID_SIZE];   /* the snapshot it was made from, for copies and volumes */
    char id[CLOUD_ID_SIZE];        /* empty while intended */
    char region[32];
    char device[64];
    int64_t intended_ms; /* by our clock; from created on, when we were told the id */
    int64_t started_ms;
    int64_t done_ms;
};
/* Adds an object and sets its number. */
MUST_CHECK enum error_code store_add_object(struct store *store, const char *run_id,
                                            struct object *object, struct error *err);
MUST_CHECK enum error_code store_save_object(struct store *store, const struct object *object,
                                             struct error *err);
/* All objects of a run in the order they were intended. */
MUST_CHECK enum error_code store_get_objects(struct store *store, const char *run_id,
                                             struct object **objects, size_t *count,
                                             struct error *err);

/* The copies of one volume that runs to one account made in a place. Borrows all. */
struct copy_series {
    const char *volume_id;
    enum object_kind kind;
    const char *region;
    const char *target_account; /* of the runs; empty: the source's own */
};
/* All copies of a series as they were begun, also those deleted since; none that failed at the
 * service. */
MUST_CHECK enum error_code store_get_copies(struct store *store, const struct copy_series *series,
                                            struct object **copies, size_t *count,
                                            struct error *err);

/* Tells whether a round that began at an instant carried every block of some volume. */
MUST_CHECK enum error_code store_had_full_round(struct store *store, int64_t started_ms, bool *had,
                                                struct error *err);

/* ---- what became of promises ---- */

/* What was told of a finished round, or of the downtime of a finished run, and what came of it. */
struct promise {
    char run_id[RUN_ID_SIZE];
    bool series;      /* the downtime of the run; else one of its rounds */
    bool own;         /* a volume that was asked for took part */
    double told_s[3]; /* p05, p50, p95, as the model drew them */
    double actual_s;
    double own_steps_s; /* of a series: the part that was neither snapshot nor copy; else -1 */
};
/* The promises of the newest `most` runs that have any, newest first. `volume_ids`: those asked for,
 * in one text. */
MUST_CHECK enum error_code store_get_promises(struct store *store, const char *volume_ids,
                                              size_t most, struct promise **promises, size_t *count,
                                              struct error *err);

/* ---- what was learned of a volume ---- */

/* A duration row of the model plus what the store must know of it. */
struct store_duration {
    struct duration_sample sample;
    char target_region[32]; /* or the name of a longer path; empty for snapshots */
};

/* Adds rows; one already known (same id and kind, same period) is replaced. */
MUST_CHECK enum error_code store_put_durations(struct store *store, const char *volume_id,
                                               const struct store_duration *rows, size_t count,
                                               struct error *err);
MUST_CHECK enum error_code store_put_dirties(struct store *store, const char *volume_id,
                                             const struct dirty_sample *rows, size_t count,
                                             struct error *err);
MUST_CHECK enum error_code store_put_writes(struct store *store, const char *volume_id,
                                            const struct write_sample *rows, size_t count,
                                            struct error *err);

/* All rows of a volume, oldest first. Copies are those to `target_region` only. Writes are
 * CloudWatch's, and what was counted here after them. */
struct volume_rows {
    struct duration_sample *durations; /* heap */
    size_t duration_count;
    struct dirty_sample *dirties; /* heap */
    size_t dirty_count;
    struct write_sample *writes; /* heap */
    size_t write_count;
};
MUST_CHECK enum error_code store_get_volume_rows(struct store *store, const char *volume_id,
                                                 const char *target_region,
                                                 struct volume_rows *rows, struct error *err);
void volume_rows_done(struct volume_rows *rows);
/* The rows as the model takes them; borrows them and volume_id. The volume's size is not in them. */
struct volume_history volume_rows_history(const struct volume_rows *rows, const char *volume_id);
#define CLEANUP_VOLUME_ROWS CLEANUP(volume_rows_done)

/* Keeps a reading of a volume's local counters of the instant at_ms. What was written since the
 * reading before becomes a write period, if both are of one origin and at most COUNTED_MAX_MS apart. */
#define COUNTED_MAX_MS 3600000
MUST_CHECK enum error_code store_put_reading(struct store *store, const char *volume_id,
                                             int64_t at_ms, const struct counter_reading *reading,
                                             struct error *err);

/* A volume with history. */
struct stored_volume {
    char id[CLOUD_ID_SIZE];
};
/* The volumes with at least `least` completed snapshots, lately seen ones first, at most `most`. */
MUST_CHECK enum error_code store_get_volumes(struct store *store, size_t least, size_t most,
                                             struct stored_volume **volumes, size_t *count,
                                             struct error *err);

/* The newest write period known of a volume ends here; 0 if none is known. */
MUST_CHECK enum error_code store_writes_end(struct store *store, const char *volume_id,
                                            int64_t *end_ms, struct error *err);

#endif
