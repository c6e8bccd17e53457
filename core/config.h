/* config.h: what the operator wants, from flags, EBSHIFT_* and one INI file, checked.
 *
 * One table holds every key: section, name, kind. The environment's name of a key is made from it
 * (target.region is EBSHIFT_TARGET_REGION); a flag beats the environment, which beats the file.
 * Unknown keys are errors with their line. The file never holds a cloud secret; if a connection
 * string in it holds a password, the file must be readable by its owner only. */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/cloud.h"
#include "model/error.h"
#include "model/strbuf.h"

#define CONFIG_TEXT_SIZE 512
#define CONFIG_MOUNT_MAX 16

/* Where the database and its filesystems are. */
enum config_quiesce {
    QUIESCE_LOCAL, /* on this machine */
    QUIESCE_SSH,   /* on another one, reached by ssh */
    QUIESCE_SSM,   /* on source.instance, reached by SSM's Run Command */
};

/* One validated configuration; plain data. Instants and durations are milliseconds. */
struct config {
    char store[CONFIG_TEXT_SIZE];      /* directory of the store */
    char device_dir[CONFIG_TEXT_SIZE]; /* by-id links of the block devices */

    enum config_quiesce quiesce;
    char ssh[CONFIG_TEXT_SIZE];        /* the database's machine, for ssh */
    char ssh_config[CONFIG_TEXT_SIZE]; /* empty: the usual files of ssh */
    char hold_command[CONFIG_TEXT_SIZE];

    char source_region[32];
    char source_instance[CLOUD_ID_SIZE];
    char volumes[CLOUD_SET_MAX][CLOUD_ID_SIZE];
    size_t volume_count;

    char data_directory[CONFIG_TEXT_SIZE]; /* empty: no PostgreSQL, volumes only */
    char conninfo[CONFIG_TEXT_SIZE];
    int64_t checkpoint_limit_ms; /* longest time of one statement, of which CHECKPOINT is longest */

    char target_region[32];
    char target_profile[64]; /* of the AWS config files; empty: as for the source */
    char target_zone[CLOUD_ZONE_SIZE];
    char target_instance[CLOUD_ID_SIZE]; /* empty: make the volumes, attach nothing */
    char target_key[CLOUD_KEY_SIZE];
    char target_account[16]; /* empty: the same as the source's */
    char target_role[CLOUD_KEY_SIZE];
    char target_external_id[CONFIG_TEXT_SIZE];

    char via_region[32]; /* where snapshots change accounts; empty: the target's */
    char via_key[CLOUD_KEY_SIZE];

    double confidence;
    int64_t max_downtime_ms;         /* 0: as long as the window */
    char blackout[CONFIG_TEXT_SIZE]; /* model/blackout.h; empty: none */
    int64_t round_price_ms;          /* downtime that one more round must save */
    int64_t copy_duration_ms;        /* asked of time-based copies; 0: standard ones */
    int64_t copies_at_once;          /* that AWS lets the account have in flight into one region */
    int64_t freeze_limit_ms;
    int64_t archive_limit_ms; /* longest wait for WAL to be archived when backup mode ends */

    char endpoint_url[CONFIG_TEXT_SIZE];
    char profile[64];
};

/* Starts with the defaults. */
void config_init(struct config *config);

/* Reads a file over *config. Errors: ERR_CONFIG with file and line: cannot be read, unknown section
 * or key, value that does not parse, secrets in a file others may read. */
MUST_CHECK enum error_code config_read_file(struct config *config, const char *path,
                                            struct error *err);

/* Applies every EBSHIFT_SECTION_KEY of an environment ("NAME=value" strings, NULL-terminated).
 * Errors: ERR_CONFIG naming the variable, also for an unknown one that starts with the name of a
 * section. */
MUST_CHECK enum error_code
config_read_environment(struct config *config, const char *const *environment, struct error *err);

/* Sets one key, "section.name". `volume` adds to the set; the first of a new origin replaces it.
 * Errors: ERR_CONFIG. */
MUST_CHECK enum error_code config_set(struct config *config, const char *key, const char *value,
                                      struct error *err);

/* Checks what only the whole can tell: a region, at least one volume, an instance when there are
 * several; 12 digits of an account, and one where a role of it is named. Errors: ERR_CONFIG. */
MUST_CHECK enum error_code config_check(const struct config *config, struct error *err);

/* Tells whether a value is, or may hold, a password. */
bool config_holds_secret(const struct config *config);

/* Writes *config as a file that config_read_file() reads back to the same values, with comments.
 * Errors: ERR_CONFIG for a value that is too long for a line of the file. */
MUST_CHECK enum error_code config_write(const struct config *config, struct strbuf *text,
                                        struct error *err);

#endif
