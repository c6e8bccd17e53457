#include "core/config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "model/blackout.h"
#include "model/instant.h"
#include "model/places.h"
#include "model/timed_copy.h"

/* The largest KEY_NUMBER. */
#define NUMBER_MAX 10000

enum key_kind { KEY_TEXT, KEY_DURATION, KEY_NUMBER, KEY_PROBABILITY, KEY_VOLUME, KEY_QUIESCE };

/* What inih takes, without the end of the line. */
#define LINE_MAX_CHARS (INI_MAX_LINE - 2)

/* One key of the file. `comment` is printed above it by config_write(). */
struct key {
    const char *section;
    const char *name;
    enum key_kind kind;
    size_t offset;
    size_t size;
    const char *comment;
};

#define TEXT(section, name, member, comment)                                                       \
    {                                                                                              \
        section, name, KEY_TEXT, offsetof(struct config, member),                                  \
            sizeof(((struct config *)NULL)->member), comment                                       \
    }
#define OTHER(section, name, kind, member, comment)                                                \
    {                                                                                              \
        section, name, kind, offsetof(struct config, member), 0, comment                           \
    }

static const struct key keys[] = {
    TEXT("store", "directory", store, "Runs, journal and history; on no volume that is moved."),
    TEXT("source", "region", source_region, NULL),
    TEXT("source", "instance", source_instance, "The instance that the volumes are attached to."),
    OTHER("source", "volume", KEY_VOLUME, volumes, "One line per volume of the set."),
    TEXT("postgres", "data_directory", data_directory, NULL),
    TEXT("postgres", "conninfo", conninfo,
         "A direct connection (no pooler) as superuser; passwords belong in ~/.pgpass."),
    OTHER("postgres", "checkpoint_limit", KEY_DURATION, checkpoint_limit_ms,
          "Longest CHECKPOINT before the cut; nothing is frozen meanwhile."),
    TEXT("target", "region", target_region, NULL),
    TEXT("target", "profile", target_profile, "Credentials and region of the target, if others."),
    TEXT("target", "zone", target_zone, NULL),
    TEXT("target", "instance", target_instance, "Gets the new volumes attached; may be empty."),
    TEXT("target", "kms_key_id", target_key, "Needed when the source is encrypted."),
    TEXT("target", "account", target_account, "Only for another account: its 12 digits."),
    TEXT("target", "role", target_role, "The role to assume there, an ARN."),
    TEXT("target", "external_id", target_external_id, NULL),
    TEXT("via", "region", via_region,
         "Where snapshots change accounts, if not in the target region."),
    TEXT("via", "kms_key_id", via_key, "Key of the source account for its copies there."),
    OTHER("plan", "confidence", KEY_PROBABILITY, confidence,
          "The wanted chance to be back inside the window."),
    OTHER("plan", "max_downtime", KEY_DURATION, max_downtime_ms,
          "Longest downtime that will do; 0s means the whole window."),
    TEXT("plan", "blackout", blackout,
         "When no round and no cut begins: 22:00Z/90m each day, 2026-11-28T00:00Z/6h once."),
    OTHER("plan", "round_price", KEY_DURATION, round_price_ms,
          "Downtime that one more round must save; more makes fewer rounds."),
    OTHER("plan", "copy_duration", KEY_DURATION, copy_duration_ms,
          "Time-based copies, dearer: done in 15m, 30m, ... 48h; 0s: standard ones."),
    OTHER("plan", "copies_at_once", KEY_NUMBER, copies_at_once,
          "Copies in flight into a region; more only if AWS Support raised it."),
    OTHER("freeze", "limit", KEY_DURATION, freeze_limit_ms,
          "The watchdog thaws after this, come what may."),
    OTHER("freeze", "archive_limit", KEY_DURATION, archive_limit_ms,
          "Longest wait for WAL to be archived when backup mode ends."),
    OTHER("host", "quiesce", KEY_QUIESCE, quiesce,
          "local: the database runs on this machine; ssh, ssm: on another one."),
    TEXT("host", "ssh", ssh, "Its name for ssh, host or user@host."),
    TEXT("host", "ssh_config", ssh_config, "A config file of ssh's, if not the usual ones."),
    TEXT("host", "command", hold_command,
         "What runs there as root: ebshift-hold, perhaps by sudo."),
    TEXT("host", "device_directory", device_dir, "Where the by-id links of the volumes are."),
    TEXT("aws", "endpoint_url", endpoint_url, "Only for a local stand-in of AWS."),
    TEXT("aws", "profile", profile, NULL),
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

void config_init(struct config *config)
{
    *config = (struct config){
        .store = "/var/lib/ebshift",
        .device_dir = "/dev/disk/by-id",
        .hold_command = "/usr/libexec/ebshift/ebshift-hold",
        .conninfo = "dbname=postgres",
        .checkpoint_limit_ms = 5 * MS_PER_MINUTE,
        .confidence = 0.9,
        .round_price_ms = 30 * MS_PER_SECOND,
        .copies_at_once = PLACES_BY_DEFAULT,
        .freeze_limit_ms = 10 * MS_PER_SECOND,
        .archive_limit_ms = MS_PER_MINUTE,
    };
}

static const char *const quiesce_names[] = {"local", "ssh", "ssm"};
#define QUIESCE_COUNT (sizeof(quiesce_names) / sizeof(quiesce_names[0]))

static const struct key *find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static enum error_code set_text(char *text, size_t size, const struct key *key, const char *value,
                                struct error *err)
{
    if (strlen(value) >= size) {
        return error_set(err, ERR_CONFIG, "%s.%s is longer than %zu characters", key->section,
                         key->name, size - 1);
    }
    /* Written to a file, the rest would be a comment. */
    if (value[0] == ';' || strstr(value, " ;") != NULL || strstr(value, "\t;") != NULL) {
        return error_set(err, ERR_CONFIG, "%s.%s: ';' begins a comment there", key->section,
                         key->name);
    }
    (void)snprintf(text, size, "%s", value);
    return ERR_NONE;
}

static enum error_code set_probability(double *probability, const struct key *key,
                                       const char *value, struct error *err)
{
    char *end = NULL;
    double parsed = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(parsed) || parsed < 0.5 || parsed > 0.999) {
        return error_set(err, ERR_CONFIG, "%s.%s is '%s', not a number from 0.5 to 0.999",
                         key->section, key->name, value);
    }
    *probability = parsed;
    return ERR_NONE;
}

