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
    const char *section_prefix; /* "profile " in the config file */
    const char *section_name;
    bool in_section;
    bool found;
    /* Gets each setting of the section; nested: it belongs to the one above that is not. */
    enum error_code (*take)(struct reading *reading, bool nested, const char *key,
                            const char *value, struct error *err);
    struct profile *profile;
    const char *service;
    bool in_service;
    char *service_url;
};

static const struct {
    const char *key;
    bool is_key;
    size_t offset;
    size_t size;
} settings[] = {
#define ROW(key, is_key, member)                                                                   \
    {                                                                                              \
        key, is_key, offsetof(struct profile, member), sizeof(((struct profile *)NULL)->member)    \
    }
#define SETTING(key, member) ROW(key, false, member)
    ROW("aws_access_key_id", true, access_key_id),
    ROW("aws_secret_access_key", true, secret_access_key),
    ROW("aws_session_token", true, session_token),
    SETTING("region", region),
    SETTING("endpoint_url", endpoint_url),
    SETTING("ignore_configured_endpoint_urls", ignore_endpoint_urls),
    SETTING("services", services),
    SETTING("role_arn", role_arn),
    SETTING("source_profile", source_profile),
    SETTING("credential_source", credential_source),
    SETTING("external_id", external_id),
    SETTING("role_session_name", role_session_name),
    SETTING("duration_seconds", duration_seconds),
    SETTING("mfa_serial", mfa_serial),
    SETTING("web_identity_token_file", web_identity_token_file),
    SETTING("credential_process", credential_process),
    SETTING("sso_session", sso_session),
    SETTING("sso_start_url", sso_start_url),
    SETTING("login_session", login_session),
#undef SETTING
#undef ROW
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

/* Takes the quotes off a name that has spaces. */
static char *unquote(char *name)
{
    size_t length = strlen(name);
    bool quoted = length >= 2 && strchr("'\"", name[0]) != NULL && name[length - 1] == name[0];
    if (!quoted)
        return name;
    name[length - 1] = '\0';
    return name + 1;
}

/* "[name]" in one file, "[profile name]" in the other, but "[default]" in both. */
static bool is_ours(const struct reading *reading, char *section)
{
    char *end = strchr(section, ']');
    if (end != NULL)
        *end = '\0';
    char *name = trim(section);
    size_t length = strlen(reading->section_prefix);
    if (length == 0 || strcmp(name, "default") == 0) {
        return strcmp(name, reading->section_name) == 0 &&
               strcmp(reading->section_prefix, "services ") != 0;
    }
    if (strncmp(name, reading->section_prefix, length) != 0)
        return false;
    return strcmp(unquote(trim(name + length)), reading->section_name) == 0;
}

static enum error_code too_long(const struct reading *reading, const char *key, struct error *err)
{
    return error_set(err, ERR_CONFIG, "%s:%d: '%s' is too long", reading->path,
                     reading->line_number, key);
}

static enum error_code take_setting(struct reading *reading, bool nested, const char *key,
                                    const char *value, struct error *err)
{
    struct profile *profile = reading->profile;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (nested || strcmp(settings[i].key, key) != 0 ||
            (settings[i].is_key && profile->keys_in_credentials_file))
            continue;
        char *place = (char *)profile + settings[i].offset;
        if (strlen(value) >= settings[i].size)
            return too_long(reading, key, err);
        if (place[0] == '\0')
            (void)snprintf(place, settings[i].size, "%s", value);
    }
    return ERR_NONE;
}

static enum error_code take_service(struct reading *reading, bool nested, const char *key,
                                    const char *value, struct error *err)
{
    if (!nested) {
        reading->in_service = strcmp(key, reading->service) == 0;
        return ERR_NONE;
    }
    if (!reading->in_service || strcmp(key, "endpoint_url") != 0)
        return ERR_NONE;
    if (strlen(value) >= PROFILE_URL_SIZE)
        return too_long(reading, key, err);
    (void)snprintf(reading->service_url, PROFILE_URL_SIZE, "%s", value);
    return ERR_NONE;
}

static enum error_code take_line(struct reading *reading, struct error *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, as some editors begin a file */
    if (reading->line_number == 1 && strncmp(reading->line, mark, sizeof(mark) - 1) == 0)
        memmove(reading->line, reading->line + 3, strlen(reading->line) - 2);
    bool nested = isspace((unsigned char)reading->line[0]) != 0;
    char *line = trim(reading->line);
    if (line[0] == '\0' || strchr("#;", line[0]) != NULL)
        return ERR_NONE;
    if (line[0] == '[' && !nested) {
        reading->in_section = is_ours(reading, line + 1);
        reading->found |= reading->in_section;
        return ERR_NONE;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL || !reading->in_section)
        return ERR_NONE;
    *equals = '\0';
    return reading->take(reading, nested, trim(line), trim(equals + 1), err);
}

static enum error_code read_file(struct reading *reading, struct error *err)
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
        TRY(take_line(reading, err));
    }
    if (ferror(reading->file) != 0) {
        return error_set(err, ERR_SYSTEM, "cannot read '%s': %s", reading->path,
                         strerrordesc_np(errno));
    }
    return ERR_NONE;
}

static void file_path(const struct aws_env *env, const char *chosen, const char *base,
                      char path[PATH_SIZE])
{
    const char *home = env->home == NULL ? "" : env->home;
    if (chosen == NULL) {
        (void)snprintf(path, PATH_SIZE, "%s/.aws/%s", home, base);
    } else if (strncmp(chosen, "~/", 2) == 0) { /* a service's environment comes from no shell */
        (void)snprintf(path, PATH_SIZE, "%s%s", home, chosen + 1);
    } else {
        (void)snprintf(path, PATH_SIZE, "%s", chosen);
    }
}

static enum error_code read_profile(const char *path, const char *prefix, const char *name,
                                    struct profile *profile, bool *found, struct error *err)
{
    CLEANUP(reading_done)
    struct reading reading = {.path = path,
                              .section_prefix = prefix,
                              .section_name = name,
                              .take = take_setting,
                              .profile = profile};
    TRY(read_file(&reading, err));
    *found |= reading.found;
    return ERR_NONE;
}

enum error_code profile_read(const struct aws_env *env, const char *name, struct profile *profile,
                             struct error *err)
{
    CLEANUP_PROFILE struct profile read = {0};
    bool found = false;
    char path[PATH_SIZE];
    file_path(env, env->credentials_file, "credentials", path);
    TRY(read_profile(path, "", name, &read, &found, err));
    read.keys_in_credentials_file = read.access_key_id[0] != '\0';
    file_path(env, env->config_file, "config", path);
    TRY(read_profile(path, "profile ", name, &read, &found, err));
    if (!found)
        return error_set(err, ERR_NOT_FOUND, "no profile '%s' in the shared AWS files", name);
    *profile = read;
    return ERR_NONE;
}

enum error_code profile_service_url(const struct aws_env *env, const char *services,
                                    const char *service, char url[PROFILE_URL_SIZE],
                                    struct error *err)
{
    char path[PATH_SIZE];
    char read[PROFILE_URL_SIZE] = "";
    file_path(env, env->config_file, "config", path);
    CLEANUP(reading_done)
    struct reading reading = {.path = path,
                              .section_prefix = "services ",
                              .section_name = services,
                              .take = take_service,
                              .service = service,
                              .service_url = read};
    TRY(read_file(&reading, err));
    if (!reading.found)
        return error_set(err, ERR_NOT_FOUND, "no section [services %s] in '%s'", services, path);
    memcpy(url, read, sizeof(read));
    return ERR_NONE;
}
