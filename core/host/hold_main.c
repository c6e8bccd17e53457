/* ebshift-hold: freezes filesystems of this machine for an ebshift elsewhere.
 *
 * usage: ebshift-hold                    as root, its standard input and output a session of ssh
 *        ebshift-hold KEY WORD...        one line of a longer conversation, a command of SSM
 *
 * It answers one line with one line (hold_answer.h) until its input ends, or is silent for ten minutes, and
 * then thaws; keeper.h
 * tells how a conversation over SSM is kept. It writes nothing but its answers, and no file but the
 * frozen-record on tmpfs. Should it die, its watchdog thaws. It keeps no secret and starts nothing
 * but that watchdog and itself. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "core/host/hold_answer.h"
#include "core/host/keeper.h"
#include "core/wire.h"

/* Writes all of it; false if nobody reads any more. */
static bool put(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t done = write(STDOUT_FILENO, bytes, length);
        if (done < 0 && errno != EINTR)
            return false;
        bytes += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* A link that drops all it should carry never ends, and the mounts that are open here could not be
 * unmounted; whoever still is at the other end connects anew. */
static bool is_spoken_to(void)
{
    struct pollfd wanted = {.fd = STDIN_FILENO, .events = POLLIN};
    int heard = 0;
    do {
        heard = poll(&wanted, 1, HOLD_IDLE_MS);
    } while (heard < 0 && errno == EINTR);
    return heard == 1;
}

/* Takes one line out of standard input, without its newline; false at the end, after a long silence,
 * and for a line that does not fit. */
static bool get_line(char *line, size_t size)
{
    for (size_t length = 0; length < size && is_spoken_to(); length++) {
        ssize_t got = 0;
        do {
            got = read(STDIN_FILENO, line + length, 1);
        } while (got < 0 && errno == EINTR);
        if (got != 1)
            return false;
        if (line[length] == '\n') {
            line[length] = '\0';
            return true;
        }
    }
    return false;
}

static int converse(void)
{
    static struct hold_talk talk;
    static char line[WIRE_LINE_MAX];
    struct strbuf answer = {.max_bytes = WIRE_LINE_MAX};
    strbuf_reserve(&answer, WIRE_LINE_MAX);
    bool heard = true;
    while (heard && get_line(line, sizeof(line))) {
        hold_talk_answer(&talk, line, &answer);
        strbuf_puts(&answer, "\n");
        heard = strbuf_check(&answer, NULL) == ERR_NONE && put(strbuf_text(&answer), answer.length);
    }
    hold_talk_done(&talk);
    strbuf_done(&answer);
    return 0;
}

/* The words are a line already: nothing in them needs a shell's attention or ours. */
static int pass_on(int argc, char **argv)
{
    CLEANUP_STRBUF struct strbuf line = {.max_bytes = WIRE_LINE_MAX};
    CLEANUP_STRBUF struct strbuf answer = {.max_bytes = WIRE_LINE_MAX};
    struct error err = {0};
    for (int i = 2; i < argc; i++)
        strbuf_printf(&line, "%s%s", i > 2 ? " " : "", argv[i]);
    if (strbuf_check(&line, &err) == ERR_NONE &&
        keeper_ask(argv[1], strbuf_text(&line), &answer, &err) == ERR_NONE &&
        put(strbuf_text(&answer), answer.length))
        return 0;
    (void)!write(STDERR_FILENO, err.message, strlen(err.message));
    return 1;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 2 || chdir("/") != 0)
        return 2;
    return argc == 1 ? converse() : pass_on(argc, argv);
}
