#include "cli/cmd.h"

#include <string.h>

#include "cli/exit_code.h"

static const struct cmd cmds[] = {
    {"init", VERB_INIT, "", "find the volumes of a database and write a config",
     "Asks the PostgreSQL of --data-directory or --conninfo where it lives, follows every place to\n"
     "its EBS volumes and writes a config to --config (default: ./ebshift.conf) that the other verbs\n"
     "read.",
     cmd_init},
    {"history", VERB_HISTORY, "", "learn from the snapshots and metrics in the account",
     "Reads snapshots with their durations, the blocks that changed between them, and the write\n"
     "rates; keeps them in the store, and shows them.",
     cmd_history},
    {"forecast", VERB_FORECAST, "", "what the model believes of each volume, and why",
     "Shows the fit of each volume in words and numbers: what comes from general experience and\n"
     "what was learned, how well it tells the past, which rows do not count, and where a series of\n"
     "snapshots leads. With --at and --for also the chance to be done in that time.",
     cmd_forecast},
    {"preflight", VERB_PREFLIGHT, "", "look at all that could go wrong, and say go or no-go",
     "Looks at both sides, the volumes and their keys, quotas, other schedulers, the database, its\n"
     "filesystems and the target machine, and says of each what it found and what to do. Changes\n"
     "nothing, but for --canary, which makes a small volume, sends it the whole way and removes it.\n"
     "Exit code 3 if a check says no. docs/preflight.md has every check.",
     cmd_preflight},
    {"plan", VERB_PLAN, "", "say beforehand: the series, its times, the downtime",
     "Plans the series of snapshots that ends inside --window and predicts the downtime, with an\n"
     "interval and the chance to miss the window. Changes nothing at AWS or on this machine but\n"
     "the store. Exit code 5 if no plan fits.",
     cmd_plan},
    {"migrate", VERB_MIGRATE, "", "run the series, cut, copy and create the volumes",
     "Plans, then runs: rounds of snapshots and copies until the cut pays; then writers are shut\n"
     "out (unless --no-fence), the filesystems are frozen for one request, the final set is taken\n"
     "and copied, and the volumes are created in --to-zone and attached to --to-instance.",
     cmd_migrate},
    {"status", VERB_STATUS, "[RUN]", "show a run: where it stands, predicted beside actual",
     "Shows the newest run, or the one named.", cmd_status},
    {"resume", VERB_RESUME, "[RUN]", "go on with a run that was stopped or killed",
     "Goes on from the journal. Nothing that was done is done again.", cmd_resume},
    {"abort", VERB_ABORT, "[RUN]", "give back service and remove what a run made",
     "Lifts the fence, then deletes the volumes, copies and snapshots of the run. Refused past the\n"
     "point of no return. Also removes what a canary of preflight left.",
     cmd_abort},
    {"thaw", VERB_THAW, "[MOUNT...]", "thaw what a dead ebshift left frozen",
     "Thaws every filesystem that a run recorded as frozen, and the mount points named. Needs no\n"
     "config, no store and no network.",
     cmd_thaw},
    {"whoami", VERB_WHOAMI, "", "show the identity, account and region of both sides",
     "Shows in whose name ebshift acts on each side, and how it came by it: which link of the chain of\n"
     "credentials was used, and what that one was bought with. docs/credentials.md has the order.",
     cmd_whoami},
    {"policy", VERB_POLICY, "", "print the IAM and KMS policies that a run needs, and no more",
     "Prints, as JSON, what the principal of each side must be allowed for the move that the config\n"
     "describes, what somebody needs who only looks (watcher), and what the policy of each key may say\n"
     "where it does not leave that to IAM. docs/policy.md has the reasons of every '*'.",
     cmd_policy},
    {"version", VERB_VERSION, "", "show the versions of ebshift and its libraries", "",
     cmd_version},
    {"help", VERB_HELP, "[VERB]", "this list, or the help of a verb", "", cmd_help},
};
#define CMD_COUNT (sizeof(cmds) / sizeof(cmds[0]))

const struct cmd *cmd_find(const char *name)
{
    for (size_t i = 0; i < CMD_COUNT; i++) {
        if (strcmp(cmds[i].name, name) == 0)
            return &cmds[i];
    }
    return NULL;
}

void cmd_print_all(FILE *out)
{
    (void)fputs("ebshift moves a database's EBS volumes with a downtime it predicts beforehand.\n\n"
                "usage: ebshift VERB [OPTION...]\n\n",
                out);
    for (size_t i = 0; i < CMD_COUNT; i++)
        (void)fprintf(out, "  %-10s %s\n", cmds[i].name, cmds[i].summary);
    (void)fputs("\n'ebshift VERB --help' shows the options of a verb. Exit codes:\n\n", out);
    exit_code_print(out);
}

void cmd_print(const struct cmd *cmd, FILE *out)
{
    (void)fprintf(out, "usage: ebshift %s [OPTION...]%s%s\n\n%s\n", cmd->name,
                  cmd->operands[0] == '\0' ? "" : " ", cmd->operands, cmd->summary);
    if (cmd->help[0] != '\0')
        (void)fprintf(out, "\n%s\n", cmd->help);
    (void)fputs("\n", out);
    opt_print(cmd->verb, out);
}

enum error_code cmd_help(struct session *session, struct error *err)
{
    if (session->options.operand_count == 0) {
        cmd_print_all(stdout);
        return ERR_NONE;
    }
    const struct cmd *cmd = cmd_find(session->options.operands[0]);
    if (cmd == NULL)
        return error_set(err, ERR_INVALID, "there is no verb '%s'", session->options.operands[0]);
    cmd_print(cmd, stdout);
    return ERR_NONE;
}
