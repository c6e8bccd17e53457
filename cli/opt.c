#include "cli/opt.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cli/wrap.h"
#include "model/instant.h"

/* Where the help of an option begins. */
#define INDENT 31

#define VERBS_ALL 0xffff
#define VERBS_LOOK                                                                                 \
    (VERB_HISTORY | VERB_FORECAST | VERB_PLAN | VERB_STATUS | VERB_WHOAMI | VERB_POLICY)
#define VERBS_ACT     (VERB_MIGRATE | VERB_RESUME | VERB_ABORT)
#define VERBS_CONFIG  (VERB_INIT | VERBS_LOOK | VERBS_ACT | VERB_PREFLIGHT)
#define VERBS_QUIESCE (VERB_INIT | VERBS_ACT | VERB_PREFLIGHT)
#define VERBS_PLANNED (VERB_PLAN | VERB_MIGRATE)

enum opt_kind {
    OPT_SWITCH,  /* sets a bool */
    OPT_JSON,    /* text or json */
    OPT_PATH,    /* sets a text */
    OPT_WINDOW,  /* sets both ends */
    OPT_INSTANT, /* sets an int64_t, milliseconds */
    OPT_LENGTH,  /* the same, of a duration */
    OPT_SETTING, /* a key of the config */
};

struct opt {
    const char *name; /* with the dashes */
    const char *argument;
    const char *help;
    int verbs;
    enum opt_kind kind;
    size_t offset;   /* of the bool or the number */
    const char *key; /* of the config */
};

#define SWITCH(name, member, verbs, help)                                                          \
    {                                                                                              \
        name, NULL, help, verbs, OPT_SWITCH, offsetof(struct options, member), NULL                \
    }
#define SETTING(name, argument, key, verbs, help)                                                  \
    {                                                                                              \
        name, argument, help, verbs, OPT_SETTING, 0, key                                           \
    }