static enum error_code set_number(int64_t *number, const struct key *key, const char *value,
                                  struct error *err)
{
    char *end = NULL;
    long long parsed = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || parsed < 1 || parsed > NUMBER_MAX) {
        return error_set(err, ERR_CONFIG, "%s.%s is '%s', not a number from 1 to %d", key->section,
                         key->name, value, NUMBER_MAX);
    }
    *number = parsed;
    return ERR_NONE;
}

static enum error_code set_quiesce(enum config_quiesce *quiesce, const struct key *key,
                                   const char *value, struct error *err)
{
    for (size_t i = 0; i < QUIESCE_COUNT; i++) {
        if (strcmp(quiesce_names[i], value) == 0) {
            *quiesce = (enum config_quiesce)i;
            return ERR_NONE;
        }
    }
    return error_set(err, ERR_CONFIG, "%s.%s is '%s', not 'local', 'ssh' or 'ssm'", key->section,
                     key->name, value);
}

static bool is_volume_id(const char *text)
{
    size_t digits = strspn(text + (strncmp(text, "vol-", 4) == 0 ? 4 : 0), "0123456789abcdef");
    return strncmp(text, "vol-", 4) == 0 && text[4 + digits] == '\0' &&
           (digits == 8 || digits == 17);
}

static enum error_code add_volume(struct config *config, const char *value, struct error *err)
{
    if (!is_volume_id(value)) {
        return error_set(err, ERR_CONFIG, "'%s' is not a volume id like vol-0123456789abcdef0",
                         value);
    }
    for (size_t i = 0; i < config->volume_count; i++) {
        if (strcmp(config->volumes[i], value) == 0)
            return error_set(err, ERR_CONFIG, "volume '%s' is named twice", value);
    }
    if (config->volume_count == CLOUD_SET_MAX)
        return error_set(err, ERR_CONFIG, "more than %d volumes", CLOUD_SET_MAX);
    (void)snprintf(config->volumes[config->volume_count++], CLOUD_ID_SIZE, "%s", value);
    return ERR_NONE;
}

/* Several volumes may stand in one value, because an environment variable holds only one. */
static enum error_code add_volumes(struct config *config, const char *value, struct error *err)
{
    char word[CLOUD_ID_SIZE];
    const char *cursor = value + strspn(value, " ");
    do {
        size_t length = strcspn(cursor, " ");
        if (length == 0 || length >= sizeof(word))
            return error_set(err, ERR_CONFIG, "'%s' is not a volume id", cursor);
        (void)snprintf(word, sizeof(word), "%.*s", (int)length, cursor);
        TRY(add_volume(config, word, err));
        cursor += length + strspn(cursor + length, " ");
    } while (*cursor != '\0');
    return ERR_NONE;
}

