/* rights_ask.h: asks whether a principal has a right, without doing what it is for.
 *
 * EC2 and KMS know a dry run, and what reads is simply done. Some rights cannot be asked about: those
 * that EBS uses in the principal's name, and those that hang on tags of ebshift's things while there
 * are none. They are called unknown, never allowed. */
#ifndef CORE_ENGINE_RIGHTS_ASK_H
#define CORE_ENGINE_RIGHTS_ASK_H

#include "core/clock.h"
#include "core/engine/rights.h"
#include "core/log.h"
#include "model/error.h"

enum right_verdict { RIGHT_ALLOWED, RIGHT_DENIED, RIGHT_UNKNOWN };

/* Who asks, and how long a question is tried. Borrows all. */
struct right_asker {
    const struct rights_request *request;
    const struct clock *clock;
    const struct log *log;
    int64_t patience_ms;
};

/* Asks about one right of rights_list(); changes nothing. Unless it is allowed *why says what was
 * answered, or why it cannot be asked; its code is ERR_INTERRUPTED after a signal. */
enum right_verdict right_ask(const struct right_asker *asker, const struct right *right,
                             struct error *why);

#endif
