#include "bench/prediction.h"

#include <stdlib.h>

const double quantile_chances[QUANTILE_SLOTS] = {0.5, 0.05, 0.25, 0.75, 0.9, 0.95};

void predictions_done(struct predictions *predictions)
{
    free(predictions->rows);
    *predictions = (struct predictions){0};
}

enum error_code predictions_add(struct predictions *predictions, const struct prediction *row,
                                struct error *err)
{
    if (predictions->count == predictions->room) {
        size_t room = 2 * predictions->room + 256;
        struct prediction *rows = reallocarray(predictions->rows, room, sizeof(*rows));
        if (rows == NULL)
            return error_set(err, ERR_NO_MEMORY, "cannot hold %zu predictions", room);
        predictions->rows = rows;
        predictions->room = room;
    }
    predictions->rows[predictions->count++] = *row;
    return ERR_NONE;
}
