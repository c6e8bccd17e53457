/* opt.h: the options of every verb, as one table that parses, checks and prints its own help. */
#ifndef CLI_OPT_H
#define CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/config.h"
#include "model/error.h"

/* One bit per verb: which options belong to it. */
enum verb_bit {
    VERB_INIT = 1 << 0,
    VERB_HISTORY = 1 << 1,
    VERB_PLAN = 1 << 2,
    VERB_MIGRATE = 1 << 3,
    VERB_STATUS = 1 << 4,
    VERB_RESUME = 1 << 5,
    VERB_ABORT = 1 << 6,
    VERB_THAW = 1 << 7,
    VERB_VERSION = 1 << 8,
    VERB_FORECAST = 1 << 9,
    VERB_HELP = 1 << 10,
    VERB_WHOAMI = 1 << 11,
    VERB_PREFLIGHT = 1 << 13,
    VERB_POLICY = 1 << 14,
};

#define OPT_SETTINGS_MAX 64

/* What a command line says. Borrows argv. Zero-initialise. */
struct options {
    const char *config_path; /* NULL: the default, if it exists */
    /* Of preflight; each NULL if it is not asked for. */
    const char *report_path; /* where the findings go as JSON */
    const char *facts_path;  /* where the facts of this machine go, and nothing else is done */
    const char *target_facts_path; /* the same file of the target machine */
    bool canary;
    bool json;
    bool verbose;
    bool help;
    bool force;
    bool no_fence;
    bool backup_mode;
    bool keep_snapshots;
    const char *side;        /* of a policy; NULL: all */
    const char *principal;   /* of the source, that policies are for; NULL: whoever asks */
    int64_t window_start_ms; /* 0 without --window */
    int64_t window_end_ms;
    int64_t at_ms;  /* 0 without --at */
    int64_t for_ms; /* 0 without --for */
    /* Keys of the config given as flags, in their order. */
    struct {
        const char *key;
        const char *value;
    } settings[OPT_SETTINGS_MAX];
    size_t setting_count;
    const char *operands[CLOUD_SET_MAX]; /* what is no option: run id, mount points */
    size_t operand_count;
};

/* Parses the words after the verb.
 * Errors: ERR_INVALID for an unknown or foreign option, a missing or bad argument. */
MUST_CHECK enum error_code opt_parse(enum verb_bit verb, int argc, char *const *argv,
                                     struct options *options, struct error *err);

/* True if a flag sets a key of the config. */
bool opt_sets(const struct options *options, const char *key);

/* Writes the option lines of a verb's help. */
void opt_print(enum verb_bit verb, FILE *out);

#endif