static enum error_code set_key(struct config *config, const struct key *key, const char *value,
                               struct error *err)
{
    char *member = (char *)config + key->offset;
    switch (key->kind) {
    case KEY_TEXT:
        return set_text(member, key->size, key, value, err);
    case KEY_NUMBER:
        return set_number((int64_t *)(void *)member, key, value, err);
    case KEY_PROBABILITY:
        return set_probability((double *)(void *)member, key, value, err);
    case KEY_VOLUME:
        return add_volumes(config, value, err);
    case KEY_QUIESCE:
        return set_quiesce((enum config_quiesce *)(void *)member, key, value, err);
    case KEY_DURATION:
        break;
    }
    int64_t duration_ms = 0;
    if (duration_parse(value, &duration_ms, err) != ERR_NONE) {
        return error_set(err, ERR_CONFIG, "%s.%s is '%s', not a duration like 90s, 15m or 2h",
                         key->section, key->name, value);
    }
    *(int64_t *)(void *)member = duration_ms;
    return ERR_NONE;
}

enum error_code config_set(struct config *config, const char *key, const char *value,
                           struct error *err)
{
    char section[32];
    const char *dot = strchr(key, '.');
    size_t length = dot == NULL ? 0 : (size_t)(dot - key);
    if (dot == NULL || length >= sizeof(section))
        return error_set(err, ERR_CONFIG, "'%s' is not a key", key);
    (void)snprintf(section, sizeof(section), "%.*s", (int)length, key);
    const struct key *found = find_key(section, dot + 1);
    if (found == NULL)
        return error_set(err, ERR_CONFIG, "there is no key '%s'", key);
    if (found->kind == KEY_VOLUME)
        config->volume_count = 0;
    return set_key(config, found, value, err);
}

/* ---- the file ---- */

struct reader {
    struct config *config;
    struct error *err;
    FILE *file;
    int line; /* being read, from 1 */
    bool failed;
    bool seen_volume;
};

/* Hands inih one line, without its indentation: inih would take an indented line for more of the
 * value above it, and the text of a key for a value. A line that does not fit is refused, as inih
 * would go on with its rest as if it were a line. */
static char *read_line(char *text, int size, void *stream)
{
    struct reader *reader = stream;
    if (reader->failed || fgets(text, size, reader->file) == NULL)
        return NULL;
    reader->line++;
    size_t length = strlen(text);
    if (length + 1 == (size_t)size && text[length - 1] != '\n') {
        reader->failed = true;
        (void)error_set(reader->err, ERR_CONFIG, "the line is longer than %d characters",
                        LINE_MAX_CHARS);
        return NULL;
    }
    size_t indent = strspn(text, " \t");
    memmove(text, text + indent, length - indent + 1);
    return text;
}

/* Called by inih per line; it remembers the first line that got 0, but goes on reading. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
    struct reader *reader = user;
    const struct key *key = find_key(section, name);
    if (reader->failed)
        return 0;
    reader->failed = true;
    if (key == NULL) {
        (void)error_set(reader->err, ERR_CONFIG, "unknown key '%s' in section [%s]", name, section);
        return 0;
    }
    if (strstr(value, " #") != NULL) {
        (void)error_set(reader->err, ERR_CONFIG, "a comment needs a line of its own");
        return 0;
    }
    if (key->kind == KEY_VOLUME && !reader->seen_volume) {
        reader->config->volume_count = 0;
        reader->seen_volume = true;
    }
    reader->failed = set_key(reader->config, key, value, reader->err) != ERR_NONE;
    return reader->failed ? 0 : 1;
}

bool config_holds_secret(const struct config *config)
{
    return strstr(config->conninfo, "password") != NULL ||
           (strncmp(config->conninfo, "postgres", 8) == 0 && strchr(config->conninfo, '@') != NULL);
}

static enum error_code check_secrecy(const struct config *config, const char *path,
                                     struct error *err)
{
    struct stat facts;
    if (!config_holds_secret(config) || stat(path, &facts) != 0 || (facts.st_mode & 077) == 0)
        return ERR_NONE;
    return error_set(err, ERR_CONFIG, "'%s' holds a password and others may read it: chmod 0600 it",
                     path);
}

enum error_code config_read_file(struct config *config, const char *path, struct error *err)
{
    struct error unused = {0};
    struct reader reader = {.config = config, .err = err == NULL ? &unused : err};
    reader.file = fopen(path, "re");
    if (reader.file == NULL) {
        return error_set(err, ERR_CONFIG, "cannot read the config '%s': %s", path,
                         strerrordesc_np(errno));
    }
    int result = ini_parse_stream(read_line, &reader, take_line, &reader);
    int why = ferror(reader.file) != 0 ? errno : 0;
    (void)fclose(reader.file);
    if (why != 0)
        return error_set(err, ERR_CONFIG, "cannot read the config '%s': %s", path,
                         strerrordesc_np(why));
    if (result > 0 && (!reader.failed || result < reader.line))
        return error_set(err, ERR_CONFIG, "%s:%d: not a section, a key or a comment", path, result);
    if (reader.failed) {
        (void)error_prefix(reader.err, "%s:%d", path, reader.line);
        return ERR_CONFIG;
    }
    return check_secrecy(config, path, err);
}

/* ---- the environment ---- */