static const struct opt opts[] = {
    {"--config", "FILE", "config file (/etc/ebshift.conf if it exists)", VERBS_CONFIG, OPT_PATH,
     offsetof(struct options, config_path), NULL},
    {"--side", "source|target|watcher|keys", "only that policy, ready for IAM", VERB_POLICY,
     OPT_PATH, offsetof(struct options, side), NULL},
    {"--principal", "ARN", "role or user of the source that the policies are for (the caller)",
     VERB_POLICY, OPT_PATH, offsetof(struct options, principal), NULL},
    {"--window", "START/END",
     "the cut is not before START, service is back before END; RFC 3339, "
     "END may be a duration: 2026-11-28T02:00Z/4h",
     VERBS_PLANNED | VERB_PREFLIGHT, OPT_WINDOW, 0, NULL},
    {"--at", "INSTANT", "when the final snapshot is taken (now)", VERB_FORECAST, OPT_INSTANT,
     offsetof(struct options, at_ms), NULL},
    {"--for", "DURATION", "how long it may last until service is back", VERB_FORECAST, OPT_LENGTH,
     offsetof(struct options, for_ms), NULL},
    SETTING("--confidence", "P", "plan.confidence", VERBS_PLANNED,
            "wanted chance to be back inside the window (0.9)"),
    SETTING("--max-downtime", "DURATION", "plan.max_downtime", VERBS_PLANNED,
            "longest downtime that will do"),
    SETTING("--to-region", "REGION", "target.region", VERBS_CONFIG, "where the volumes go"),
    SETTING("--to-zone", "ZONE", "target.zone", VERBS_CONFIG, "zone of the new volumes"),
    SETTING("--to-instance", "ID", "target.instance", VERBS_CONFIG,
            "instance that gets the new volumes attached"),
    SETTING("--kms-key-id", "ARN", "target.kms_key_id", VERBS_CONFIG,
            "key of the copies; needed for encrypted volumes"),
    SETTING("--to-account", "ID", "target.account", VERBS_CONFIG,
            "account of the new volumes, if it is another one"),
    SETTING("--to-role", "ARN", "target.role", VERBS_CONFIG, "role to assume there"),
    SETTING("--external-id", "TEXT", "target.external_id", VERBS_CONFIG,
            "what that role asks for, if anything"),
    SETTING("--via-region", "REGION", "via.region", VERBS_CONFIG,
            "where snapshots change accounts (the target region)"),
    SETTING("--via-kms-key-id", "ARN", "via.kms_key_id", VERBS_CONFIG,
            "key of the source account for its copies there"),
    SETTING("--region", "REGION", "source.region", VERBS_CONFIG, "where the volumes are"),
    SETTING("--instance", "ID", "source.instance", VERBS_CONFIG,
            "instance that the volumes are attached to"),
    SETTING("--volume", "ID", "source.volume", VERBS_CONFIG, "volume of the set; repeatable"),
    SETTING("--data-directory", "DIR", "postgres.data_directory", VERBS_CONFIG,
            "data directory of the PostgreSQL"),
    SETTING("--conninfo", "TEXT", "postgres.conninfo", VERBS_CONFIG,
            "libpq connection string; no password, use ~/.pgpass"),
    SETTING("--quiesce", "local|ssh|ssm", "host.quiesce", VERBS_QUIESCE,
            "where the database runs: on this machine, or one reached by ssh or SSM"),
    SETTING("--ssh", "HOST", "host.ssh", VERBS_QUIESCE, "that machine, for --quiesce ssh"),
    SETTING("--freeze-limit", "DURATION", "freeze.limit", VERBS_QUIESCE,
            "the watchdog thaws after this (10s)"),
    SETTING("--store", "DIR", "store.directory", VERBS_CONFIG,
            "runs, journal and history (/var/lib/ebshift)"),
    SETTING("--endpoint-url", "URL", "aws.endpoint_url", VERBS_CONFIG,
            "a stand-in for AWS; '{region}' is replaced"),
    SETTING("--profile", "NAME", "aws.profile", VERBS_CONFIG, "profile of the AWS config files"),
    SETTING("--to-profile", "NAME", "target.profile", VERBS_CONFIG,
            "profile of the target, where it is another one"),
    SWITCH("--no-fence", no_fence, VERB_MIGRATE | VERB_PREFLIGHT,
           "leave writers alone: a copy of the cut, not a move"),
    SWITCH("--backup-mode", backup_mode, VERB_MIGRATE | VERB_PREFLIGHT,
           "put the cut inside pg_backup_start and stop, for point-in-time recovery"),
    SWITCH("--keep-snapshots", keep_snapshots, VERB_ABORT,
           "leave snapshots and copies for a later run"),
    SWITCH("--force", force, VERB_INIT | VERB_MIGRATE | VERB_RESUME,
           "init: overwrite the config; else: go on although the plan does not fit"),
    SWITCH(
        "--canary", canary, VERB_PREFLIGHT | VERB_POLICY,
        "send a 1 GiB volume the whole way, and remove it again; policy: the rights for that too"),
    {"--report", "FILE", "write the findings there too, as JSON", VERB_PREFLIGHT, OPT_PATH,
     offsetof(struct options, report_path), NULL},
    {"--facts", "FILE", "write what others need to know of this machine there, and do nothing else",
     VERB_PREFLIGHT, OPT_PATH, offsetof(struct options, facts_path), NULL},
    {"--target-facts", "FILE", "that file, written on the target machine", VERB_PREFLIGHT, OPT_PATH,
     offsetof(struct options, target_facts_path), NULL},
    {"--output", "text|json", "form of the result", VERBS_ALL & ~VERB_HELP, OPT_JSON, 0, NULL},
    SWITCH("--json", json, VERBS_ALL & ~VERB_HELP, "the same as --output json"),
    SWITCH("--verbose", verbose, VERBS_CONFIG | VERB_THAW, "tell every step and every retry"),
    SWITCH("--help", help, VERBS_ALL, "this text"),
};
#define OPT_COUNT (sizeof(opts) / sizeof(opts[0]))

