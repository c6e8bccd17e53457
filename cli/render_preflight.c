#include "cli/render_preflight.h"

#include <stdbool.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/wrap.h"
#include "model/instant.h"

#define INDENT 30

static const char *name_of(size_t i)
{
    return i < check_count ? checks[i].name : "canary";
}

static const char *looks_at(size_t i)
{
    return i < check_count ? checks[i].looks_at : "a 1 GiB volume sent the whole way";
}

size_t preflight_view_count(const struct preflight_view *view, enum verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < view->finding_count; i++)
        count += view->findings[i].verdict == verdict;
    return count;
}

void preflight_view_failed(const struct preflight_view *view, char *names, size_t size)
{
    size_t length = 0;
    names[0] = '\0';
    for (size_t i = 0; i < view->finding_count && length < size; i++) {
        if (view->findings[i].verdict == VERDICT_FAIL) {
            length += (size_t)snprintf(names + length, size - length, "%s%s",
                                       length > 0 ? ", " : "", name_of(i));
        }
    }
}

static void print_finding(const char *name, const struct finding *finding, FILE *out)
{
    const char *verdict =
        finding->verdict == VERDICT_FAIL ? "FAIL" : verdict_name(finding->verdict);
    (void)fprintf(out, "  %-8s %-18s ", verdict, name);
    wrap_print(finding->text, INDENT, INDENT, out);
    if (finding->remedy[0] != '\0') {
        (void)fprintf(out, "%*s-> ", INDENT, "");
        wrap_print(finding->remedy, INDENT + 3, INDENT + 3, out);
    }
}

/* "no-go: 2 fail, 17 ok, 1 warning, 2 skipped" */
static void print_summary(const struct preflight_view *view, FILE *out)
{
    size_t failed = preflight_view_count(view, VERDICT_FAIL);
    size_t warned = preflight_view_count(view, VERDICT_WARN);
    char names[300];
    preflight_view_failed(view, names, sizeof(names));
    if (failed > 0) {
        (void)fprintf(out, "\nno-go: %s; %zu ok", names, preflight_view_count(view, VERDICT_OK));
    } else {
        (void)fprintf(out, "\ngo: %zu ok", preflight_view_count(view, VERDICT_OK));
    }
    (void)fprintf(out, ", %zu warning%s, %zu skipped\n", warned, warned == 1 ? "" : "s",
                  preflight_view_count(view, VERDICT_SKIPPED));
}

/* The machine that was asked about the database's files; "": this one. */
static const char *database_host(const struct config *config)
{
    if (config->quiesce == QUIESCE_LOCAL)
        return "";
    return config->quiesce == QUIESCE_SSH ? config->ssh : config->source_instance;
}

void render_preflight_text(const struct preflight_view *view, FILE *out)
{
    const struct config *config = view->config;
    const char *host = database_host(config);
    (void)fprintf(out, "%s -> %s%s%s, %zu volume%s%s%s\n\n", config->source_region,
                  config->target_region, config->target_account[0] == '\0' ? "" : ", account ",
                  config->target_account, config->volume_count,
                  config->volume_count == 1 ? "" : "s", host[0] == '\0' ? "" : ", database on ",
                  host);
    for (size_t i = 0; i < view->finding_count; i++)
        print_finding(name_of(i), &view->findings[i], out);
    print_summary(view, out);
}

static void add_time(struct json_out *object, const char *name, int64_t took_ms)
{
    if (took_ms >= 0)
        json_out_real(object, name, (double)took_ms / 1000);
}

static void add_canary(struct json_out *document, const struct canary_times *times)
{
    struct json_out *object = json_out_object(document, "canary");
    add_time(object, "create_seconds", times->create_ms);
    add_time(object, "snapshot_seconds", times->snapshot_ms);
    add_time(object, "copy_seconds", times->copy_ms);
    add_time(object, "volume_seconds", times->volume_ms);
    add_time(object, "remove_seconds", times->remove_ms);
}

void render_preflight_json(const struct preflight_view *view, FILE *out)
{
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift.preflight.1");
    json_out_instant(document, "at", view->at_ms);
    json_out_text(document, "source_region", view->config->source_region);
    json_out_text(document, "target_region", view->config->target_region);
    json_out_text(document, "target_account_id", view->config->target_account);
    json_out_text(document, "database_host", database_host(view->config));
    json_out_bool(document, "go", preflight_view_count(view, VERDICT_FAIL) == 0);
    json_out_int(document, "ok", (int64_t)preflight_view_count(view, VERDICT_OK));
    json_out_int(document, "warnings", (int64_t)preflight_view_count(view, VERDICT_WARN));
    json_out_int(document, "failures", (int64_t)preflight_view_count(view, VERDICT_FAIL));
    json_out_int(document, "skipped", (int64_t)preflight_view_count(view, VERDICT_SKIPPED));
    struct json_out *rows = json_out_array(document, "checks");
    for (size_t i = 0; i < view->finding_count; i++) {
        struct json_out *row = json_out_item(rows);
        json_out_text(row, "name", name_of(i));
        json_out_text(row, "looks_at", looks_at(i));
        json_out_text(row, "verdict", verdict_name(view->findings[i].verdict));
        json_out_text(row, "finding", view->findings[i].text);
        json_out_text(row, "remedy", view->findings[i].remedy);
    }
    if (view->canary != NULL)
        add_canary(document, view->canary);
    json_out_print(document, out);
}
