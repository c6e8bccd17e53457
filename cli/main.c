/* main.c: start-up, dispatch, and the one place that tells a failure. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <gsl/gsl_errno.h>

#include "cli/cmd.h"
#include "cli/exit_code.h"
#include "cli/json_out.h"
#include "core/version.h"

/* Whoever starts us with a stream closed must not find our words in the socket that takes its
 * number. Opened the wrong way round, it still fails whoever uses it. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

static void start_libraries(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction stop = {.sa_handler = clock_request_stop};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)umask(077);
    /* Keys and passwords are in memory: no core dump may carry them away. */
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)gsl_set_error_handler_off();
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* An error in JSON mode is a document too, so that a caller has only one thing to parse. */
static int tell(const struct session *session, const struct error *err)
{
    int exit_code = exit_code_of(err->code, clock_stop_signal());
    /* What was printed came first, also where both streams are one pipe. */
    (void)fflush(stdout);
    const char *hint = exit_code_hint(err->code);
    if (session->options.json) {
        struct json_out *document = json_out_new();
        json_out_text(document, "message_type", "error");
        json_out_text(document, "code", error_name(err->code));
        json_out_text(document, "message", err->message);
        json_out_text(document, "hint", hint);
        json_out_int(document, "exit_code", exit_code);
        json_out_text(document, "exit_name", exit_code_name(exit_code));
        json_out_print(document, stdout);
    }
    (void)fprintf(stderr, "ebshift: %s\n", err->message);
    if (hint[0] != '\0')
        (void)fprintf(stderr, "hint: %s\n", hint);
    return exit_code;
}

/* A reader that has seen enough ('| head') is no failure: the verb did its work. */
static enum error_code finish_output(struct error *err)
{
    struct stat facts;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return ERR_NONE;
    if (fstat(STDOUT_FILENO, &facts) == 0 && S_ISFIFO(facts.st_mode))
        return ERR_NONE;
    return error_set(err, ERR_SYSTEM, "cannot write the result");
}

static int run(const struct cmd *cmd, int argc, char *const *argv)
{
    CLEANUP_SESSION struct session session = {0};
    struct error err = {0};
    enum error_code code = opt_parse(cmd->verb, argc, argv, &session.options, &err);
    if (code == ERR_NONE && session.options.help) {
        cmd_print(cmd, stdout);
        return 0;
    }
    if (code == ERR_NONE)
        code = session_start(&session, &err);
    if (code == ERR_NONE)
        code = cmd->run(&session, &err);
    if (code == ERR_NONE)
        code = finish_output(&err);
    return code == ERR_NONE ? 0 : tell(&session, &err);
}

int main(int argc, char **argv)
{
    hold_standard_streams();
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        cmd_print_all(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("ebshift %s\n", EBSHIFT_VERSION);
        return 0;
    }
    const struct cmd *cmd = cmd_find(argv[1]);
    if (cmd == NULL) {
        (void)fprintf(stderr, "ebshift: there is no verb '%s'\nhint: 'ebshift --help' lists them\n",
                      argv[1]);
        return 2;
    }
    start_libraries();
    int exit_code = run(cmd, argc - 2, argv + 2);
    curl_global_cleanup();
    return exit_code;
}