static void environment_name(const struct key *key, char *name, size_t size)
{
    (void)snprintf(name, size, "EBSHIFT_%s_%s", key->section, key->name);
    for (char *c = name; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
}

static const struct key *key_of_variable(const char *variable, size_t length)
{
    char name[96];
    for (size_t i = 0; i < KEY_COUNT; i++) {
        environment_name(&keys[i], name, sizeof(name));
        if (strlen(name) == length && strncmp(name, variable, length) == 0)
            return &keys[i];
    }
    return NULL;
}

/* True if a variable looks like a key of ours: EBSHIFT_, a section, an underscore. */
static bool names_a_section(const char *variable)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct key prefix = {.section = keys[i].section, .name = ""};
        char name[96];
        environment_name(&prefix, name, sizeof(name));
        if (strncmp(variable, name, strlen(name)) == 0)
            return true;
    }
    return false;
}

enum error_code config_read_environment(struct config *config, const char *const *environment,
                                        struct error *err)
{
    for (const char *const *entry = environment; *entry != NULL; entry++) {
        const char *equals = strchr(*entry, '=');
        if (equals == NULL || strncmp(*entry, "EBSHIFT_", 8) != 0)
            continue;
        int length = (int)(equals - *entry);
        const struct key *key = key_of_variable(*entry, (size_t)length);
        if (key == NULL && names_a_section(*entry))
            return error_set(err, ERR_CONFIG, "unknown variable '%.*s'", length, *entry);
        if (key == NULL)
            continue;
        if (key->kind == KEY_VOLUME)
            config->volume_count = 0;
        if (set_key(config, key, equals + 1, err) != ERR_NONE)
            return error_prefix(err, "%.*s", length, *entry);
    }
    return ERR_NONE;
}

/* ---- the whole ---- */

/* True if a role's ARN, arn:PARTITION:iam::ACCOUNT:role/NAME, is one of the account. */
static bool is_role_of(const char *arn, const char *account)
{
    char want[48];
    (void)snprintf(want, sizeof(want), ":iam::%.15s:role/", account);
    return strncmp(arn, "arn:", 4) == 0 && strstr(arn, want) != NULL;
}

/* What is only for a move to another account says so without one: a forgotten line would move the
 * volumes to where nobody looks for them. */
static enum error_code check_account(const struct config *config, struct error *err)
{
    const char *account = config->target_account;
    const char *alone = config->target_role[0] != '\0'          ? "target.role"
                        : config->target_external_id[0] != '\0' ? "target.external_id"
                        : config->via_region[0] != '\0'         ? "via.region"
                        : config->via_key[0] != '\0'            ? "via.kms_key_id"
                                                                : NULL;
    if (account[0] == '\0' && alone != NULL)
        return error_set(err, ERR_CONFIG, "%s is set, and target.account is not", alone);
    if (account[0] == '\0')
        return ERR_NONE;
    if (strlen(account) != 12 || strspn(account, "0123456789") != 12) {
        return error_set(err, ERR_CONFIG, "target.account is '%s', not the 12 digits of an account",
                         account);
    }
    if (config->target_external_id[0] != '\0' && config->target_role[0] == '\0')
        return error_set(err, ERR_CONFIG, "target.external_id is set, and target.role is not");
    if (config->target_role[0] != '\0' && !is_role_of(config->target_role, account)) {
        return error_set(err, ERR_CONFIG, "target.role is '%s', not the ARN of a role of '%s'",
                         config->target_role, account);
    }
    return ERR_NONE;
}

