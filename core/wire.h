/* wire.h: a waist: one line asked of a program on another machine, one line of answer.
 *
 * core/host/ssh.h carries it over a session of ssh, core/aws/ssm.h over SSM. The lines are those of
 * core/host/words.h; what they mean stands in core/host/hold_answer.h. */
#ifndef CORE_WIRE_H
#define CORE_WIRE_H

#include <stdint.h>

#include "model/error.h"
#include "model/strbuf.h"

enum { WIRE_LINE_MAX = 1 << 16 };

/* Both members are set. */
struct wire {
    void *self;

    /* Sends `line` (without its newline) and puts the answer, without newline, into *answer. A
     * connection that is not there, or was lost since, is made first.
     * Errors: ERR_UNREACHABLE if there is no connection or it broke; ERR_TIMEOUT if no answer came
     * within limit_ms. After both the line may have been obeyed. */
    enum error_code (*ask)(void *self, const char *line, int64_t limit_ms, struct strbuf *answer,
                           struct error *err);

    /* Ends the connection; the far program then thaws what it holds. Harmless if there is none. */
    void (*close)(void *self);
};

#endif
