/* fuzz_time.c: any text as an instant, a duration or blackouts: parsed or refused, an instant that was
 * parsed is printed so that it parses to the same, and every blackout ends. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/blackout.h"
#include "model/instant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[128] = "";
    char printed[INSTANT_TEXT_SIZE];
    char length[DURATION_TEXT_SIZE];
    struct error err = {0};
    int64_t instant_ms = 0;
    int64_t again_ms = -1;
    int64_t duration_ms = 0;
    struct blackouts blackouts = {0};
    memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
    if (instant_parse(text, &instant_ms, &err) == ERR_NONE) {
        enum error_code code = instant_parse(instant_text(instant_ms, printed), &again_ms, &err);
        assert(code == ERR_NONE && again_ms == instant_ms);
    }
    if (duration_parse(text, &duration_ms, &err) == ERR_NONE)
        assert(duration_ms >= 0 && duration_text(duration_ms, length)[0] != '\0');
    if (blackouts_parse(text, &blackouts, &err) == ERR_NONE) {
        int64_t end_ms = blackouts_end(&blackouts, instant_ms);
        assert(end_ms >= instant_ms && blackouts_end(&blackouts, end_ms) == end_ms);
    }
    return 0;
}
