#include "core/aws/credential_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/aws/credential_document.h"
#include "core/aws/secret_file.h"
#include "core/clock.h"

#define MAX_OUTPUT_BYTES 65536
#define SLICE_MS         200
#define SHORT_MS         5
#define NOT_RUN          127 /* what posix_spawn and a shell say for a program that is not there */

/* Takes one word from *from on, writing it where it began: no form of quoting makes it longer. */
static enum error_code take_word(char **from, char **to, struct error *err)
{
    char quote = '\0';
    char *at = *from;
    char *out = *to;
    for (; *at != '\0' && (quote != '\0' || strchr(" \t", *at) == NULL); at++) {
        bool shields = *at == '\\' && quote != '\'' &&
                       (quote == '\0' || (at[1] != '\0' && strchr("\"\\", at[1]) != NULL));
        if (shields && at[1] == '\0')
            return error_set(err, ERR_CONFIG, "credential_process ends with a backslash");
        if (shields) {
            *out++ = *++at;
        } else if (quote == '\0' && strchr("'\"", *at) != NULL) {
            quote = *at;
        } else if (quote != '\0' && *at == quote) {
            quote = '\0';
        } else {
            *out++ = *at;
        }
    }
    if (quote != '\0')
        return error_set(err, ERR_CONFIG, "credential_process has an open %c", quote);
    *from = at + (*at == '\0' ? 0 : 1);
    *out = '\0';
    *to = out + 1;
    return ERR_NONE;
}

enum error_code credential_process_split(char *line, char *words[CREDENTIAL_PROCESS_WORDS_MAX + 1],
                                         struct error *err)
{
    size_t count = 0;
    char *to = line;
    char *from = line + strspn(line, " \t");
    while (*from != '\0') {
        if (count == CREDENTIAL_PROCESS_WORDS_MAX)
            return error_set(err, ERR_CONFIG, "credential_process has too many words");
        words[count++] = to;
        TRY(take_word(&from, &to, err));
        from += strspn(from, " \t");
    }
    if (count == 0)
        return error_set(err, ERR_CONFIG, "credential_process is empty");
    words[count] = NULL;
    return ERR_NONE;
}

/* A program that runs, and the pipe it writes to. */
struct child {
    pid_t pid; /* 0: none to wait for */
    int output;
    int write_end;
};

static void child_done(struct child *child)
{
    if (child->output >= 0)
        (void)close(child->output);
    if (child->write_end >= 0)
        (void)close(child->write_end);
    if (child->pid > 0) {
        (void)kill(-child->pid, SIGKILL);
        (void)waitpid(child->pid, NULL, 0);
    }
}

static void describe_child(struct child *child, posix_spawn_file_actions_t *files,
                           posix_spawnattr_t *how)
{
    sigset_t defaults;
    sigset_t none;
    (void)posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(files, child->write_end, STDOUT_FILENO);
    /* We ignore SIGPIPE and others; the program shall not inherit that. */
    (void)sigfillset(&defaults);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigdefault(how, &defaults);
    (void)posix_spawnattr_setsigmask(how, &none);
    (void)posix_spawnattr_setpgroup(how, 0);
    (void)posix_spawnattr_setflags(how, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETPGROUP);
}

static enum error_code start(char *const *words, struct child *child, struct error *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(err, ERR_SYSTEM, "cannot make a pipe: %s", strerrordesc_np(errno));
    child->output = ends[0];
    child->write_end = ends[1];
    if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&how) != 0)
        return error_set(err, ERR_NO_MEMORY, "cannot start a program");
    describe_child(child, &files, &how);
    int why = posix_spawnp(&child->pid, words[0], &files, &how, words, environ);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&how);
    (void)close(child->write_end);
    child->write_end = -1;
    if (why == 0)
        return ERR_NONE;
    child->pid = 0;
    return error_set(err, ERR_CONFIG, "cannot run '%s': %s", words[0], strerrordesc_np(why));
}

static enum error_code may_wait(int64_t end_us, struct error *err)
{
    TRY(clock_check_stop(err));
    if (clock_mono_us() >= end_us)
        return error_set(err, ERR_TIMEOUT, "did not end in time");
    return ERR_NONE;
}

/* Reads until the program closes its output. */
static enum error_code read_output(struct child *child, int64_t end_us, struct strbuf *output,
                                   struct error *err)
{
    strbuf_reserve(output, output->max_bytes);
    for (;;) {
        struct pollfd wanted = {.fd = child->output, .events = POLLIN};
        char part[4096];
        TRY(may_wait(end_us, err));
        if (poll(&wanted, 1, SLICE_MS) <= 0)
            continue;
        ssize_t got = read(child->output, part, sizeof(part));
        if (got < 0 && errno != EINTR)
            return error_set(err, ERR_SYSTEM, "cannot read: %s", strerrordesc_np(errno));
        if (got == 0)
            return ERR_NONE;
        strbuf_add(output, part, got > 0 ? (size_t)got : 0);
        explicit_bzero(part, sizeof(part));
        if (strbuf_check(output, err) != ERR_NONE)
            return error_set(err, ERR_ACCESS, "writes more than %d bytes", MAX_OUTPUT_BYTES);
    }
}

static enum error_code wait_end(struct child *child, int64_t end_us, struct error *err)
{
    int status = 0;
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        TRY(may_wait(end_us, err));
        (void)poll(NULL, 0, SHORT_MS);
    }
    child->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_NONE;
    /* Where the spawning is a fork, the child itself finds out that there is no program. */
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_RUN)
        return error_set(err, ERR_CONFIG, "cannot run it: ended with code %d", NOT_RUN);
    return error_set(err, ERR_ACCESS, "ended with %s %d", WIFEXITED(status) ? "code" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static enum error_code run(char *const *words, int64_t limit_ms, struct credentials *keys,
                           struct error *err)
{
    CLEANUP(child_done) struct child child = {.output = -1, .write_end = -1};
    CLEANUP_SECRET_TEXT struct strbuf output = {.max_bytes = MAX_OUTPUT_BYTES};
    int64_t end_us = clock_mono_us() + limit_ms * 1000;
    TRY(start(words, &child, err));
    TRY(read_output(&child, end_us, &output, err));
    TRY(wait_end(&child, end_us, err));
    const struct credential_document document = {.text = strbuf_text(&output),
                                                 .length = output.length,
                                                 .token_name = "SessionToken",
                                                 .has_version = true};
    if (credential_document_read(&document, keys, err) == ERR_NONE)
        return ERR_NONE;
    /* What a program on this machine prints is no answer of AWS's. */
    (void)error_prefix(err, "its output");
    return err->code = ERR_ACCESS;
}

static void free_line(char **line)
{
    free(*line);
}

enum error_code credential_process_run(const char *line, int64_t limit_ms, struct credentials *keys,
                                       struct error *err)
{
    char *words[CREDENTIAL_PROCESS_WORDS_MAX + 1];
    CLEANUP(free_line) char *copy = strdup(line);
    if (copy == NULL)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a command line");
    TRY(credential_process_split(copy, words, err));
    if (run(words, limit_ms, keys, err) != ERR_NONE)
        return error_prefix(err, "credential_process '%s'", words[0]);
    return ERR_NONE;
}
