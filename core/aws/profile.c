#include "core/aws/profile.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

/* A file being read, and where its settings go. */
struct reading {
    FILE *file;
    char *line;
    size_t line_room;
    const char *path;
    int line_number;
    const char *profile_name;
    const char *section_prefix; /* "profile " in the config file */
    bool in_section;
    bool found;
};

static const struct {
    const char *key;
    size_t offset;
    size_t size;
} settings[] = {
#define SETTING(key, member)                                                                       \
    {                                                                                              \
        key, offsetof(struct profile, member), sizeof(((struct profile *)NULL)->member)            \
    }
    SETTING("aws_access_key_id", access_key_id),
    SETTING("aws_secret_access_key", secret_access_key),
    SETTING("aws_session_token", session_token),
    SETTING("region", region),
    SETTING("endpoint_url", endpoint_url),
    SETTING("role_arn", role_arn),
    SETTING("source_profile", source_profile),
    SETTING("credential_source", credential_source),
    SETTING("external_id", external_id),
    SETTING("role_session_name", role_session_name),
    SETTING("duration_seconds", duration_seconds),
#undef SETTING
};

void profile_done(struct profile *profile)
{
    explicit_bzero(profile, sizeof(*profile));
}

const char *profile_name(const struct aws_env *env, const char *chosen)
{
    if (chosen != NULL)
        return chosen;
    if (env->profile != NULL)
        return env->profile;
    return env->default_profile != NULL ? env->default_profile : "default";
}

static void reading_done(struct reading *reading)
{
    if (reading->line != NULL)
        explicit_bzero(reading->line, reading->line_room);
    free(reading->line);
    if (reading->file != NULL)
        (void)fclose(reading->file);
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

/* "[name]" in one file, "[profile name]" in the other, but "[default]" in both. */
static bool is_ours(const struct reading *reading, char *section)
{
    char *end = strchr(section, ']');
    if (end != NULL)
        *end = '\0';
    char *name = trim(section);
    if (strcmp(name, reading->profile_name) == 0)
        return reading->section_prefix[0] == '\0' || strcmp(name, "default") == 0;
    size_t length = strlen(reading->section_prefix);
    if (length == 0 || strncmp(name, reading->section_prefix, length) != 0)
        return false;
    return strcmp(trim(name + length), reading->profile_name) == 0;
}

static enum error_code keep(const struct reading *reading, const char *key, const char *value,
                            struct profile *profile, struct error *err)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(settings[i].key, key) != 0)
            continue;
        char *place = (char *)profile + settings[i].offset;
        if (strlen(value) >= settings[i].size) {
            return error_set(err, ERR_CONFIG, "%s:%d: '%s' is too long", reading->path,
                             reading->line_number, key);
        }
        if (place[0] == '\0')
            (void)snprintf(place, settings[i].size, "%s", value);
    }
    return ERR_NONE;
}

static enum error_code take_line(struct reading *reading, struct profile *profile,
                                 struct error *err)
{
    bool is_nested = isspace((unsigned char)reading->line[0]) != 0;
    char *line = trim(reading->line);
    if (line[0] == '\0' || strchr("#;", line[0]) != NULL || is_nested)
        return ERR_NONE;
    if (line[0] == '[') {
        reading->in_section = is_ours(reading, line + 1);
        reading->found |= reading->in_section;
        return ERR_NONE;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL || !reading->in_section)
        return ERR_NONE;
    *equals = '\0';
    return keep(reading, trim(line), trim(equals + 1), profile, err);
}

static enum error_code read_file(struct reading *reading, struct profile *profile,
                                 struct error *err)
{
    reading->file = fopen(reading->path, "re");
    if (reading->file == NULL) {
        if (errno == ENOENT || errno == ENOTDIR)
            return ERR_NONE;
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", reading->path,
                         strerrordesc_np(errno));
    }
    while (getline(&reading->line, &reading->line_room, reading->file) >= 0) {
        reading->line_number++;
        TRY(take_line(reading, profile, err));
    }
    if (ferror(reading->file) != 0) {
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", reading->path,
                         strerrordesc_np(errno));
    }
    return ERR_NONE;
}

static enum error_code read_one(const char *path, const char *prefix, const char *name,
                                struct profile *profile, bool *found, struct error *err)
{
    CLEANUP(reading_done)
    struct reading reading = {.path = path, .profile_name = name, .section_prefix = prefix};
    TRY(read_file(&reading, profile, err));
    *found |= reading.found;
    return ERR_NONE;
}

static void file_path(const struct aws_env *env, const char *chosen, const char *base,
                      char path[PATH_SIZE])
{
    if (chosen != NULL) {
        (void)snprintf(path, PATH_SIZE, "%s", chosen);
    } else {
        (void)snprintf(path, PATH_SIZE, "%s/.aws/%s", env->home == NULL ? "" : env->home, base);
    }
}

enum error_code profile_read(const struct aws_env *env, const char *name, struct profile *profile,
                             struct error *err)
{
    CLEANUP_PROFILE struct profile read = {0};
    bool found = false;
    char path[PATH_SIZE];
    file_path(env, env->credentials_file, "credentials", path);
    TRY(read_one(path, "", name, &read, &found, err));
    file_path(env, env->config_file, "config", path);
    TRY(read_one(path, "profile ", name, &read, &found, err));
    if (!found)
        return error_set(err, ERR_NOT_FOUND, "no profile '%s' in the shared AWS files", name);
    *profile = read;
    return ERR_NONE;
}
