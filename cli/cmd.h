/* cmd.h: the verbs, as one table; help, completion and dispatch come from it. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

#include <stdio.h>

#include "cli/opt.h"
#include "cli/session.h"
#include "model/error.h"

/* One verb. */
struct cmd {
    const char *name;
    enum verb_bit verb;
    const char *operands; /* as help shows them, "" for none */
    const char *summary;  /* one line */
    const char *help;     /* a paragraph or two */
    /* Runs it: prints its result to standard output; failures are told by main. */
    enum error_code (*run)(struct session *session, struct error *err);
};

/* The verb of a name, NULL if there is none. */
const struct cmd *cmd_find(const char *name);

/* Writes the list of verbs, or the help of one. */
void cmd_print_all(FILE *out);
void cmd_print(const struct cmd *cmd, FILE *out);

/* One function per verb, in cmd_<verb>.c. */
enum error_code cmd_init(struct session *session, struct error *err);
enum error_code cmd_history(struct session *session, struct error *err);
enum error_code cmd_forecast(struct session *session, struct error *err);
enum error_code cmd_plan(struct session *session, struct error *err);
enum error_code cmd_migrate(struct session *session, struct error *err);
enum error_code cmd_status(struct session *session, struct error *err);
enum error_code cmd_resume(struct session *session, struct error *err);
enum error_code cmd_abort(struct session *session, struct error *err);
enum error_code cmd_thaw(struct session *session, struct error *err);
enum error_code cmd_whoami(struct session *session, struct error *err);
enum error_code cmd_preflight(struct session *session, struct error *err);
enum error_code cmd_policy(struct session *session, struct error *err);
enum error_code cmd_version(struct session *session, struct error *err);
enum error_code cmd_help(struct session *session, struct error *err);

#endif
