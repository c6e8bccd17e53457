#include <math.h>
#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/json_out.h"
#include "cli/learn.h"
#include "model/amount.h"
#include "model/instant.h"

static void print_text(const char *volume_id, const struct volume_rows *rows)
{
    bool unlisted = false;
    (void)printf("%s: %zu snapshots and copies, %zu changes, %zu periods of writes\n\n", volume_id,
                 rows->duration_count, rows->dirty_count, rows->write_count);
    (void)printf("  %-22s %-9s %-21s %10s %10s\n", "id", "kind", "started", "delta", "took");
    for (size_t i = 0; i < rows->duration_count; i++) {
        const struct duration_sample *row = &rows->durations[i];
        char at[INSTANT_TEXT_SIZE];
        char took[DURATION_TEXT_SIZE];
        char bytes[AMOUNT_TEXT_SIZE];
        unlisted = unlisted || row->delta_bytes < 0;
        (void)printf("  %-22s %-9s %-21s %10s %10s%s\n", row->id,
                     row->kind == TRANSFER_COPY ? "copy" : "snapshot",
                     instant_text(row->started_ms / 1000 * 1000, at),
                     amount_text((double)row->delta_bytes, bytes),
                     duration_text(row->duration_ms, took), row->pending ? " so far" : "");
    }
    if (unlisted)
        (void)printf("\n  ?: only the newest %d gaps were listed block by block\n", LEARN_GAPS);
}

static void add_durations(struct json_out *volume, const struct volume_rows *rows)
{
    struct json_out *durations = json_out_array(volume, "durations");
    for (size_t i = 0; i < rows->duration_count; i++) {
        const struct duration_sample *row = &rows->durations[i];
        struct json_out *item = json_out_item(durations);
        json_out_text(item, "id", row->id);
        json_out_text(item, "kind", row->kind == TRANSFER_COPY ? "copy" : "snapshot");
        json_out_bool(item, "full", row->full);
        json_out_bool(item, "pending", row->pending);
        json_out_instant(item, "started_at", row->started_ms);
        json_out_real(item, "duration_seconds", (double)row->duration_ms / 1000);
        if (row->delta_bytes >= 0) {
            json_out_int(item, "delta_bytes", row->delta_bytes);
        } else {
            json_out_real(item, "delta_bytes", (double)NAN);
        }
    }
}

static void add_changes(struct json_out *volume, const struct volume_rows *rows)
{
    struct json_out *changes = json_out_array(volume, "changes");
    for (size_t i = 0; i < rows->dirty_count; i++) {
        const struct dirty_sample *row = &rows->dirties[i];
        struct json_out *item = json_out_item(changes);
        json_out_text(item, "id", row->id);
        json_out_instant(item, "start_at", row->start_ms);
        json_out_instant(item, "end_at", row->end_ms);
        json_out_int(item, "changed_bytes", row->changed_bytes);
        json_out_int(item, "merged_count", row->merged_count);
    }
}

static void add_volume(struct json_out *volumes, const char *volume_id,
                       const struct volume_rows *rows)
{
    struct json_out *volume = json_out_item(volumes);
    json_out_text(volume, "volume_id", volume_id);
    add_durations(volume, rows);
    add_changes(volume, rows);
    json_out_int(volume, "write_periods", (int64_t)rows->write_count);
}

enum error_code cmd_history(struct session *session, struct error *err)
{
    TRY(learn_open(session, err));
    TRY(learn_collect(session, err));
    struct json_out *document = session->options.json ? json_out_new() : NULL;
    struct json_out *volumes = NULL;
    enum error_code code = ERR_NONE;
    if (document != NULL) {
        json_out_text(document, "schema", "ebshift.history.1");
        volumes = json_out_array(document, "volumes");
    }
    for (size_t i = 0; i < session->config.volume_count && code == ERR_NONE; i++) {
        CLEANUP_VOLUME_ROWS struct volume_rows rows = {0};
        const char *volume_id = session->config.volumes[i];
        code = store_get_volume_rows(session->store, volume_id, session->path.name, &rows, err);
        if (code == ERR_NONE && volumes == NULL) {
            if (i > 0)
                (void)printf("\n");
            print_text(volume_id, &rows);
        } else if (code == ERR_NONE) {
            add_volume(volumes, volume_id, &rows);
        }
    }
    if (document != NULL)
        json_out_print(document, stdout);
    return code;
}
