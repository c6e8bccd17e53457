#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/json_out.h"
#include "cli/whole_file.h"
#include "model/strbuf.h"

static enum error_code add_volumes(struct volume_ids *ids, const struct volume_ids *more,
                                   struct error *err)
{
    for (size_t i = 0; i < more->count; i++) {
        bool known = false;
        for (size_t j = 0; j < ids->count; j++)
            known = known || strcmp(ids->items[j], more->items[i]) == 0;
        if (known)
            continue;
        if (ids->count == CLOUD_SET_MAX)
            return error_set(err, ERR_LIMIT, "more than %d volumes", CLOUD_SET_MAX);
        (void)snprintf(ids->items[ids->count++], CLOUD_ID_SIZE, "%s", more->items[i]);
    }
    return ERR_NONE;
}

/* Every place of the database, followed to its volumes. Config files elsewhere need none. */
static enum error_code find_volumes(struct session *session, const struct pg_facts *facts,
                                    struct volume_ids *ids, struct error *err)
{
    for (size_t i = 0; i < facts->place_count; i++) {
        const struct pg_place *place = &facts->places[i];
        struct far_place found;
        if (place->kind == PG_PLACE_CONFIG)
            continue;
        if (session_find_place(session, place->path, &found, err) != ERR_NONE)
            return error_prefix(err, "%s '%s'", place->name, place->path);
        TRY(add_volumes(ids, &found.volumes, err));
    }
    return ERR_NONE;
}

/* The instance that holds the volumes, as EC2 says. */
static enum error_code find_instance(struct session *session, struct error *err)
{
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    struct config *config = &session->config;
    const char *ids[CLOUD_SET_MAX];
    for (size_t i = 0; i < config->volume_count; i++)
        ids[i] = config->volumes[i];
    struct cloud_volume_filter filter = {.ids = ids, .id_count = config->volume_count};
    TRY(session->source.list_volumes(session->source.self, &filter, &volumes, err));
    for (size_t i = 0; i < volumes.count; i++) {
        if (strcmp(volumes.items[i].instance_id, volumes.items[0].instance_id) != 0) {
            return error_set(err, ERR_CONFIG, "volumes '%s' and '%s' are on different instances",
                             volumes.items[0].id, volumes.items[i].id);
        }
    }
    if (volumes.count > 0) {
        (void)snprintf(config->source_instance, sizeof(config->source_instance), "%s",
                       volumes.items[0].instance_id);
    }
    return ERR_NONE;
}

/* The config is read from anywhere, so the store in it must not depend on where init was run. */
static enum error_code make_absolute(struct config *config, struct error *err)
{
    char directory[CONFIG_TEXT_SIZE];
    char here[CONFIG_TEXT_SIZE];
    if (config->store[0] == '/')
        return ERR_NONE;
    if (getcwd(here, sizeof(here)) == NULL || snprintf(directory, sizeof(directory), "%s/%s", here,
                                                       config->store) >= (int)sizeof(directory))
        return error_set(err, ERR_CONFIG, "store path '%s' is too long", config->store);
    return config_set(config, "store.directory", directory, err);
}

static void print_config(const void *context, FILE *out)
{
    (void)fputs(strbuf_text(context), out);
}

static enum error_code write_config(const struct session *session, const char *path,
                                    struct error *err)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 1 << 16};
    if (access(path, F_OK) == 0 && !session->options.force)
        return error_set(err, ERR_INVALID, "'%s' exists; --force overwrites it", path);
    TRY(config_write(&session->config, &text, err));
    return whole_file_write(path, print_config, &text, err);
}

static void show(const struct session *session, const char *path)
{
    const struct config *config = &session->config;
    if (!session->options.json) {
        for (size_t i = 0; i < config->volume_count; i++)
            (void)printf("found      %s\n", config->volumes[i]);
        (void)printf("wrote      %s\nnext       ebshift plan --config %s --window START/END\n",
                     path, path);
        return;
    }
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift.init.1");
    json_out_text(document, "config", path);
    json_out_text(document, "source_instance_id", config->source_instance);
    struct json_out *volumes = json_out_array(document, "volumes");
    for (size_t i = 0; i < config->volume_count; i++)
        json_out_item_text(volumes, config->volumes[i]);
    json_out_print(document, stdout);
}

enum error_code cmd_init(struct session *session, struct error *err)
{
    CLEANUP_PG_FACTS struct pg_facts facts = {0};
    struct volume_ids ids = {0};
    struct config *config = &session->config;
    const char *path = session->options.config_path;
    if (path == NULL)
        path = "ebshift.conf";
    TRY(session_configure(session, false, err));
    if (config->quiesce == QUIESCE_SSM)
        TRY(session_open_clouds(session, err));
    TRY(session_find_facts(session, &facts, err));
    TRY(find_volumes(session, &facts, &ids, err));
    for (size_t i = 0; i < ids.count; i++)
        (void)snprintf(config->volumes[i], sizeof(config->volumes[i]), "%s", ids.items[i]);
    config->volume_count = ids.count;
    (void)snprintf(config->data_directory, sizeof(config->data_directory), "%.511s",
                   facts.places[0].path);
    if (config->quiesce != QUIESCE_SSM)
        TRY(session_open_clouds(session, err));
    TRY(find_instance(session, err));
    TRY(make_absolute(config, err));
    TRY(config_check(config, err));
    TRY(write_config(session, path, err));
    show(session, path);
    return ERR_NONE;
}
