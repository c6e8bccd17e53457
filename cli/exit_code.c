#include "cli/exit_code.h"

#include <signal.h>
#include <stddef.h>

/* What each failure means to the shell, and what to do about it. */
static const struct {
    int exit_code;
    const char *hint;
} failures[] = {
    [ERR_NONE] = {0, ""},
    [ERR_INVALID] = {2, "see 'ebshift VERB --help'"},
    [ERR_CONFIG] =
        {2,
         "the config is the file of --config, else /etc/ebshift.conf; 'ebshift init' writes one"},
    [ERR_NOT_FOUND] = {6, "check ids, region and account"},
    [ERR_NO_RUN] = {1, "check --config or --store; 'ebshift migrate' begins a run"},
    [ERR_NO_MEMORY] = {1, ""},
    [ERR_SYSTEM] = {1, ""},
    [ERR_TIMEOUT] = {1, "'ebshift status' shows where it stands; 'ebshift resume' goes on"},
    [ERR_INTERRUPTED] =
        {130, "a run that had begun: 'ebshift resume' goes on, 'ebshift abort' undoes it"},
    [ERR_LOCKED] = {11,
                    "wait for it, look with 'ebshift status', or end that process first (SIGTERM)"},
    [ERR_STATE] = {1, "'ebshift status' shows where it stands"},
    [ERR_STORE] = {1, "check free space and permissions of the store directory"},
    [ERR_UNREACHABLE] = {7, "check network and endpoint; safe to run again"},
    [ERR_TRANSIENT] = {7, "safe to run again"},
    [ERR_THROTTLED] = {7, "safe to run again, later"},
    [ERR_LIMIT] = {7, "a quota is full: wait, or raise it; then 'ebshift resume'"},
    [ERR_AMBIGUOUS] = {7, "'ebshift resume' looks up what became of the call"},
    [ERR_ACCESS] = {6,
                    "check the credentials and their rights: 'ebshift policy' prints those needed"},
    [ERR_CLOUD] = {6, ""},
    [ERR_ASKED] = {6, ""},
    [ERR_PROTOCOL] = {7, "is something between here and AWS?"},
    [ERR_POSTGRES] = {8, "check postgres.conninfo and the server's log"},
    [ERR_QUIESCE] = {9, "nothing is frozen; see 'ebshift status'"},
    [ERR_NOT_THAWED] = {10, "run 'ebshift thaw' now, on the database's machine"},
    [ERR_NO_GO] = {3, "each finding names its remedy"},
    [ERR_NO_CONVERGENCE] =
        {5, "'ebshift plan' shows what would help; 'migrate --force' goes on regardless"},
    [ERR_DEADLINE] =
        {5, "try an earlier start or a later window; 'migrate --force' goes on regardless"},
};

int exit_code_of(enum error_code code, int stop_signal)
{
    if (code == ERR_INTERRUPTED && stop_signal == SIGTERM)
        return 143;
    return failures[code].exit_code;
}

const char *exit_code_hint(enum error_code code)
{
    return failures[code].hint;
}

static const struct {
    int exit_code;
    const char *name;
    const char *meaning;
} names[] = {
#define EXIT_NAME(number, name, meaning) {number, name, meaning},
    EXIT_CODES(EXIT_NAME)
#undef EXIT_NAME
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

const char *exit_code_name(int exit_code)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (names[i].exit_code == exit_code)
            return names[i].name;
    }
    return "failed";
}

void exit_code_print(FILE *out)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        (void)fprintf(out, "  %-10d %s\n", names[i].exit_code, names[i].meaning);
}
