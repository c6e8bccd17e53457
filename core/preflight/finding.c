#include "core/preflight/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_SKIPPED] = "skipped",
        [VERDICT_OK] = "ok",
        [VERDICT_WARN] = "warn",
        [VERDICT_FAIL] = "fail",
    };
    return names[verdict];
}

void finding_add(struct finding *finding, enum verdict verdict, const char *remedy,
                 const char *format, ...)
{
    size_t length = strlen(finding->text);
    if (length > 0 && verdict < finding->verdict)
        return;
    if (length == 0 || verdict > finding->verdict) {
        length = 0;
        finding->verdict = verdict;
        (void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy);
    } else if (length + 2 < sizeof(finding->text)) {
        memcpy(finding->text + length, "; ", 3);
        length += 2;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->text + length, sizeof(finding->text) - length, format, arguments);
    va_end(arguments);
}

void finding_fail(struct finding *finding, const struct error *err, const char *remedy)
{
    finding_add(finding, VERDICT_FAIL, remedy, "%s", err->message);
}

enum error_code finding_take(struct finding *finding, enum error_code code, const char *remedy,
                             const struct error *err)
{
    if (code != ERR_NONE && code != ERR_INTERRUPTED)
        finding_fail(finding, err, remedy);
    return code == ERR_INTERRUPTED ? code : ERR_NONE;
}