/* Finds the option of a word "--name" or "--name=value". */
static const struct opt *find_opt(enum verb_bit verb, const char *word)
{
    size_t length = strcspn(word, "=");
    for (size_t i = 0; i < OPT_COUNT; i++) {
        if ((opts[i].verbs & (int)verb) != 0 && strlen(opts[i].name) == length &&
            strncmp(opts[i].name, word, length) == 0)
            return &opts[i];
    }
    return NULL;
}

static enum error_code take(const struct opt *opt, const char *value, struct options *options,
                            struct error *err)
{
    assert(value != NULL || opt->kind == OPT_SWITCH);
    switch (opt->kind) {
    case OPT_SWITCH:
        *(bool *)((char *)options + opt->offset) = true;
        return ERR_NONE;
    case OPT_PATH:
        *(const char **)((char *)options + opt->offset) = value;
        return ERR_NONE;
    case OPT_WINDOW:
        return interval_parse(value, &options->window_start_ms, &options->window_end_ms, err);
    case OPT_JSON:
        if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
            return error_set(err, ERR_INVALID, "--output is 'text' or 'json', not '%s'", value);
        options->json = strcmp(value, "json") == 0;
        return ERR_NONE;
    case OPT_INSTANT:
        return instant_parse(value, (int64_t *)((char *)options + opt->offset), err);
    case OPT_LENGTH:
        return duration_parse(value, (int64_t *)((char *)options + opt->offset), err);
    case OPT_SETTING:
        break;
    }
    if (options->setting_count == OPT_SETTINGS_MAX)
        return error_set(err, ERR_INVALID, "more than %d options", OPT_SETTINGS_MAX);
    options->settings[options->setting_count].key = opt->key;
    options->settings[options->setting_count++].value = value;
    return ERR_NONE;
}

/* Takes the option at argv[*index] and its argument, and moves *index to its last word. */
static enum error_code take_word(enum verb_bit verb, int argc, char *const *argv, int *index,
                                 struct options *options, struct error *err)
{
    const char *word = argv[*index];
    const struct opt *opt = find_opt(verb, word);
    const char *value = strchr(word, '=');
    if (opt == NULL)
        return error_set(err, ERR_INVALID, "unknown option '%s'", word);
    if (opt->argument == NULL && value != NULL)
        return error_set(err, ERR_INVALID, "%s takes no value", opt->name);
    if (opt->argument != NULL && value == NULL) {
        if (*index + 1 == argc)
            return error_set(err, ERR_INVALID, "%s needs a value: %s", opt->name, opt->argument);
        value = argv[++*index];
    } else if (value != NULL) {
        value++;
    }
    return take(opt, value, options, err);
}

enum error_code opt_parse(enum verb_bit verb, int argc, char *const *argv, struct options *options,
                          struct error *err)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            TRY(take_word(verb, argc, argv, &i, options, err));
            continue;
        }
        if (options->operand_count == CLOUD_SET_MAX)
            return error_set(err, ERR_INVALID, "too many words");
        options->operands[options->operand_count++] = argv[i];
    }
    return ERR_NONE;
}

bool opt_sets(const struct options *options, const char *key)
{
    for (size_t i = 0; i < options->setting_count; i++) {
        if (strcmp(options->settings[i].key, key) == 0)
            return true;
    }
    return false;
}

void opt_print(enum verb_bit verb, FILE *out)
{
    for (size_t i = 0; i < OPT_COUNT; i++) {
        char left[64];
        if ((opts[i].verbs & (int)verb) == 0)
            continue;
        (void)snprintf(left, sizeof(left), "%s %s", opts[i].name,
                       opts[i].argument == NULL ? "" : opts[i].argument);
        (void)fprintf(out, "  %-28s ", left);
        wrap_print(opts[i].help, INDENT, INDENT, out);
    }
}
