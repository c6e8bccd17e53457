#include "cli/cmd.h"
#include "cli/json_out.h"
#include "core/host/freeze.h"

/* Where the findings go: a line each, or the items of a document. */
struct findings {
    struct json_out *items; /* NULL: text */
    size_t thawed;
};

static void told(void *context, const char *mount_point, bool was_frozen)
{
    struct findings *findings = context;
    findings->thawed += was_frozen;
    if (findings->items == NULL) {
        (void)printf("%s: %s\n", mount_point, was_frozen ? "thawed" : "was not frozen");
        return;
    }
    struct json_out *item = json_out_item(findings->items);
    json_out_text(item, "mount_point", mount_point);
    json_out_bool(item, "was_frozen", was_frozen);
}

/* Goes on after a failure: the next filesystem may be the one that matters. */
static enum error_code thaw_all(const struct options *options, struct findings *findings,
                                struct error *err)
{
    enum error_code first = freeze_thaw_leftovers(FROZEN_RECORD_DIR, told, findings, err);
    for (size_t i = 0; i < options->operand_count; i++) {
        struct error late = {0};
        bool was_frozen = false;
        enum error_code code = freeze_thaw_path(options->operands[i], &was_frozen, &late);
        if (code == ERR_NONE) {
            told(findings, options->operands[i], was_frozen);
        } else if (first == ERR_NONE) {
            first = code;
            *err = late;
        }
    }
    return first;
}

enum error_code cmd_thaw(struct session *session, struct error *err)
{
    struct findings findings = {0};
    struct json_out *document = NULL;
    if (session->options.json) {
        document = json_out_new();
        json_out_text(document, "schema", "ebshift.thaw.1");
        findings.items = json_out_array(document, "mounts");
    }
    enum error_code code = thaw_all(&session->options, &findings, err);
    if (document != NULL) {
        json_out_int(document, "thawed", (int64_t)findings.thawed);
        json_out_print(document, stdout);
    } else if (code == ERR_NONE && findings.thawed == 0) {
        (void)printf("nothing was frozen\n");
    }
    return code;
}
