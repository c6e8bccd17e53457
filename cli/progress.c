#include "cli/progress.h"

#include <stdio.h>

#include "cli/json_out.h"
#include "model/instant.h"

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warning",
};

static void print_json(enum log_level level, int64_t at_ms, const char *message)
{
    struct json_out *event = json_out_new();
    json_out_text(event, "message_type", "event");
    json_out_instant(event, "at", at_ms);
    json_out_text(event, "level", level_names[level]);
    json_out_text(event, "message", message);
    json_out_print(event, stderr);
}

static void take(void *self, enum log_level level, int64_t at_ms, const char *message)
{
    const struct progress *progress = self;
    char at[INSTANT_TEXT_SIZE];
    if (level == LOG_DEBUG && !progress->verbose)
        return;
    if (progress->json) {
        print_json(level, at_ms, message);
        return;
    }
    /* Milliseconds would only make the lines ragged. */
    (void)fprintf(stderr, "%s  %s%s\n", instant_text(at_ms / 1000 * 1000, at),
                  level == LOG_WARN ? "WARNING: " : "", message);
}

struct log progress_log(struct progress *progress)
{
    return (struct log){.take = take, .self = progress};
}