enum error_code config_check(const struct config *config, struct error *err)
{
    if (config->source_region[0] == '\0')
        return error_set(err, ERR_CONFIG, "source.region is not set");
    if (config->volume_count == 0)
        return error_set(err, ERR_CONFIG, "no source.volume is set");
    if (config->volume_count > 1 && config->source_instance[0] == '\0') {
        return error_set(err, ERR_CONFIG,
                         "several volumes need source.instance, to be cut at one instant");
    }
    if (config->quiesce == QUIESCE_SSH && config->ssh[0] == '\0')
        return error_set(err, ERR_CONFIG, "host.quiesce is 'ssh', and host.ssh is not set");
    if (config->quiesce == QUIESCE_SSM && config->source_instance[0] == '\0')
        return error_set(err, ERR_CONFIG, "host.quiesce is 'ssm', and source.instance is not set");
    if (config->freeze_limit_ms < MS_PER_SECOND || config->freeze_limit_ms > MS_PER_MINUTE)
        return error_set(err, ERR_CONFIG, "freeze.limit must be from 1s to 1m");
    if (config->checkpoint_limit_ms < MS_PER_SECOND || config->checkpoint_limit_ms > MS_PER_HOUR)
        return error_set(err, ERR_CONFIG, "postgres.checkpoint_limit must be from 1s to 1h");
    if (config->round_price_ms < MS_PER_SECOND)
        return error_set(err, ERR_CONFIG, "plan.round_price must be 1s or more");
    if (config->copy_duration_ms != 0 && !timed_copy_is_possible(config->copy_duration_ms)) {
        return error_set(err, ERR_CONFIG,
                         "plan.copy_duration must be quarters of an hour, from 15m to 48h, or 0s");
    }
    struct blackouts unused;
    struct error why = {0};
    if (blackouts_parse(config->blackout, &unused, &why) != ERR_NONE)
        return error_set(err, ERR_CONFIG, "plan.blackout: %s", why.message);
    return check_account(config, err);
}

static void write_duration(const char *name, int64_t duration_ms, struct strbuf *text)
{
    bool whole = duration_ms % MS_PER_SECOND == 0;
    strbuf_printf(text, "%s = %" PRId64 "%s\n", name,
                  whole ? duration_ms / MS_PER_SECOND : duration_ms, whole ? "s" : "ms");
}

/* An empty text is shown as a comment, unless it stands for something other than the default. */
static void write_text(const struct key *key, const char *value, struct strbuf *text)
{
    struct config defaults;
    config_init(&defaults);
    bool as_is = value[0] != '\0' || ((const char *)&defaults + key->offset)[0] != '\0';
    strbuf_printf(text, "%s%s = %s\n", as_is ? "" : "; ", key->name, value);
}

static void write_value(const struct config *config, const struct key *key, struct strbuf *text)
{
    const char *member = (const char *)config + key->offset;
    switch (key->kind) {
    case KEY_TEXT:
        write_text(key, member, text);
        return;
    case KEY_NUMBER:
        strbuf_printf(text, "%s = %" PRId64 "\n", key->name,
                      *(const int64_t *)(const void *)member);
        return;
    case KEY_PROBABILITY:
        strbuf_printf(text, "%s = %.15g\n", key->name, *(const double *)(const void *)member);
        return;
    case KEY_QUIESCE:
        strbuf_printf(text, "%s = %s\n", key->name,
                      quiesce_names[*(const enum config_quiesce *)(const void *)member]);
        return;
    case KEY_DURATION:
        write_duration(key->name, *(const int64_t *)(const void *)member, text);
        return;
    case KEY_VOLUME:
        for (size_t i = 0; i < config->volume_count; i++)
            strbuf_printf(text, "%s = %s\n", key->name, config->volumes[i]);
        return;
    }
}

enum error_code config_write(const struct config *config, struct strbuf *text, struct error *err)
{
    const char *section = "";
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(section, keys[i].section) != 0)
            strbuf_printf(text, "%s[%s]\n", i == 0 ? "" : "\n", keys[i].section);
        section = keys[i].section;
        if (keys[i].comment != NULL)
            strbuf_printf(text, "; %s\n", keys[i].comment);
        size_t before = text->length;
        write_value(config, &keys[i], text);
        if (keys[i].kind == KEY_TEXT && text->length - before > LINE_MAX_CHARS + 1) {
            return error_set(err, ERR_CONFIG, "%s.%s does not fit a line of %d characters",
                             keys[i].section, keys[i].name, LINE_MAX_CHARS);
        }
    }
    return strbuf_check(text, err);
}
